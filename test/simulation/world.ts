/*
  One seed: a source with a history, a node, its clients, and what befalls them. Everything happens in
  simulated time and in an order that the seed alone decides, so that the same seed runs the same again.
*/
import { Watch } from '../../src/lib/index.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { SimulatedDisk } from '../../src/platform/testing/simulated-disk.ts'
import { chaosActions, heal } from './chaos.ts'
import { ReplicaFleet } from './clients.ts'
import { Expected } from './expected.ts'
import { BINLOGS, type Sabotage, SimulatedNode } from './node.ts'
import type { SeedResult } from './seeds.ts'
import { SourceHistory, type WrittenFile } from './source/history.ts'
import { SemiSyncPlugin } from './source/semi-sync-plugin.ts'
import { SourceServer } from './source/server.ts'
import { type Pace, type SeedOptions, SteppedWorld } from './stepped-world.ts'
import { Supervisor } from './supervisor.ts'
import { Violation } from './violation.ts'
import { Witness } from './witness.ts'

const PACE: Pace = { stepsMax: 3_000_000, lookMs: 5, stuck: 'the node catches up' }
/** What the source says of its semi-sync is known so soon, in simulated time. */
const SAID_MS = 10_000
/** The node has this long, in simulated time, to have everything after the last fault. */
const CATCH_UP_MS = 180_000

export interface WorldOptions extends SeedOptions {
  readonly sabotage?: Sabotage
}

export class World extends SteppedWorld {
  readonly disk: SimulatedDisk
  readonly history: SourceHistory
  readonly server: SourceServer
  readonly expected: Expected
  readonly witness: Witness
  readonly node: SimulatedNode
  readonly supervisor: Supervisor
  readonly fleet: ReplicaFleet
  /** processes of the node that have died or ended */
  readonly ends = new Watch(0)
  /** a file whose last transactions the source has lost */
  lost: WrittenFile | undefined
  /** a byte that is not what was stored: everybody may complain */
  damage: { readonly path: string; readonly position: number; readonly mask: number } | undefined
  /** when the last such byte was put right: a client that was there before may have read it */
  mendedAtMs = Number.NEGATIVE_INFINITY
  /** an index that is not what was written: the operator removes it when the node does not open */
  damagedIndex: string | undefined
  isEnding = false

  constructor({ sabotage = {}, ...options }: WorldOptions) {
    super(options, PACE)
    this.disk = new SimulatedDisk(this.time, this.random.fork())
    const nowSeconds = (): number => Math.floor(this.clock.nowMs() / 1000)
    this.history = new SourceHistory(this.random.fork(), nowSeconds)
    this.server = new SourceServer(this.history, this.clock, this.random.fork())
    this.expected = new Expected(this.history)
    this.witness = new Witness(this.expected, this.disk, BINLOGS)
    if (options.seed % 2 === 1) {
      this.server.semiSync = new SemiSyncPlugin(new SeededRandom(options.seed), (place) => {
        this.count('acknowledged')
        this.witness.acknowledged(place)
      })
    }
    this.#makePast()
    this.node = new SimulatedNode({
      clock: this.time,
      random: this.random.fork(),
      disk: this.disk,
      source: this.server,
      startAt: this.#startAt(),
      maxSizeBytes: this.random.chance(0.25) ? this.random.between(20_000, 200_000) : undefined,
      logger: this.trace.logger(),
      sabotage,
    })
    this.supervisor = new Supervisor(this)
    this.fleet = new ReplicaFleet(this)
  }

  /** A read gave other bits, or a byte is wrong where it is stored, or a read has failed. */
  get mayBeDamaged(): boolean {
    const { met } = this.disk
    return this.damage !== undefined || met.has('bit flips on read') || met.has('read fails')
  }

  /** The same, or the disk was gone: who reads meanwhile is told as little. */
  get mayFindDamage(): boolean {
    return this.mayBeDamaged || this.disk.met.has('disk gone')
  }

  /** Steps through everything that happens until the script is over or something is wrong. */
  async run(): Promise<Violation | undefined> {
    await this.play(this.#script(), () => this.#look())
    this.node.die('kill')
    return this.violation
  }

  #look(): void {
    this.witness.look()
    this.witness.heardSafe(this.node.safeToPurgeTo)
    this.supervisor.look()
    this.fleet.look()
  }

  async #script(): Promise<void> {
    const tending = this.supervisor.run()
    tending.catch((thrown: unknown) => this.bug(thrown))
    const committing = this.#commitAndRotate()
    this.fleet.start()
    const actions = chaosActions(this)
    for (let left = this.random.between(5, 12); left > 0; left -= 1) {
      await this.clock.sleep(this.random.between(5, 300))
      if (this.supervisor.isRefused) break
      const [name, act] = actions.next().value
      this.note(name)
      this.count(name)
      await act()
    }
    this.isEnding = true
    await committing
    heal(this)
    await this.#catchUp()
    if (!this.supervisor.isRefused) await this.#stopWaiting()
    await this.fleet.end(!this.supervisor.isRefused)
    await this.supervisor.end()
    await tending
    await this.supervisor.restartOnce()
  }

  async #commitAndRotate(): Promise<void> {
    while (!this.isEnding) {
      await this.clock.sleep(this.random.between(1, 80))
      if (!this.server.isUp) continue
      if (this.random.chance(0.06)) this.history.rotate()
      for (let left = this.random.between(0, 4); left > 0; left -= 1) this.#commit()
      this.server.wrote()
    }
  }

  #commit(): void {
    const gtid = this.history.commit()
    this.count('transaction')
    const { owned } = this.history
    if (!owned.isEmpty || this.random.chance(0.7)) return
    owned.add(gtid)
    this.clock.after(this.random.between(1, 20), () => {
      if (owned.has(gtid)) owned.removeAll(owned.clone())
    })
  }

  async #catchUp(): Promise<void> {
    const { history, supervisor } = this
    const hasAll = (): boolean => {
      const visible = this.node.running?.store.visible.value
      if (visible?.file !== history.active.name) return false
      return visible.position === this.expected.get(visible.file).keptEnd
    }
    const isDone = (): boolean => hasAll() && !this.server.waits
    const done = await this.until(() => supervisor.isRefused || isDone(), CATCH_UP_MS)
    if (done) return
    const state = this.node.running?.link.state.value
    const end = `${history.active.name}:${history.active.size}`
    const waits = this.server.waits ? ', and its commits wait' : ''
    const message = `the source's end is ${end}${waits}; the link is ${state?.phase}: ${state?.reason}`
    throw new Violation('the node catches up', message)
  }

  /** The source goes on without acknowledgements: the node says so. */
  async #stopWaiting(): Promise<void> {
    const { semiSync } = this.server
    if (semiSync === undefined) return
    for (const isWaiting of [true, false]) {
      semiSync.isWaiting = isWaiting
      const isSaid = (): boolean => this.node.running?.link.semiSync.active === isWaiting
      if (await this.until(isSaid, SAID_MS)) continue
      const message = `the source ${isWaiting ? 'waits' : 'has stopped waiting'} for acknowledgements`
      throw new Violation('states say what happened', message)
    }
  }

  /** What the source has when the node first comes. */
  #makePast(): void {
    for (let files = this.random.between(0, 2); files > 0; files -= 1) {
      for (let left = this.random.between(0, 12); left > 0; left -= 1) this.history.commit()
      if (this.random.chance(0.7)) this.history.rotate()
      else this.history.restart(this.random.pick(['stop', 'crash']))
    }
    for (let left = this.random.between(0, 6); left > 0; left -= 1) this.history.commit()
    if (this.random.chance(0.3)) this.history.purgeTo(this.random.pick(this.history.kept).name)
  }

  #startAt() {
    const fraction = this.random.fraction()
    if (fraction < 0.7) return 'oldest'
    if (fraction < 0.85) return 'newest'
    const file = this.random.pick(this.history.kept)
    return file.heldAt(this.random.between(4, file.size))
  }
}

/** Runs one seed to its end, or to the first thing that is wrong. */
export async function runWorld(options: WorldOptions): Promise<SeedResult> {
  const world = new World(options)
  const violation = await world.run()
  const { counts, trace, disk, server } = world
  for (const [fault, count] of [...disk.met, ...server.met]) counts.set(fault, count)
  const digest = trace.digest()
  world.node.release()
  return { seed: options.seed, violation, digest, counts }
}
