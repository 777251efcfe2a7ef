import { expect, it } from 'vitest'
import { crc32, silentLogger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { SeededRandom } from '../../platform/testing/seeded-random.ts'
import { SimulatedClock } from '../../platform/testing/simulated-clock.ts'
import { SimulatedDisk } from '../../platform/testing/simulated-disk.ts'
import { SimulatedProcess } from '../../platform/testing/simulated-process.ts'
import { beginOf } from '../testing/binlog-feed.ts'
import type { LogRecord } from './log-record.ts'
import { ReplicatedLog } from './replicated-log.ts'

/** One log that loses power at any operation, life after life; what it must still have is written beside it. */
class Lives {
  readonly random: SeededRandom
  readonly #clock = new SimulatedClock()
  readonly #disk: SimulatedDisk
  /** record n at n - 1, as it was appended last */
  readonly #appended: LogRecord[] = []
  /** the log ends here or later */
  #floor = 0
  #epoch = 1
  #file = 0
  cutsDone = 0
  deaths = 0
  shorts = 0

  constructor(seed: number) {
    this.random = new SeededRandom(seed)
    this.#disk = new SimulatedDisk(this.#clock, this.random)
  }

  async live(): Promise<void> {
    const disk = new SimulatedProcess(this.#disk, () => {
      this.deaths += 1
    })
    // Lets time go on until the work is done, or the process has died in the middle.
    const drive = async <T>(work: Promise<T>): Promise<T | undefined> => {
      const seen: { isOver: boolean; result?: T; failure?: unknown } = { isOver: false }
      const watch = work.then(
        (value) => {
          seen.result = value
          seen.isOver = true
        },
        (thrown: unknown) => {
          seen.failure = thrown
          seen.isOver = true
        },
      )
      while (!seen.isOver && !disk.isDead) {
        await new Promise(setImmediate)
        if (!seen.isOver && !disk.isDead) this.#clock.step()
      }
      if (seen.isOver) await watch
      if (seen.failure !== undefined && !disk.isDead) throw seen.failure
      return disk.isDead ? undefined : seen.result
    }
    const options = { disk, folder: '/data/binlogs', storeId: 's', logger: silentLogger }
    // The opening may be interrupted, too.
    if (this.random.chance(0.3)) this.#disk.armDeath('power cut', this.random.between(0, 40))
    const log = await drive(ReplicatedLog.open(options))
    if (log === undefined) return
    this.#disk.disarm()
    await drive(this.#check(log))
    this.#epoch += 1
    this.#disk.armDeath('power cut', this.random.between(0, 120))
    for (let step = 0; step < 40 && !disk.isDead; step += 1) await drive(this.#step(log))
    if (!disk.isDead) this.#disk.crash('power cut')
    await new Promise(setImmediate)
  }

  async #check(log: ReplicatedLog): Promise<void> {
    const { end, base } = log
    expect(end).toBeGreaterThanOrEqual(this.#floor)
    expect(end).toBeLessThanOrEqual(this.#appended.length)
    this.#appended.length = end
    this.#floor = end
    const reader = log.read(base.sequence + 1)
    for (let sequence = base.sequence + 1; sequence <= end; sequence += 1) {
      const { bytes, ...found } = (await reader.next()) as LogRecord
      const { bytes: whole, ...told } = this.#appended[sequence - 1] as LogRecord
      const { epoch, kind, boundary } = told
      expect(found).toMatchObject({ sequence, epoch, kind, end: told.end, boundary })
      if (bytes === undefined || whole === undefined) continue
      expect(Buffer.from(whole).subarray(0, bytes.length).equals(bytes)).toBe(true)
    }
    await reader.close()
  }

  async #step(log: ReplicatedLog): Promise<void> {
    const { random } = this
    const { end, boundary } = log.tail
    const hasFile = log.filesHeld().length > 0
    const isHalf = end > boundary
    const waits = log.removals[0]
    const cutWaits = log.removals.some(({ kind }) => kind === 'cut')
    const what = random.between(0, 99)
    if (what < 25) {
      this.#floor = Math.max(this.#floor, await log.sync())
    } else if (log.gap !== undefined && !cutWaits && what < 80) {
      // What follows a record that has lost its bytes: another one, or the cut that took them.
      if (what < 40) await this.#short(log, 0)
      else await this.#append(log, { kind: 'cut', crc: 0, end: boundary, boundary })
    } else if (what < 30 && hasFile && !cutWaits) {
      await this.#short(log, random.between(isHalf ? 1 : 0, 50))
    } else if (what < 60 && hasFile && !cutWaits && log.gap === undefined) {
      const bytes = Buffer.alloc(random.between(1, 2000), random.between(1, 255))
      const at = end + bytes.length
      const isOpen = random.chance(0.4)
      const place = { crc: crc32(bytes), end: at, boundary: isOpen ? boundary : at }
      await this.#append(log, { kind: 'bytes', bytes, timestamp: 1, ...place })
    } else if (what < 70) {
      await this.#append(log, { kind: 'epoch-start', crc: 0, end, boundary })
    } else if (what < 78 && isHalf && !cutWaits) {
      await this.#append(log, { kind: 'cut', crc: 0, end: boundary, boundary })
    } else if (what < 84 && !isHalf && !cutWaits && log.gap === undefined) {
      this.#file += 1
      const nothing = GtidSet.empty()
      const begin = beginOf(`binlog.${String(this.#file).padStart(6, '0')}`)
      const fileBegin = { begin, contact: nothing, held: nothing }
      await this.#append(log, { kind: 'file-begin', crc: 0, end: 4, boundary: 4, fileBegin })
    } else if (what < 88 && log.filesHeld().length > 2) {
      const upTo = log.filesHeld()[1]?.name ?? ''
      await this.#append(log, { kind: 'purge', crc: 0, end, boundary, upTo })
    } else if (what < 95 && waits !== undefined) {
      // Committed, whether or not the power lasts until it is done.
      this.cutsDone = Math.max(this.cutsDone, waits.sequence)
      await log.remove(waits)
      this.#floor = Math.max(this.#floor, waits.sequence)
    } else if (what >= 95) {
      await this.#truncate(log)
    }
  }

  /** A record of which a cut has left `size` bytes, and the transaction that ends there. */
  async #short(log: ReplicatedLog, size: number): Promise<void> {
    const { end: start, boundary } = log.tail
    const whole = Buffer.alloc(size + this.random.between(1, 2000), this.random.between(1, 255))
    const bytes = whole.subarray(0, size)
    const place = { crc: crc32(whole), end: start + whole.length }
    const at = size > 0 ? start + size : boundary
    await this.#append(log, { kind: 'bytes', bytes, timestamp: 1, ...place, boundary: at })
    this.shorts += 1
  }

  async #append(log: ReplicatedLog, fields: Omit<LogRecord, 'sequence' | 'epoch'>): Promise<void> {
    const record = { ...fields, sequence: log.end + 1, epoch: this.#epoch }
    this.#appended[log.end] = record
    await log.append([record])
    this.#floor = Math.max(this.#floor, log.durable)
  }

  /** Not below what a removal has taken away: that was committed. */
  async #truncate(log: ReplicatedLog): Promise<void> {
    const lowest = Math.max(log.base.sequence, this.cutsDone)
    if (lowest >= log.end) return
    const to = this.random.between(lowest, log.end)
    this.#floor = Math.min(this.#floor, to)
    await log.truncate(to)
    this.#appended.length = to
    this.#floor = to
  }
}

const SEEDS = 20

it(`keeps what it reported over power cuts at any operation, with ${SEEDS} seeds`, async () => {
  let deaths = 0
  let shorts = 0
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const lives = new Lives(seed)
    try {
      for (let life = 0; life < 12; life += 1) await lives.live()
    } catch (thrown) {
      throw new Error(`seed ${seed}`, { cause: thrown })
    }
    deaths += lives.deaths
    shorts += lives.shorts
  }
  expect(deaths).toBeGreaterThan(2 * SEEDS)
  expect(shorts).toBeGreaterThan(2 * SEEDS)
})
