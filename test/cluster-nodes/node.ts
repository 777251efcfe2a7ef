import type { DurableFacts, Limits, Member, Removal } from '../../src/cluster/index.ts'
import type { ClusterJournal } from '../../src/cluster/node/cluster-journal.ts'
import type { Driver } from '../../src/cluster/node/driver.ts'
import type { OperationalError } from '../../src/lib/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { type Death, SimulatedDisk } from '../../src/platform/testing/simulated-disk.ts'
import { SimulatedProcess } from '../../src/platform/testing/simulated-process.ts'
import type { LogRecord, Position, ReplicatedLog } from '../../src/store/index.ts'
import { HeaderLog } from '../cluster-simulation/header-log.ts'
import type { WitnessedNode } from '../cluster-simulation/log-witness.ts'
import { NodeProcess, type Observer } from './node-process.ts'
import type { World } from './world.ts'

/** What a crash may leave of a cut or of a log that begins anew. */
type Cutting =
  | { readonly kind: 'truncate'; readonly to: number }
  | { readonly kind: 'start-over'; readonly args: Parameters<ReplicatedLog['startOver']> }

const NOTHING_TOLD = { promised: 0, known: 0 }

/** One machine: its disk, and one process after another on it. */
export class SimulatedNode implements WitnessedNode, Observer {
  readonly name: string
  disk: SimulatedDisk
  /** the records that its log must have, as the driver gave them */
  store: HeaderLog
  process: NodeProcess | undefined
  incarnation = 0
  newestAtBreak = 0
  mayStop = false
  /** somebody else starts it */
  isHeldDown = false
  /** the farthest that was shown of this store */
  shownTo: Position | undefined
  /** of the facts, what the protocol was told to be durable */
  #told: Pick<DurableFacts, 'promised' | 'known'> = NOTHING_TOLD
  #stores = 1
  #driver: Driver | undefined
  #leads: number | undefined
  #cutting: Cutting | undefined
  readonly #processes: NodeProcess[] = []
  readonly #world: World
  readonly #random: SeededRandom
  readonly #limits: Limits

  constructor(world: World, name: string, limits: Limits) {
    this.#world = world
    this.name = name
    this.#limits = limits
    this.#random = world.random.fork()
    this.disk = new SimulatedDisk(world.time, this.#random.fork())
    this.store = new HeaderLog(`${name}-1`)
  }

  // ---- for the witness

  get member(): Member {
    return { node: this.name, store: this.store.id }
  }

  get isUp(): boolean {
    return this.#driver !== undefined
  }

  get visible(): number {
    return this.#driver?.node.visible ?? 0
  }

  get known(): number {
    return this.#driver?.node.context.facts.now.known ?? 0
  }

  get epoch(): number {
    return this.#driver?.node.leader?.epoch ?? 0
  }

  // ---- the process

  get driver(): Driver | undefined {
    return this.#driver
  }

  get log(): ReplicatedLog | undefined {
    return this.process?.log
  }

  start(): void {
    const world = this.#world
    const clock = world.time.process()
    const died = (death: Death): void => {
      world.count(`died by ${death} at an operation`)
      this.#ended(death)
    }
    const simulated = new SimulatedProcess(this.disk, died, clock)
    const disk = world.sabotage.disk?.(simulated) ?? simulated
    this.process = new NodeProcess({
      node: this.name,
      storeId: this.store.id,
      nextIncarnation: () => {
        this.incarnation += 1
        return this.incarnation
      },
      limits: this.#limits,
      disk,
      clock,
      random: this.#random.fork(),
      network: world.network,
      register: world.register,
      source: world.source,
      nodes: world.nodes.map(({ name }) => name),
      logger: world.trace.logger(this.name),
      observer: this,
    })
    this.#processes.push(this.process)
    this.process.start()
  }

  /** The world is over. */
  release(): void {
    for (const process of this.#processes) process.release()
  }

  /** SIGKILL, or the machine loses its power. */
  die(death: Death): void {
    if (this.process === undefined) return
    this.disk.crash(death)
    this.#ended(death)
  }

  async stop(): Promise<void> {
    const { process } = this
    if (process === undefined) return
    await process.stop()
    if (this.process === process) this.die('kill')
  }

  /** Another disk takes the place of the one that is lost, and nobody remembers anything. */
  wipe(): void {
    this.die('power cut')
    this.#stores += 1
    this.disk = new SimulatedDisk(this.#world.time, this.#random.fork())
    this.store = new HeaderLog(`${this.name}-${this.#stores}`)
    this.#cutting = undefined
    this.#told = NOTHING_TOLD
    this.shownTo = undefined
    this.mayStop = false
  }

  #ended(death: Death): void {
    const { process } = this
    const world = this.#world
    this.process = undefined
    this.#driver = undefined
    this.#leads = undefined
    if (process === undefined) return
    world.note(`${this.name} died: ${death}`)
    process.clock.die()
    world.network.processDied(process, death === 'kill')
    if (world.source.dump?.node === this.name) world.source.breakDump()
    world.witness.leaves(this)
  }

  // ---- what the process says and does

  opened(log: ReplicatedLog, facts: DurableFacts): void {
    this.#world.guard(() => {
      this.#reconcile(log)
      this.#world.witness.opens(this, log)
      const { promised, known } = this.#told
      this.#world.witness.remembers(this, facts, { promised, known })
    })
  }

  begins(driver: Driver, journal: ClusterJournal): void {
    const { sabotage, witness } = this.#world
    sabotage.begins?.(driver, journal, this)
    const { work } = driver
    const append = work.append.bind(work)
    const truncate = work.truncate.bind(work)
    const startOver = work.startOver.bind(work)
    const remove = work.remove.bind(work)
    work.append = (records) => {
      this.#world.guard(() => this.#appends(records))
      append(records)
    }
    work.truncate = (to) => {
      this.#world.guard(() => this.#cuts(to))
      truncate(to)
    }
    work.startOver = (...args) => {
      this.#cutting = { kind: 'start-over', args }
      startOver(...args)
    }
    work.remove = (removal: Removal) => {
      this.#world.guard(() => witness.removes(this, removal))
      remove(removal)
    }
    this.#driver = driver
    this.#leads = undefined
    driver.committed.follow((sequence) =>
      this.#world.guard(() => witness.committed(this, sequence)),
    )
    driver.stepped.follow(() => this.#world.guard(() => this.#look(driver)))
  }

  ended(why: string | OperationalError | undefined): void {
    this.#driver = undefined
    this.#leads = undefined
    if (typeof why === 'string') this.#world.guard(() => this.#world.witness.stops(this, why))
  }

  sends(message: Parameters<Observer['sends']>[0]): void {
    const { log, store } = this
    if (message.kind !== 'report' || log === undefined) return
    if (this.#driver !== undefined) this.#settleWhenCut(this.#driver)
    store.sync(Math.min(log.durable, store.end))
    this.#world.guard(() => this.#world.witness.reported(this, message.end))
  }

  readonly connects = (place: Position | undefined): void => {
    const { witness } = this.#world
    this.#world.note(`${this.name} connects at ${place?.file}:${place?.position}`)
    this.#world.count('dump')
    this.#world.guard(() => {
      if (place !== undefined) witness.acknowledges(this, place)
      witness.connects(this)
    })
  }

  readonly acknowledges = (place: Position): void => {
    this.#world.guard(() => this.#world.witness.acknowledges(this, place))
  }

  readonly disconnects = (): void => this.#linkEnded()

  readonly refused = (place: Position): void => {
    this.#world.guard(() => this.#world.witness.refuses(place))
  }

  bug(thrown: unknown): void {
    if (this.process?.clock.isDead === false) this.#world.bug(thrown)
  }

  // ---- the records

  #appends(records: readonly LogRecord[]): void {
    this.#settleCut()
    for (const record of records) {
      const { sequence, epoch, kind, crc, end, boundary } = record
      // The log makes the CRC of what has no bytes itself: a record need not know it.
      this.store.add({ sequence, epoch, kind, crc: kind === 'bytes' ? crc : 0, end, boundary })
      this.#world.witness.appended(this, record)
    }
  }

  #cuts(to: number): void {
    this.#cutting = { kind: 'truncate', to }
    for (let sequence = this.store.end; sequence > to; sequence -= 1) {
      this.#world.witness.cuts(this, sequence)
    }
  }

  #settleWhenCut({ node }: Driver): void {
    if (this.#cutting !== undefined && !node.follower.isCutting) this.#settleCut()
  }

  /** The disk has done it. */
  #settleCut(): void {
    const cutting = this.#cutting
    this.#cutting = undefined
    if (cutting?.kind === 'truncate') this.store.truncate(cutting.to)
    else if (cutting?.kind === 'start-over') this.#startOver(cutting.args)
  }

  #startOver([base, lineage]: Parameters<ReplicatedLog['startOver']>): void {
    const digest = this.#world.witness.digests[base.sequence - 1] ?? 'a base that is not committed'
    this.store.startOver({ ...base, digest }, lineage)
  }

  #look(driver: Driver): void {
    if (driver !== this.#driver || driver.isOver) return
    const { node } = driver
    const { log, facts } = node.context
    const { witness } = this.#world
    this.#settleWhenCut(driver)
    this.store.sync(Math.min(log.durable, this.store.end))
    if (log.base.sequence > this.store.base.sequence) this.store.purge(log.base.sequence)
    this.#told = { promised: facts.durable.promised, known: facts.durable.known }
    this.#lookAtLeader(driver)
    if (node.visible > 0) witness.shown(this, node.visible)
    witness.look(this)
  }

  #lookAtLeader({ node }: Driver): void {
    const epoch = node.leader?.epoch
    if (epoch === this.#leads) return
    if (epoch !== undefined) {
      this.#world.note(`${this.name} leads epoch ${epoch}`)
      this.#world.witness.begins(this, epoch)
      this.#linkEnded()
    }
    this.#leads = epoch
  }

  #linkEnded(): void {
    this.newestAtBreak = this.#world.witness.newestEpoch
  }

  /** What was not durable may be lost, and a cut may have been done in part. */
  #reconcile(log: ReplicatedLog): void {
    const { witness } = this.#world
    const cutting = this.#cutting
    this.#cutting = undefined
    if (cutting?.kind === 'start-over' && log.base.sequence === cutting.args[0].sequence) {
      this.#startOver(cutting.args)
    }
    if (log.base.sequence > this.store.base.sequence) this.store.purge(log.base.sequence)
    const least = cutting?.kind === 'truncate' ? cutting.to : this.store.durable
    witness.recovers(this, log, least)
    this.store.truncate(log.end)
    this.store.durable = this.store.end
  }
}
