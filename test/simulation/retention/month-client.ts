import type { GtidSet } from '../../../src/mysql/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { SimulatedReplica } from '../replica.ts'
import { Violation } from '../violation.ts'
import { LOOK_MS } from './month-node.ts'
import type { MonthWorld } from './world.ts'

const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

/** How exactly a test can know for how long a node has counted a client as away. */
const AWAY_SLACK_MS = 2 * HOUR_MS

/** A node has written down by then who has come. */
const WRITTEN_MS = 4 * LOOK_MS
/** A node has written down by then what a client holds. */
const PLACES_MOST = (2 * LOOK_MS) / MINUTE_MS

/** A client that comes and goes for a month. One without a uuid is nobody's to wait for. */
export class MonthClient {
  readonly replica: SimulatedReplica
  readonly hasUuid: boolean
  readonly #world: MonthWorld
  readonly #random: SeededRandom
  /** its dump runs */
  isConnected = false
  /** it was connected for long enough, and so is remembered by the node, also through a kill */
  isRemembered = false
  /** the node may let go of what it needs: it was overruled, or somebody purged by hand */
  hasLost = false
  /** for how long it has been away while the node was up */
  awayMs = 0
  #beganMs = 0
  /** of what it holds, the least that the node may know, minute by minute, newest last */
  readonly #places: GtidSet[] = []
  /** the node was killed before it wrote down that the client holds more */
  #writtenDown: GtidSet | undefined

  constructor(world: MonthWorld, name: string, hasUuid: boolean) {
    this.#world = world
    this.#random = world.random.fork()
    this.hasUuid = hasUuid
    this.replica = new SimulatedReplica(name, {
      expected: world.expected,
      clock: world.clock,
      random: world.random.fork(),
      byGtids: true,
      heartbeatPeriodMs: 0,
      ...(hasUuid ? { uuid: this.#random.uuid() } : {}),
    })
  }

  /** Everything that it may still ask for must be there. */
  get mustBeKept(): boolean {
    if (this.hasLost) return false
    if (this.isConnected && this.replica.hasBegun) return true
    if (!this.hasUuid || !this.isRemembered) return false
    return this.awayMs < this.#world.keepMs - AWAY_SLACK_MS
  }

  /** Something may be kept for it. */
  get mayBeKept(): boolean {
    return this.isConnected || (this.hasUuid && this.awayMs < this.#world.keepMs + AWAY_SLACK_MS)
  }

  /** Of what it holds, as much as the node knows at least. */
  get knownToHold(): GtidSet {
    return this.#writtenDown ?? this.replica.held
  }

  /** To be called once a minute while the node is up. */
  minutePasses(): void {
    const hasBegun = this.isConnected && this.replica.hasBegun
    if (hasBegun) this.#writtenDown = undefined
    if (hasBegun && this.#world.witness.isAllThereFor(this)) this.hasLost = false
    else this.awayMs += MINUTE_MS
    this.#places.push(this.knownToHold.clone())
    if (this.#places.length > PLACES_MOST) this.#places.shift()
  }

  /** Who came shortly before a kill, and what was read since the last looks, may not have been written down. */
  nodeEnds(how: 'stop' | 'kill' | 'power cut'): void {
    if (how === 'stop') return
    if (this.#world.time.nowMs - this.#beganMs < WRITTEN_MS) this.isRemembered = false
    this.#writtenDown = this.#places[0]
  }

  async run(): Promise<void> {
    const world = this.#world
    const random = this.#random
    while (!world.isEnding) {
      const stays = [10 * MINUTE_MS, 2 * HOUR_MS, 12 * HOUR_MS, 2 * DAY_MS]
      await this.#session(random.pick(stays))
      const goes = [MINUTE_MS, HOUR_MS, 8 * HOUR_MS, 20 * HOUR_MS, 30 * HOUR_MS, 4 * DAY_MS]
      await world.sleep(random.pick(goes) * (0.5 + random.fraction() / 2))
    }
    await this.#session(HOUR_MS)
  }

  /** @param forMs it leaves after so long, unless the node ends before */
  async #session(forMs: number): Promise<void> {
    const world = this.#world
    const { node } = world
    await world.until(() => node.running !== undefined, Number.POSITIVE_INFINITY)
    const running = node.running
    if (running === undefined) return
    const id = world.connectionId()
    const slownessMs = this.#random.chance(0.3) ? this.#random.between(1, 40) * MINUTE_MS : 5
    const run = this.replica.run(running.dumps, id, false, slownessMs)
    const ended = run.catch((thrown: unknown) => world.bug(thrown))
    this.isConnected = true
    const endMs = world.time.nowMs + forMs
    const over = { is: false }
    void ended.then(() => {
      over.is = true
    })
    const isOver = (): boolean => over.is || node.running !== running
    this.#beganMs = world.time.nowMs
    const refusal = await Promise.race([
      ended,
      world.until(() => isOver() || world.time.nowMs > endMs, Number.POSITIVE_INFINITY),
    ])
    this.replica.disconnect()
    const wasLong = world.time.nowMs - this.#beganMs > WRITTEN_MS
    if (node.running === running) await ended
    if (node.running === running) running.replicas.disconnect(id)
    this.isConnected = false
    world.count('session')
    const { violation } = this.replica
    if (violation !== undefined) throw violation
    if (typeof refusal === 'object' && refusal.error !== undefined) {
      return this.#refused(refusal.error.message)
    }
    this.awayMs = 0
    if (wasLong) this.isRemembered = true
  }

  #refused(message: string): void {
    const world = this.#world
    const { name } = this.replica
    if (this.mustBeKept || !message.startsWith('Cannot replicate because the source purged')) {
      const away = `${name}, away for ${Math.round(this.awayMs / HOUR_MS)} h`
      throw new Violation('nothing that is needed is gone', `${away}: ${message}`)
    }
    world.count('made anew')
    this.replica.restore(world.history.executed())
    this.hasLost = false
    this.isRemembered = false
    this.awayMs = 0
  }
}
