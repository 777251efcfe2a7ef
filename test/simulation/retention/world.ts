/*
  A month of one node with a source that rotates its files, replicas that come and go, a process that ends and comes
  back, and a wall clock that jumps: in simulated time, decided by one seed.
*/
import type { RetentionWish } from '../../../src/desired/index.ts'
import { messageOf } from '../../../src/lib/index.ts'
import { SimulatedDisk } from '../../../src/platform/testing/simulated-disk.ts'
import { beginOf } from '../../../src/store/testing/binlog-feed.ts'
import { Expected } from '../expected.ts'
import type { SeedResult } from '../seeds.ts'
import { SourceHistory } from '../source/history.ts'
import { type SeedOptions, SteppedWorld } from '../stepped-world.ts'
import { Violation } from '../violation.ts'
import { HandPurges } from './hand-purges.ts'
import { MonthClient } from './month-client.ts'
import { MIN_FREE_BYTES, MonthNode, type MonthSabotage } from './month-node.ts'
import { MonthWitness } from './month-witness.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const PACE = { stepsMax: 10_000_000, lookMs: MINUTE_MS, stuck: 'the node catches up' } as const
/** Small files, so that a month has many of them. */
const EVENT_BYTES_MOST = 4000
const FILE_FULL_BYTES = 8000
/** A clock that was behind is believed again after a day. */
const BELIEVED_MS = 27 * HOUR_MS

export interface MonthOptions extends SeedOptions {
  readonly days?: number
  readonly sabotage?: MonthSabotage
}

export class MonthWorld extends SteppedWorld {
  readonly disk: SimulatedDisk
  readonly history: SourceHistory
  readonly expected: Expected
  readonly wish: RetentionWish
  readonly node: MonthNode
  readonly witness: MonthWitness
  readonly clients: readonly MonthClient[]
  readonly handPurges: HandPurges
  readonly wall = { aheadMs: 0 }
  readonly #days: number
  #connections = 0
  #lastBehindMs = Number.NEGATIVE_INFINITY
  /** nothing new is to happen */
  isEnding = false
  /** the source writes no more */
  #isOver = false

  constructor({ days = 30, sabotage = {}, ...options }: MonthOptions) {
    super(options, PACE)
    this.#days = days
    this.disk = new SimulatedDisk(this.time, this.random.fork())
    const nowSeconds = (): number => Math.floor(this.trueMs / 1000)
    this.history = new SourceHistory(this.random.fork(), nowSeconds, {
      eventBytesMost: EVENT_BYTES_MOST,
    })
    this.expected = new Expected(this.history)
    this.expected.learn(beginOf(this.history.active.name))
    this.wish = this.#makeWish()
    this.witness = new MonthWitness(this)
    this.node = new MonthNode({
      time: this.time,
      random: this.random.fork(),
      disk: this.disk,
      history: this.history,
      wish: this.wish,
      wall: this.wall,
      sabotage,
      purging: () => this.guard(() => this.witness.look()),
      logger: this.trace.logger(),
    })
    this.handPurges = new HandPurges(this)
    this.clients = ['a', 'b', 'c', 'd', 'passing'].map(
      (name) => new MonthClient(this, name, name !== 'passing'),
    )
  }

  /** the time that has truly passed, which nothing sets to something else */
  get trueMs(): number {
    return this.clock.nowMs()
  }

  get keepMs(): number {
    return this.wish.keepForAbsentReplicasMs
  }

  /** What the files may take whoever is away: the ceiling, else what `disk.min-free` leaves them. */
  mostBytes(totalBytes: number): number {
    return this.wish.ceilingBytes ?? Math.max(0, totalBytes + this.disk.freeBytes - MIN_FREE_BYTES)
  }

  /** It was not behind for so long that the node believes it. */
  get isClockTrue(): boolean {
    return this.wall.aheadMs >= 0 && this.time.nowMs - this.#lastBehindMs > BELIEVED_MS
  }

  connectionId(): number {
    this.#connections += 1
    return this.#connections
  }

  async sleep(ms: number): Promise<void> {
    await this.clock.sleep(ms)
  }

  async run(): Promise<Violation | undefined> {
    await this.play(this.#script(), () => this.#look())
    this.node.die('kill')
    return this.violation
  }

  #makeWish(): RetentionWish {
    const { random } = this
    const bySize = random.chance(0.6)
    const maxSizeBytes = bySize ? random.between(40_000, 150_000) : undefined
    return {
      maxSizeBytes,
      maxAgeMs: bySize && random.chance(0.5) ? undefined : random.between(1, 6) * DAY_MS,
      keepForAbsentReplicasMs: random.pick([12, 24, 48]) * HOUR_MS,
      ceilingBytes: random.chance(0.3) ? random.between(150_000, 400_000) : undefined,
    }
  }

  #look(): void {
    const { failure } = this.node
    if (failure !== undefined) {
      const text =
        failure instanceof Error ? (failure.stack ?? failure.message) : messageOf(failure)
      throw new Violation('no promise of the code breaks', text)
    }
    if (this.wall.aheadMs < 0) this.#lastBehindMs = this.time.nowMs
    this.witness.lookIfDue()
  }

  async #script(): Promise<void> {
    await this.node.start()
    const told = (work: Promise<void>) => work.catch((thrown: unknown) => this.bug(thrown))
    const comings = this.clients.map((client) => client.run())
    const changes = [this.#setClock(), this.#endAndStart(), this.#fillDisk(), this.handPurges.run()]
    const happening = [...comings, ...changes].map(told)
    const going = [this.#write(), this.#countAway()].map(told)
    await this.sleep(this.#days * DAY_MS)
    this.isEnding = true
    await Promise.all(happening)
    this.#isOver = true
    await Promise.all(going)
  }

  /** The source commits at least once an hour, and rotates a few times a day. */
  async #write(): Promise<void> {
    while (!this.#isOver) {
      await this.sleep(this.random.between(5, 55) * MINUTE_MS)
      for (let left = this.random.between(1, 4); left > 0; left -= 1) {
        this.history.commit()
        if (this.history.active.size > FILE_FULL_BYTES) this.history.rotate()
      }
      if (this.random.chance(0.2)) this.history.rotate()
      await this.node.feed()
    }
  }

  async #setClock(): Promise<void> {
    while (!this.isEnding) {
      await this.sleep(this.random.between(6, 72) * HOUR_MS)
      const jumps = [0, 0, 400 * DAY_MS, 3 * DAY_MS, -40 * DAY_MS, -HOUR_MS]
      this.wall.aheadMs = this.random.pick(jumps)
      this.note(`the clock is set to ${this.wall.aheadMs / HOUR_MS} h from the truth`)
      this.count(this.wall.aheadMs === 0 ? 'clock set right' : 'clock jump')
    }
  }

  /** Others write to the disk, too. */
  async #fillDisk(): Promise<void> {
    while (!this.isEnding) {
      await this.sleep(this.random.between(24, 96) * HOUR_MS)
      const isFull = this.random.chance(0.5)
      const freeBytes = MIN_FREE_BYTES + this.random.between(-100_000, 100_000)
      this.disk.freeBytes = isFull ? freeBytes : Number.POSITIVE_INFINITY
      this.note(`the disk has ${this.disk.freeBytes} bytes free`)
      this.count(isFull ? 'disk at its limit' : 'disk with room')
    }
  }

  async #countAway(): Promise<void> {
    while (!this.#isOver) {
      await this.sleep(MINUTE_MS)
      if (this.node.running === undefined) continue
      for (const client of this.clients) client.minutePasses()
    }
  }

  async #endAndStart(): Promise<void> {
    while (!this.isEnding) {
      await this.sleep(this.random.between(4, 80) * HOUR_MS)
      const how = this.random.pick(['stop', 'kill', 'power cut'] as const)
      this.count(how)
      this.note(`the node ends: ${how}`)
      for (const client of this.clients) client.nodeEnds(how)
      if (how === 'stop') await this.node.stop()
      else this.node.die(how)
      await this.sleep(this.random.pick([MINUTE_MS, HOUR_MS, 30 * HOUR_MS]))
      await this.node.start()
    }
  }
}

export async function runMonth(options: MonthOptions): Promise<SeedResult> {
  const world = new MonthWorld(options)
  const violation = await world.run()
  const { counts, trace } = world
  return { seed: options.seed, violation, digest: trace.digest(), counts }
}
