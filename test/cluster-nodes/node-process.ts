/*
  One process of a node: the real driver, journal and log, joined to a simulated disk, clock, network, register and
  source. One life of the protocol after another, as `ClusterNode` and `Life` have it.
*/
import type { DurableFacts, LeaderName, Limits } from '../../src/cluster/index.ts'
import { LINK_LIMITS } from '../../src/cluster/link/options.ts'
import { ConnectedLink, type PeerLink } from '../../src/cluster/link/peer-link.ts'
import { readFacts, readHeld, writeFacts } from '../../src/cluster/log/facts-file.ts'
import { ClusterJournal } from '../../src/cluster/node/cluster-journal.ts'
import { Dialer } from '../../src/cluster/node/dialer.ts'
import { Driver } from '../../src/cluster/node/driver.ts'
import { MembershipKeeper } from '../../src/cluster/node/members/membership-keeper.ts'
import { Succession } from '../../src/cluster/node/succession.ts'
import type { Alarm } from '../../src/cluster/protocol/decisions.ts'
import { NO_FACTS } from '../../src/cluster/protocol/log/durable-facts.ts'
import { Backoff, type Logger, messageOf, OperationalError, Watch } from '../../src/lib/index.ts'
import type { Disk } from '../../src/platform/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import { ReplicatedLog } from '../../src/store/index.ts'
import { isDiskFailure } from '../simulation/replica.ts'
import type { Listener, SimulatedNetwork } from './network.ts'
import { RegisterClient, type RegisterService } from './register.ts'
import { type IngestParts, SimulatedIngest } from './simulated-ingest.ts'
import type { SimulatedSource } from './source.ts'
import type { WireEnd } from './wire.ts'

export const BINLOGS = '/data/binlogs'
const FACTS = '/data/cluster.json'
const NEXT_LIFE_MS = 500
/** Where the disk has ended a life. */
const SICK_DISK = { firstMs: NEXT_LIFE_MS, mostMs: 10_000 }
const WELL_MS = 60_000
const HEARTBEAT_MS = 100

/** What watches over a process; none of it changes what it does. */
export interface Observer {
  opened(log: ReplicatedLog, facts: DurableFacts): void
  /** a life begins; nothing has happened in it yet */
  begins(driver: Driver, journal: ClusterJournal): void
  /** the life is over */
  ended(why: Alarm | OperationalError | undefined): void
  sends(message: Parameters<PeerLink['send']>[0]): void
  readonly connects: IngestParts['connects']
  readonly disconnects: IngestParts['disconnects']
  readonly acknowledges: IngestParts['acknowledges']
  readonly refused: IngestParts['refused']
  bug(thrown: unknown): void
}

export interface ProcessParts {
  readonly node: string
  readonly storeId: string
  readonly nextIncarnation: () => number
  readonly limits: Limits
  readonly disk: Disk
  readonly clock: ProcessClock
  readonly random: SeededRandom
  readonly network: SimulatedNetwork
  readonly register: RegisterService
  readonly source: SimulatedSource
  readonly nodes: readonly string[]
  readonly logger: Logger
  readonly observer: Observer
}

export class NodeProcess implements Listener {
  readonly #parts: ProcessParts
  readonly #driver = new Watch<Driver | undefined>(undefined)
  readonly #over = new AbortController()
  #log: ReplicatedLog | undefined
  #journal: ClusterJournal | undefined
  /** it takes part no more until somebody acts */
  trouble: unknown
  #running: Promise<void> | undefined

  constructor(parts: ProcessParts) {
    this.#parts = parts
  }

  get node(): string {
    return this.#parts.node
  }

  get clock(): ProcessClock {
    return this.#parts.clock
  }

  get log(): ReplicatedLog | undefined {
    return this.#log
  }

  get journal(): ClusterJournal | undefined {
    return this.#journal
  }

  /** of the present life */
  get driver(): Driver | undefined {
    return this.#driver.value
  }

  start(): void {
    const { clock, observer } = this.#parts
    this.#running = this.#run().catch((thrown: unknown) => {
      if (clock.isDead) return
      // A process that cannot read its files when it starts ends, and is started again.
      if (thrown instanceof OperationalError || isDiskFailure(thrown)) this.#fail(thrown)
      else observer.bug(thrown)
    })
  }

  /** SIGTERM. */
  async stop(): Promise<void> {
    this.#over.abort()
    await this.#running
    await this.#log?.close()
  }

  /**
   * Lets go of what a dead process still waits for, once nobody looks any more: Node keeps a signal made by
   * AbortSignal.any, and so all that waits for it, until it fires.
   */
  release(): void {
    this.#over.abort()
  }

  accept(connection: WireEnd, from: string): void {
    const link = this.#link(connection, from)
    const driver = this.#driver.value
    if (driver === undefined || driver.isOver) link.close('this node does not take part yet')
    else driver.accepted(link)
  }

  // ---- inside

  async #run(): Promise<void> {
    const { disk, storeId, logger, observer, clock, node, source, random } = this.#parts
    const heldAtLeast = await readHeld(disk, FACTS)
    const log = await ReplicatedLog.open({ disk, folder: BINLOGS, storeId, logger, heldAtLeast })
    const facts = await readFacts(disk, FACTS)
    if (clock.isDead) return
    this.#log = log
    observer.opened(log, facts)
    await log.show(Math.min(facts.known, log.durable))
    const journal = new ClusterJournal(log, this.#driver)
    this.#journal = journal
    const { connects, disconnects, acknowledges, refused } = observer
    const tells = { connects, disconnects, acknowledges, refused }
    const parts = { node, journal, source, clock, random: random.fork(), ...tells }
    const ingest = new SimulatedIngest(parts)
    await Promise.all([this.#live(log, journal), ingest.run(this.#over.signal)])
  }

  async #live(log: ReplicatedLog, journal: ClusterJournal): Promise<void> {
    const { clock, observer, logger, random } = this.#parts
    const { signal } = this.#over
    const backoff = new Backoff(SICK_DISK, () => random.fraction())
    let bornMs = clock.monotonicMs()
    for (let isFirst = true; !signal.aborted; isFirst = false) {
      try {
        if (!isFirst) await this.#readAnew(log)
        bornMs = clock.monotonicMs()
        const why = await this.#liveOnce(log, journal)
        observer.ended(why)
        if (why === undefined) return
        if (typeof why === 'string') return this.#fail(why)
        logger.error({ code: why.code }, `${why.message}; tries again`)
      } catch (thrown) {
        if (signal.aborted || clock.isDead) return
        if (!(thrown instanceof OperationalError)) throw thrown
        if (thrown.reaction === 'operator' || thrown.reaction === 'refuse')
          return this.#fail(thrown)
      }
      if (clock.monotonicMs() - bornMs > WELL_MS) backoff.reset()
      await clock.sleep(log.failure === undefined ? NEXT_LIFE_MS : backoff.nextMs(), signal)
    }
  }

  async #readAnew(log: ReplicatedLog): Promise<void> {
    const { disk, observer } = this.#parts
    await log.reopen()
    const facts = await readFacts(disk, FACTS)
    observer.opened(log, facts)
    if (facts !== NO_FACTS) await writeFacts(disk, FACTS, facts, log.durable)
  }

  /** @returns why it has ended; undefined when the process is to end */
  async #liveOnce(
    log: ReplicatedLog,
    journal: ClusterJournal,
  ): Promise<Alarm | OperationalError | undefined> {
    const { node, storeId, disk, observer, limits, register: service, clock } = this.#parts
    const facts = await readFacts(disk, FACTS)
    const self: LeaderName = { node, store: storeId, incarnation: this.#parts.nextIncarnation() }
    const over = new AbortController()
    let why: Alarm | OperationalError | undefined
    const register: RegisterClient = new RegisterClient({
      service,
      self,
      driver: () => driver,
      clock,
      changed: () => succession.consider(),
    })
    const driver: Driver = new Driver({
      self,
      limits,
      facts,
      log,
      register,
      writeFacts: (next) => writeFacts(disk, FACTS, next, log.durable),
      clock,
      resign: () => register.withdraw(),
      ended: (reason) => {
        why ??= reason
        register.withdraw()
        over.abort()
      },
      onBug: (bug) => observer.bug(bug),
    })
    const dialer = this.#dialer(driver, (): void => succession.consider())
    const succession: Succession = new Succession({
      driver,
      alive: () => register.alive,
      hasMissed: (leader) => dialer.hasMissed(leader),
    })
    const { signal } = this.#over
    const stop = (): void => over.abort()
    signal.addEventListener('abort', stop, { once: true })
    if (signal.aborted) stop()
    observer.begins(driver, journal)
    this.#driver.set(driver)
    driver.start()
    register.start()
    try {
      await Promise.all([
        dialer.run(over.signal),
        this.#keeper(driver).run(over.signal),
        this.#tick(driver, succession, over.signal),
      ])
    } finally {
      signal.removeEventListener('abort', stop)
      over.abort()
      register.end()
      await driver.end()
      this.#driver.set(undefined)
    }
    return signal.aborted ? undefined : why
  }

  async #tick(driver: Driver, succession: Succession, until: AbortSignal): Promise<void> {
    while (!until.aborted) {
      await this.clock.sleep(HEARTBEAT_MS, until)
      if (until.aborted) return
      driver.give({ kind: 'tick' })
      succession.tick()
    }
  }

  #dialer(driver: Driver, unreachable: () => void): Dialer {
    const { clock, random, logger, network } = this.#parts
    return new Dialer({
      driver,
      urlOf: (node) => new URL(`http://${node}`),
      dial: async ({ hostname }, signal) => {
        const node = hostname.toUpperCase()
        return this.#link(await network.dial(this, node, signal), node)
      },
      unreachable,
      clock,
      random,
      logger,
    })
  }

  #keeper(driver: Driver): MembershipKeeper {
    const { nodes, clock, logger } = this.#parts
    const members = new Map(
      nodes.map((name) => [name, { peerUrl: `http://${name}`, isObserver: false }]),
    )
    return new MembershipKeeper({
      driver,
      members: new Watch(members),
      etcd: undefined,
      clock,
      logger,
    })
  }

  #link(connection: WireEnd, peer: string): PeerLink {
    const { clock, logger, observer } = this.#parts
    const unread = Buffer.alloc(0)
    const parts = { connection, peer, version: 1, unread, clock, logger }
    const link = new ConnectedLink({ ...parts, limits: LINK_LIMITS })
    const send = link.send.bind(link)
    link.send = (message, records) => {
      observer.sends(message)
      send(message, records)
    }
    return link
  }

  #fail(why: unknown): void {
    const { logger } = this.#parts
    logger.error({}, `stands still: ${messageOf(why)}`)
    this.trouble = why
  }
}
