/*
  One seed: several nodes with their disks, what joins them, etcd, a source with a history, and what befalls them.
  Everything happens in simulated time and in an order that the seed alone decides.
*/
import type { ClusterState, Limits, Member } from '../../src/cluster/index.ts'
import type { ClusterJournal } from '../../src/cluster/node/cluster-journal.ts'
import type { Driver } from '../../src/cluster/node/driver.ts'
import type { Disk } from '../../src/platform/index.ts'
import type { HeaderLog } from '../cluster-simulation/header-log.ts'
import type { WitnessedWorld } from '../cluster-simulation/log-witness.ts'
import { plant, type Replacement } from '../cluster-simulation/planted.ts'
import { Expected } from '../simulation/expected.ts'
import type { SeedResult } from '../simulation/seeds.ts'
import { SourceHistory } from '../simulation/source/history.ts'
import { type Pace, type SeedOptions, SteppedWorld } from '../simulation/stepped-world.ts'
import { Violation } from '../simulation/violation.ts'
import { calm } from './calm.ts'
import { chaos } from './chaos.ts'
import { SimulatedNetwork } from './network.ts'
import { SimulatedNode } from './node.ts'
import { RegisterService } from './register.ts'
import { SimulatedSource } from './source.ts'
import { Supervisor } from './supervisor.ts'
import { NodesWitness } from './witness.ts'

const PACE: Pace = { stepsMax: 2_000_000, lookMs: 20, stuck: 'ingest goes on' }

/** Faults planted into the nodes, to see that a check notices; honest nodes have none. */
export interface Sabotage {
  readonly methods?: readonly Replacement[]
  readonly disk?: (disk: Disk) => Disk
  readonly begins?: (driver: Driver, journal: ClusterJournal, node: SimulatedNode) => void
}

export interface WorldOptions extends SeedOptions {
  /** what happens to the nodes before the calm; undefined: whatever the seed brings */
  readonly befalls?: (world: World) => Promise<void>
  readonly sabotage?: Sabotage
}

export class World extends SteppedWorld implements WitnessedWorld {
  readonly sabotage: Sabotage
  readonly register: RegisterService
  readonly network: SimulatedNetwork
  readonly source: SimulatedSource
  readonly witness: NodesWitness
  readonly nodes: readonly SimulatedNode[]
  readonly supervisor: Supervisor
  /** stores that do not exist any more */
  readonly lost = new Set<string>()
  wipes: number
  isEnding = false
  readonly #befalls: (world: World) => Promise<void>

  constructor({ sabotage = {}, befalls = chaos, ...options }: WorldOptions) {
    super(options, PACE)
    this.#befalls = befalls
    this.sabotage = sabotage
    const nowSeconds = (): number => Math.floor(this.clock.nowMs() / 1000)
    const history = new SourceHistory(this.random.fork(), nowSeconds)
    this.source = new SimulatedSource(history, this.random.fork())
    this.witness = new NodesWitness(this, new Expected(history))
    this.#makePast()
    const size = this.random.pick([3, 3, 3, 4, 5])
    const voters = Math.min(size, this.random.pick([3, 3, 3, 5]))
    const names = ['A', 'B', 'C', 'D', 'E'].slice(0, size)
    const first = firstState(names.slice(0, voters))
    this.register = new RegisterService(first, this.clock, this.random.fork())
    const listening = (name: string) => this.node(name).process
    this.network = new SimulatedNetwork(this.clock, this.random.fork(), listening)
    const limits = this.#limits()
    this.nodes = names.map((name) => new SimulatedNode(this, name, limits))
    this.supervisor = new Supervisor(this)
    this.wipes = this.random.pick([0, 1, 2])
  }

  get etcd(): { readonly state: ClusterState } {
    return this.register.etcd
  }

  storeOf({ node, store }: Member): HeaderLog | undefined {
    const { store: current } = this.node(node)
    return current.id === store ? current : undefined
  }

  node(name: string): SimulatedNode {
    const found = this.nodes.find((node) => node.name === name)
    if (found === undefined) throw new Error(`no node ${name}`)
    return found
  }

  /** The node that leads the newest epoch. */
  get leader(): SimulatedNode | undefined {
    const { epoch } = this.etcd.state
    return this.nodes.find((node) => node.driver?.node.leader?.epoch === epoch)
  }

  // ---- the run

  /** Steps through everything that happens until the script is over or something is wrong. */
  async run(): Promise<Violation | undefined> {
    await this.play(this.#script(), () => this.witness.check())
    for (const node of this.nodes) node.die('kill')
    return this.violation
  }

  async #script(): Promise<void> {
    const tending = this.supervisor.run()
    tending.catch((thrown: unknown) => this.bug(thrown))
    const committing = this.#commitAndRotate()
    await this.#befalls(this)
    this.isEnding = true
    await committing
    await calm(this)
    this.supervisor.isOver = true
    await tending
    await this.#restartAll()
  }

  /** Once more from the disks alone: everything is there. */
  async #restartAll(): Promise<void> {
    for (const node of this.nodes) {
      await node.stop()
      const shown = node.shownTo
      node.start()
      const isOpen = await this.until(() => node.log !== undefined, 20_000)
      if (!isOpen) throw new Violation('the node opens', `${node.name}: not after a stop in order`)
      if (shown !== undefined && node.store.end === node.store.base.sequence) {
        throw new Violation('the node opens', `${node.name} has nothing after a stop in order`)
      }
    }
  }

  async #commitAndRotate(): Promise<void> {
    const { history } = this.source
    const paceMs = this.random.pick([60, 200, 600])
    while (!this.isEnding) {
      await this.clock.sleep(this.random.between(1, paceMs))
      if (!this.source.isUp) continue
      if (this.random.chance(0.06)) history.rotate()
      for (let left = this.random.between(0, 3); left > 0; left -= 1) {
        history.commit()
        this.count('transaction')
      }
      this.source.wrote()
    }
  }

  /** What the source has when the cluster first comes. */
  #makePast(): void {
    const { history } = this.source
    for (let files = this.random.between(0, 2); files > 0; files -= 1) {
      for (let left = this.random.between(0, 5); left > 0; left -= 1) history.commit()
      history.rotate()
    }
    if (this.random.chance(0.3)) history.purgeTo(this.random.pick(history.kept).name)
  }

  #limits(): Limits {
    const silentTicks = this.random.between(4, 12)
    const stuckTicks = 3 * silentTicks
    return {
      readTicks: silentTicks,
      silentTicks,
      stuckTicks,
      rememberTicks: this.random.pick([1, 5, 10]),
      standDownTicks: stuckTicks,
    }
  }
}

function firstState(names: readonly string[]): ClusterState {
  const members = names.map((node): Member => ({ node, store: `${node}-1` }))
  return {
    cluster: 'cluster-1',
    version: 0,
    epoch: 0,
    leader: undefined,
    voters: members,
    inSync: members,
  }
}

/** Runs one seed to its end, or to the first thing that is wrong. */
export async function runWorld(options: WorldOptions): Promise<SeedResult> {
  const world = new World(options)
  const mend = plant(options.sabotage?.methods)
  // A promise of a dead process that is rejected is nobody's; any other would end a real process.
  const listeners = process.listeners('unhandledRejection')
  process.removeAllListeners('unhandledRejection')
  process.on('unhandledRejection', (thrown) => world.bug(thrown))
  let violation: Violation | undefined
  let digest = ''
  try {
    violation = await world.run()
    digest = world.trace.digest()
    for (const node of world.nodes) node.release()
    await new Promise((resolve) => {
      setImmediate(resolve)
    })
  } finally {
    process.removeAllListeners('unhandledRejection')
    for (const listener of listeners) process.on('unhandledRejection', listener)
    mend()
  }
  const { counts, nodes, witness, register } = world
  for (const { disk } of nodes) {
    for (const [fault, count] of disk.met) counts.set(fault, (counts.get(fault) ?? 0) + count)
  }
  counts.set('records committed', witness.truth.length)
  counts.set('epochs begun', witness.epochs)
  counts.set('states written', register.etcd.revision - 1)
  return { seed: options.seed, violation, digest, counts }
}
