import type { DumpEnd } from '../../src/serve/dump-request.ts'
import { isDiskFailure, SimulatedReplica } from './replica.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** A replica that stands still has everything within this time, in milliseconds. */
const CATCH_UP_MS = 60_000

/** The clients of the node, each of which comes back whenever it was cut off. */
export class ReplicaFleet {
  readonly #world: World
  readonly #replicas: SimulatedReplica[]
  #sessions = new Set<Promise<unknown>>()
  #connectionId = 0
  #isOver = false
  #loops: Promise<void>[] = []

  constructor(world: World) {
    this.#world = world
    const count = world.random.between(1, 3)
    this.#replicas = Array.from({ length: count }, (_, index) =>
      this.#make(`client ${index + 1}`, world.random.chance(0.6)),
    )
  }

  start(): void {
    this.#loops = this.#replicas.map((replica) => this.#loop(replica))
    for (const loop of this.#loops) {
      loop.catch((thrown: unknown) => {
        const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : String(thrown)
        const violation = new Violation('no promise of the code breaks', text)
        this.#world.fail(thrown instanceof Violation ? thrown : violation)
      })
    }
  }

  /** Somebody's connection breaks. */
  cutOne(): void {
    this.#world.random.pick(this.#replicas).disconnect()
  }

  cutAll(): void {
    for (const replica of this.#replicas) replica.disconnect()
  }

  async disconnectAll(): Promise<void> {
    this.cutAll()
    await Promise.race([Promise.all(this.#sessions), this.#world.ends.changed()])
  }

  /** @param caughtUp everybody gets everything first */
  async end(caughtUp: boolean): Promise<void> {
    const { node, expected } = this.#world
    const isBehind = (replica: SimulatedReplica): boolean => {
      const visible = node.running?.store.visible.value
      if (visible === undefined) return true
      return !replica.held.contains(expected.get(visible.file).heldAt(visible.position))
    }
    if (caughtUp) {
      const done = await this.#world.until(() => !this.#replicas.some(isBehind), CATCH_UP_MS)
      if (!done) {
        const names = this.#replicas.filter(isBehind).map(({ name }) => name)
        throw new Violation('the node catches up', `${names.join(', ')} does not get everything`)
      }
    }
    this.#isOver = true
    this.cutAll()
    await Promise.all(this.#loops)
  }

  look(): void {
    for (const { violation } of this.#replicas) if (violation !== undefined) throw violation
  }

  /** One dump from the oldest file to the end that is visible now; undefined when the node died. */
  async probe(): Promise<{ end: DumpEnd | undefined; replica: SimulatedReplica }> {
    const replica = this.#make('probe', false)
    return { replica, end: await this.#session(replica, true) }
  }

  #make(name: string, byGtids: boolean): SimulatedReplica {
    const { expected, clock, random } = this.#world
    return new SimulatedReplica(name, { expected, clock, random: random.fork(), byGtids })
  }

  async #loop(replica: SimulatedReplica): Promise<void> {
    const { clock, random } = this.#world
    while (!this.#isOver) {
      await clock.sleep(random.between(1, 100))
      const beganMs = this.#world.time.nowMs
      const end = await this.#session(replica, false)
      if (end?.error !== undefined) this.#refused(replica, end.error, beganMs)
    }
  }

  async #session(replica: SimulatedReplica, once: boolean): Promise<DumpEnd | undefined> {
    const { node, ends } = this.#world
    if (node.running === undefined || !node.isServing || this.#isOver) return undefined
    this.#connectionId += 1
    const session = replica.run(node.running.dumps, this.#connectionId, once).catch(readFailed)
    this.#sessions.add(session)
    const end = await Promise.race([session, ends.changed()])
    this.#sessions.delete(session)
    return end ?? undefined
  }

  #refused(
    replica: SimulatedReplica,
    { code, message }: NonNullable<DumpEnd['error']>,
    beganMs: number,
  ): void {
    const { node, mayFindDamage, mendedAtMs } = this.#world
    this.#world.note(`${replica.name} is refused: ${code} ${message}`)
    const isDamage = /crc check|cannot find where this dump begins/.test(message)
    if (isDamage) {
      if (mayFindDamage || mendedAtMs >= beganMs) return
      throw new Violation(
        'damage is never sent',
        `${replica.name}: ${message}, and nothing is damaged`,
      )
    }
    if (code === 1105 || node.running === undefined) return
    const isGone = /purged required|Could not find first|could not find next/.test(message)
    const { store } = node.running
    if (!isGone || store.purged().isEmpty) {
      throw new Violation('clients are shown true bytes, in order, once', message)
    }
    replica.restore(store.purged().clone())
  }
}

function readFailed(thrown: unknown): undefined {
  if (!isDiskFailure(thrown)) throw thrown
  return undefined
}
