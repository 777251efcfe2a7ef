import { OperationalError } from '../../src/lib/index.ts'
import { isDiskFailure } from '../simulation/replica.ts'
import { Violation } from '../simulation/violation.ts'
import type { SimulatedNode } from './node.ts'
import type { World } from './world.ts'

const LOOK_MS = 25

/** Starts each node whenever it is down, as systemd does, and the operator who acts when one needs it. */
export class Supervisor {
  isOver = false
  readonly #world: World

  constructor(world: World) {
    this.#world = world
  }

  /** Runs until it is over. */
  async run(): Promise<void> {
    await Promise.all(this.#world.nodes.map((node) => this.#tend(node)))
  }

  async #tend(node: SimulatedNode): Promise<void> {
    const { clock, random } = this.#world
    let failures = this.#failures(node)
    while (!this.isOver) {
      await clock.sleep(LOOK_MS)
      if (this.isOver || node.isHeldDown) continue
      if (node.process === undefined) {
        await clock.sleep(random.between(1, this.#world.isEnding ? 100 : 1500))
        if (node.isHeldDown || node.process !== undefined) continue
        failures = this.#failuresBefore(node)
        this.#world.count('start')
        node.start()
      } else if (node.process.trouble !== undefined) {
        this.#check(node, node.process.trouble, failures)
        await clock.sleep(random.between(1, 500))
        if (node.process?.trouble !== undefined) node.die(random.pick(['kill', 'power cut']))
      }
    }
  }

  /** A node may stand still when its disk has failed, and for nothing else. */
  #check({ name, mayStop, disk }: SimulatedNode, trouble: unknown, failures: number): void {
    this.#world.count('stands still')
    const hasFailed = this.#failures(this.#world.node(name)) > failures || disk.freeBytes < 1e6
    if (!(trouble instanceof OperationalError)) {
      if (mayStop || (isDiskFailure(trouble) && hasFailed)) return
      throw new Violation('no promise of the code breaks', `${name} stops: ${String(trouble)}`)
    }
    const isExcused = hasFailed && trouble.code !== 'E_STORE_FORMAT'
    const mayBeUnread = disk.met.has('read fails') || isDiskFailure(trouble.cause)
    const isDamage = trouble.code === 'E_STORE_DAMAGED' && !mayBeUnread
    if (isExcused && !isDamage) return
    throw new Violation('the node opens', `${name}: ${trouble.code} ${trouble.stack}`)
  }

  #failures({ disk }: SimulatedNode): number {
    return [...disk.met.values()].reduce((sum, count) => sum + count, 0)
  }

  /** One that lasts is still to be met. */
  #failuresBefore(node: SimulatedNode): number {
    return this.#failures(node) - (node.disk.isGone ? 1 : 0)
  }
}
