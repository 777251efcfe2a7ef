/*
  One seed: several nodes, the network between them, etcd, a source, and what befalls them. In each step one thing
  happens that may happen now; whatever a timeout may do happens at any time. The seed alone decides which.
*/
import { type ClusterState, type Member } from '../../src/cluster/index.ts'
import { InvariantError, messageOf } from '../../src/lib/index.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { SeedResult } from '../simulation/seeds.ts'
import { Trace } from '../simulation/trace.ts'
import { Violation } from '../simulation/violation.ts'
import { type Action, actionsOf } from './actions.ts'
import { calm } from './calm.ts'
import { SimulatedEtcd } from './etcd.ts'
import { SimulatedNetwork } from './network.ts'
import { SimulatedNode } from './node.ts'
import { type Planted, plant, type Sabotage } from './planted.ts'
import { restored } from './restored.ts'
import type { SimulatedStore } from './simulated-store.ts'
import { SimulatedSource } from './source.ts'
import { Witness } from './witness.ts'

const STEPS = 600
/** So many seeds end with an etcd that has lost something, not with the calm. */
const RESTORED = 0.1

export interface WorldOptions {
  readonly seed: number
  /** how many nodes there are, all of them voters; otherwise the seed says it */
  readonly size?: number
  readonly planted?: Planted
  readonly say?: (line: string) => void
}

/** How often some faults may come in one seed. */
export interface Budget {
  wipes: number
  wishes: number
  sourceWrites: number
  sourceRestarts: number
  takeOvers: number
}

export class World {
  readonly random: SeededRandom
  readonly trace: Trace
  readonly etcd: SimulatedEtcd
  readonly network = new SimulatedNetwork()
  readonly source = new SimulatedSource()
  readonly witness: Witness
  readonly nodes: readonly SimulatedNode[]
  readonly sabotage: Sabotage
  readonly budget: Budget
  /** stores that are lost for ever */
  readonly lost = new Set<string>()
  readonly counts = new Map<string, number>()
  steps = 0
  isCalm = false
  readonly #weights = new Map<string, number>()

  constructor({ seed, size: wanted, planted = {}, say = () => {} }: WorldOptions) {
    this.random = new SeededRandom(seed)
    this.trace = new Trace(() => this.steps, say)
    this.sabotage = planted.sabotage ?? {}
    const size = wanted ?? this.random.pick([3, 3, 3, 4, 5])
    const voters = Math.min(size, this.random.pick([3, 3, 3, 5]))
    const names = ['A', 'B', 'C', 'D', 'E'].slice(0, size)
    const members = names.slice(0, voters).map((node): Member => ({ node, store: '1' }))
    const first: ClusterState = {
      cluster: 'cluster-1',
      version: 0,
      epoch: 0,
      leader: undefined,
      voters: members,
      inSync: members,
    }
    this.etcd = new SimulatedEtcd(first)
    this.etcd.comparesNothing = this.sabotage.comparesNothing ?? false
    this.witness = new Witness(this)
    const silentTicks = this.random.between(1, 6)
    const limits = {
      readTicks: 4,
      silentTicks,
      stuckTicks: silentTicks + this.random.between(2, 15),
      rememberTicks: this.random.between(1, 3),
      standDownTicks: this.random.between(1, 6),
    }
    this.nodes = names.map((name) => new SimulatedNode(this, name, limits))
    this.budget = {
      wipes: this.random.pick([0, 0, 1, 2]),
      wishes: size === 3 ? 1 : 3,
      sourceWrites: 14,
      sourceRestarts: this.random.pick([0, 0, 0, 1]),
      takeOvers: this.random.pick([3, 6, 12, 24]),
    }
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  note(text: string): void {
    this.trace.note(text)
  }

  node(name: string): SimulatedNode {
    const found = this.nodes.find((node) => node.name === name)
    if (found === undefined) throw new Error(`no node ${name}`)
    return found
  }

  /** The store of a member, if it still exists. */
  storeOf({ node, store }: Member): SimulatedStore | undefined {
    const { store: current } = this.node(node)
    return current.id === store ? current : undefined
  }

  /** Where a store shows its file to end, by its records up to `sequence`. */
  boundaryAt(store: SimulatedStore, sequence: number): number {
    return (this.sabotage.boundaryAt ?? ((one, at) => one.boundaryAt(at)))(store, sequence)
  }

  /** All leaders have one identity towards the source: a new dump ends the one before. */
  replaceDump(by: SimulatedNode): void {
    for (const node of this.nodes) if (node !== by) node.breakLink()
  }

  do(action: Action): void {
    this.steps += 1
    if (!this.isCalm) this.count(action.kind)
    this.note(action.text)
    action.run()
    this.witness.check()
  }

  /** Rare things of one seed are frequent in another. */
  weight({ kind, rate }: Action): number {
    const known = this.#weights.get(kind)
    if (known !== undefined) return known
    const { random } = this
    const chosen = {
      common: () => random.pick([1, 4, 12]),
      usual: () => random.pick([1, 4, 8]),
      slow: () => random.pick([0.03, 0.15, 0.6]),
      rare: () => random.pick([0.01, 0.03, 0.1, 0.3]),
      faint: () => random.pick([0.003, 0.01, 0.05]),
    }[rate]()
    this.#weights.set(kind, chosen)
    return chosen
  }

  choose(actions: readonly Action[]): Action | undefined {
    const total = actions.reduce((sum, action) => sum + this.weight(action), 0)
    let at = this.random.fraction() * total
    for (const action of actions) {
      at -= this.weight(action)
      if (at <= 0) return action
    }
    return actions.at(-1)
  }

  run(): void {
    for (const node of this.nodes) node.start()
    for (let step = 0; step < STEPS; step += 1) {
      const action = this.choose(actionsOf(this))
      if (action === undefined) break
      this.do(action)
    }
    this.note('-- calm --')
    this.counts.set('records committed', this.witness.truth.length)
    this.counts.set('epochs begun', this.witness.epochs)
    this.counts.set('states written', this.etcd.revision - 1)
    this.isCalm = true
    if (this.random.chance(RESTORED)) restored(this)
    else calm(this)
  }
}

export function runWorld(options: WorldOptions): SeedResult {
  const world = new World(options)
  let violation: Violation | undefined
  const mend = plant(options.planted?.methods)
  try {
    world.run()
  } catch (thrown) {
    violation = asViolation(thrown)
    world.note(`VIOLATION of '${violation.checker}': ${violation.message}`)
  } finally {
    mend()
  }
  for (const node of world.nodes) world.note(node.describe())
  world.note(JSON.stringify(world.etcd.state))
  const { seed } = options
  const { counts } = world
  return { seed, violation, digest: world.trace.digest(), counts }
}

function asViolation(thrown: unknown): Violation {
  if (thrown instanceof Violation) return thrown
  if (thrown instanceof InvariantError) {
    return new Violation('no promise of the code breaks', thrown.message)
  }
  throw new Error(`the simulation itself failed: ${messageOf(thrown)}`, { cause: thrown })
}
