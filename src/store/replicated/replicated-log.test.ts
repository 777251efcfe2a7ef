import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crc32 } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { beginOf } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { openLog, recordsOf } from '../testing/log-feed.ts'
import type { LogRecord } from './log-record.ts'
import type { ReplicatedLog } from './replicated-log.ts'

const FILE = 'binlog.000001'
let folder: string
const crashing = new CrashDisk()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-log-'))
})
afterEach(async () => {
  crashing.onSync = async () => {}
  await crashing.crash()
  rmSync(folder, { recursive: true, force: true })
})

async function reopen(): Promise<ReplicatedLog> {
  await crashing.crash()
  return await openLog(crashing.disk, folder)
}

/** Makes records behind a log, as a leader does. */
class Maker {
  epoch = 1
  readonly log: ReplicatedLog

  constructor(log: ReplicatedLog) {
    this.log = log
  }

  async #append(fields: Omit<LogRecord, 'sequence' | 'epoch'>): Promise<LogRecord> {
    const record = { ...fields, sequence: this.log.end + 1, epoch: this.epoch }
    await this.log.append([record])
    return record
  }

  async start(epoch: number): Promise<LogRecord> {
    this.epoch = epoch
    return await this.#append({ kind: 'epoch-start', crc: 0, ...this.log.tail })
  }

  async file(name: string): Promise<LogRecord> {
    const held = GtidSet.empty()
    const fileBegin = { begin: beginOf(name), contact: GtidSet.empty(), held }
    return await this.#append({ kind: 'file-begin', crc: 0, end: 4, boundary: 4, fileBegin })
  }

  /** Gives up what is behind the last place between transactions. */
  async cut(): Promise<LogRecord> {
    const { boundary } = this.log.tail
    return await this.#append({ kind: 'cut', crc: 0, end: boundary, boundary })
  }

  async purge(upTo: string): Promise<LogRecord> {
    return await this.#append({ kind: 'purge', crc: 0, ...this.log.tail, upTo })
  }

  /** @param open the record ends inside a transaction */
  async bytes(text: string, open = false): Promise<LogRecord> {
    const bytes = Buffer.from(text)
    const { end: start, boundary } = this.log.tail
    const end = start + bytes.length
    const crc = crc32(bytes)
    return await this.#append({
      kind: 'bytes',
      crc,
      end,
      boundary: open ? boundary : end,
      bytes,
      timestamp: 1_700_000_000,
    })
  }
}

const told = (log: readonly LogRecord[]): string[] =>
  log.map(({ epoch, sequence, kind, bytes }) => {
    const text = bytes === undefined ? kind : Buffer.from(bytes).toString()
    return `${epoch}:${sequence} ${text}`
  })

const LONG = ['1:1 epoch-start', '2:2 epoch-start', '2:3 file-begin', '2:4 one', '2:5 two']

async function filled(): Promise<ReplicatedLog> {
  const log = await reopen()
  const maker = new Maker(log)
  await maker.start(1)
  await maker.start(2)
  await maker.file(FILE)
  await maker.bytes('one')
  await maker.bytes('two')
  return log
}

describe('a replicated log', () => {
  it('gives its records back, those that no index has yet and those before the first file', async () => {
    const log = await filled()
    expect(told(await recordsOf(log, 1))).toEqual(LONG)
    expect(log.durable).toBe(3)
    expect(await log.sync()).toBe(5)
    expect(told(await recordsOf(log, 1))).toEqual(LONG)
    expect(told(await recordsOf(log, 5))).toEqual(LONG.slice(4))
  })

  it('keeps with every record its epoch over a restart, and rebuilds its lineage', async () => {
    const log = await filled()
    const maker = new Maker(log)
    await maker.start(5)
    await maker.bytes('three')
    await maker.file('binlog.000002')
    await maker.start(6)
    await log.sync()
    const digest = await log.digestAt(9)
    const again = await reopen()
    const points = [
      [1, 1],
      [2, 5],
      [5, 8],
      [6, 9],
    ] as const
    const lineage = points.map(([epoch, sequence]) => ({ epoch, sequence }))
    expect(log.lineage).toEqual(lineage)
    expect(again.lineage).toEqual(lineage)
    expect(again.end).toBe(9)
    expect(again.tail).toEqual({ end: 4, boundary: 4 })
    expect(await again.digestAt(9)).toBe(digest)
    const rest = ['5:6 epoch-start', '5:7 three', '5:8 file-begin', '6:9 epoch-start']
    expect(told(await recordsOf(again, 1))).toEqual([...LONG, ...rest])
  })

  it('goes on from a reader that has come to the end', async () => {
    const log = await filled()
    const reader = log.read(5)
    expect(told([(await reader.next()) as LogRecord])).toEqual(['2:5 two'])
    expect(await reader.next()).toBeUndefined()
    const maker = new Maker(log)
    maker.epoch = 2
    await maker.bytes('three')
    await log.sync()
    await maker.file('binlog.000002')
    await maker.bytes('four')
    const rest = [await reader.next(), await reader.next(), await reader.next()]
    expect(told(rest as LogRecord[])).toEqual(['2:6 three', '2:7 file-begin', '2:8 four'])
    await reader.close()
  })
})

describe('what is durable in a replicated log', () => {
  it('is what an index entry on the disk speaks of: bytes behind it are no record', async () => {
    const log = await filled()
    await log.sync()
    const path = join(folder, FILE)
    appendFileSync(path, 'never reported')
    const again = await reopen()
    expect(again.end).toBe(5)
    expect(readFileSync(path, 'latin1').slice(4)).toBe('onetwo')
  })

  it('ends before an entry that is torn', async () => {
    const log = await filled()
    await log.sync()
    const index = join(folder, `${FILE}.idx`)
    truncateSync(index, statSync(index).size - 1)
    const again = await reopen()
    expect(told(await recordsOf(again, 1))).toEqual(LONG.slice(0, 4))
    expect(again.tail).toEqual({ end: 7, boundary: 7 })
    const maker = new Maker(again)
    maker.epoch = 3
    await maker.bytes('other')
    await again.sync()
    const after = await reopen()
    expect(told(await recordsOf(after, 4))).toEqual(['2:4 one', '3:5 other'])
  })

  it('is not claimed when the index could not be synced, and nothing more is taken', async () => {
    const log = await filled()
    crashing.onSync = async (path) => {
      if (path.endsWith('.idx')) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    await expect(log.sync()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    expect(log.durable).toBe(3)
    await expect(log.sync()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    expect(log.failure).toMatchObject({ code: 'E_STORE_WRITE' })
  })

  it('is never made anew from a file whose index is lost', async () => {
    const log = await filled()
    await log.sync()
    rmSync(join(folder, `${FILE}.idx`))
    await expect(reopen()).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
  })

  it('is damaged when a file is shorter than its records', async () => {
    const log = await filled()
    await log.sync()
    const maker = new Maker(log)
    maker.epoch = 2
    await maker.bytes('three')
    await log.sync()
    truncateSync(join(folder, FILE), 8)
    await expect(reopen()).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
  })
})

describe('the running digest of a replicated log', () => {
  it('depends on the records alone, not on when they were synced', async () => {
    const digests: string[] = []
    for (const every of [1, 7]) {
      const log = await reopen()
      const maker = new Maker(log)
      await maker.file(FILE)
      for (let count = 1; count <= 20; count += 1) {
        await maker.bytes(`${count}`.repeat(200_000))
        if (count % every === 0) await log.sync()
      }
      await log.sync()
      digests.push(await log.digestAt(12), await log.digestAt(21))
      const again = await reopen()
      digests.push(await again.digestAt(12), await again.digestAt(21))
      await crashing.crash()
      rmSync(folder, { recursive: true })
    }
    expect(digests.slice(2, 4)).toEqual(digests.slice(0, 2))
    expect(digests.slice(4)).toEqual(digests.slice(0, 4))
  })

  it('tells another epoch, other bytes', async () => {
    const log = await filled()
    const [four, five] = [await log.digestAt(4), await log.digestAt(5)]
    await crashing.crash()
    rmSync(folder, { recursive: true })
    const other = await reopen()
    const maker = new Maker(other)
    await maker.start(1)
    await maker.start(2)
    await maker.file(FILE)
    await maker.bytes('one')
    await maker.bytes('TWO')
    expect(await other.digestAt(4)).toBe(four)
    expect(await other.digestAt(5)).not.toBe(five)
  })
})

const content = (name: string): string => readFileSync(join(folder, name), 'latin1').slice(4)

/** Two files of two records each, in the epochs 2 and 3; sequences 3 to 5 and 6 to 8. */
async function twoFiles(): Promise<{ log: ReplicatedLog; maker: Maker }> {
  const log = await filled()
  const maker = new Maker(log)
  maker.epoch = 3
  await maker.file('binlog.000002')
  await maker.bytes('three')
  await maker.bytes('four')
  await log.sync()
  return { log, maker }
}

describe('records that are taken back', () => {
  it.each([8, 7, 6, 5, 4, 3, 2, 1, 0])('leave a log that ends at %d and goes on', async (to) => {
    const { log } = await twoFiles()
    const before = told(await recordsOf(log, 1))
    const digest = await log.digestAt(to)
    await log.truncate(to)
    for (const one of [log, await reopen()]) {
      expect(one.end).toBe(to)
      expect(told(await recordsOf(one, 1))).toEqual(before.slice(0, to))
      expect(await one.digestAt(to)).toBe(digest)
    }
    const again = await reopen()
    const maker = new Maker(again)
    await maker.start(9)
    if (to < 3) await maker.file('binlog.000007')
    await maker.bytes('else')
    await again.sync()
    const last = told(await recordsOf(await reopen(), 1)).at(-1)
    expect(last).toBe(`9:${again.end} else`)
  })

  it('are taken back when they were not synced, and those before them are kept', async () => {
    const log = await filled()
    await log.truncate(4)
    expect(told(await recordsOf(log, 1))).toEqual(LONG.slice(0, 4))
  })

  it('are kept aside', async () => {
    const { log } = await twoFiles()
    await log.truncate(4)
    const place = join(folder, 'lost+found')
    const kept = readdirSync(place).map((name) => readFileSync(join(place, name), 'latin1'))
    expect(kept.map((text) => text.replace(/^\xfebin/, ''))).toEqual(['threefour', 'two'])
    expect(existsSync(join(folder, 'binlog.000002'))).toBe(false)
    expect(content(FILE)).toBe('one')
  })

  it('may be a cut that waits: its bytes are still there', async () => {
    const log = await filled()
    const maker = new Maker(log)
    maker.epoch = 2
    await maker.bytes('half', true)
    const whole = told(await recordsOf(log, 1))
    const { sequence } = await maker.cut()
    await log.truncate(sequence - 1)
    expect(log.tail).toEqual({ end: 14, boundary: 10 })
    expect(told(await recordsOf(log, 1))).toEqual(whole)
    expect(log.removals).toEqual([])
  })
})

describe('a cut of a replicated log', () => {
  it('takes its bytes away when it is told to, not before, and not by a restart', async () => {
    const maker = new Maker(await filled())
    maker.epoch = 2
    await maker.bytes('half', true)
    const { sequence } = await maker.cut()
    expect(content(FILE)).toBe('onetwohalf')
    const log = await reopen()
    expect(content(FILE)).toBe('onetwohalf')
    const removal = { kind: 'cut', sequence, floor: 0 } as const
    expect(log.removals).toEqual([removal])
    expect(log.tail).toEqual({ end: 10, boundary: 10 })
    await log.remove(removal)
    expect(content(FILE)).toBe('onetwo')
    const again = await reopen()
    expect(again.removals).toEqual([])
    expect(told(await recordsOf(again, 6))).toEqual(['2:6 ', '2:7 cut'])
  })

  it('has a record travel with what is left of it', async () => {
    const log = await filled()
    const maker = new Maker(log)
    maker.epoch = 2
    // "two", which is whole, and "half" arrive as one record.
    await log.truncate(4)
    const bytes = Buffer.from('twohalf')
    const end = 14
    const record = { sequence: 5, epoch: 2, kind: 'bytes', crc: crc32(bytes), end, bytes } as const
    await log.append([{ ...record, boundary: 10, timestamp: 1 }])
    const { sequence } = await maker.cut()
    await log.remove({ kind: 'cut', sequence, floor: 0 })
    await maker.bytes('more')
    await log.sync()
    const told5 = ['2:5 two', '2:6 cut', '2:7 more']
    expect(told(await recordsOf(log, 5))).toEqual(told5)
    const again = await reopen()
    const found = await recordsOf(again, 5)
    expect(told(found)).toEqual(told5)
    // Its size is known to nobody who has only the record.
    expect(found.map(({ isShort = false }) => isShort)).toEqual([true, false, false])
    expect(await again.digestAt(7)).toBe(await log.digestAt(7))
    expect(content(FILE)).toBe('onetwomore')
  })

  it('that has lost its bytes but not the entry that says so is done', async () => {
    const maker = new Maker(await filled())
    maker.epoch = 2
    await maker.bytes('half', true)
    await maker.cut()
    truncateSync(join(folder, FILE), 10)
    expect((await reopen()).removals).toEqual([])
    expect((await reopen()).end).toBe(7)
  })
})

describe('a purge of a replicated log', () => {
  it('takes files away when it is told to; the log begins behind them', async () => {
    const { log, maker } = await twoFiles()
    const digest = await log.digestAt(5)
    const { sequence } = await maker.purge('binlog.000002')
    await maker.file('binlog.000003')
    const again = await reopen()
    const removal = { kind: 'purge', sequence, floor: 5 } as const
    expect(again.removals).toEqual([removal])
    expect(existsSync(join(folder, FILE))).toBe(true)
    const ends = (one: readonly LogRecord[]): unknown[] =>
      one.filter(({ kind }) => kind === 'purge').map(({ upTo, floor }) => [upTo, floor])
    expect(ends(await recordsOf(again, sequence))).toEqual([['binlog.000002', 5]])
    await again.remove(removal)
    expect(existsSync(join(folder, FILE))).toBe(false)
    for (const one of [again, await reopen()]) {
      const tail = { end: 10, boundary: 10 }
      expect(one.base).toEqual({ epoch: 2, sequence: 5, digest, tail })
      expect(one.removals).toEqual([])
      expect(told(await recordsOf(one, 6))[0]).toBe('3:6 file-begin')
      expect(one.lineage[0]).toEqual({ epoch: 1, sequence: 1 })
      expect(await one.digestAt(5)).toBe(digest)
    }
  })
})

describe('a log that begins anew', () => {
  it('drops everything, takes the next file behind its base, and agrees with the log it follows', async () => {
    const { log, maker } = await twoFiles()
    const { sequence } = await maker.purge('binlog.000002')
    await log.remove({ kind: 'purge', sequence, floor: 5 })
    await log.sync()
    const { base, lineage } = log
    const sent = await recordsOf(log, 6)
    const digest = await log.digestAt(9)
    await crashing.crash()
    rmSync(folder, { recursive: true })
    const behind = new Maker(await filled())
    behind.epoch = 2
    await behind.bytes('foreign')
    await behind.log.sync()
    await behind.log.startOver(base, lineage.slice(0, 2))
    expect(await reopen()).toMatchObject({ end: 5, base })
    const follower = await reopen()
    await follower.append(sent)
    await follower.sync()
    expect(await follower.digestAt(9)).toBe(digest)
    expect(follower.lineage).toEqual(lineage)
    expect(content('binlog.000002')).toBe('threefour')
    expect(existsSync(join(folder, FILE))).toBe(false)
  })
})
