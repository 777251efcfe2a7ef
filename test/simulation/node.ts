/* One node of Kingbus as the daemon builds it, over a simulated disk, clock and network; it can die. */
import { RETENTION_LOOK_MS, ROOM_RETRY_MS } from '../../src/config/index.ts'
import { reopenJournal } from '../../src/daemon/disk/reopen-journal.ts'
import { RoomJournal } from '../../src/daemon/disk/room-journal.ts'
import { Ingest } from '../../src/ingest/index.ts'
import { type Journal, LocalJournal } from '../../src/journal/index.ts'
import { type Logger, OperationalError } from '../../src/lib/index.ts'
import type { Disk } from '../../src/platform/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock, SimulatedClock } from '../../src/platform/testing/simulated-clock.ts'
import type { Death, SimulatedDisk } from '../../src/platform/testing/simulated-disk.ts'
import { SimulatedProcess } from '../../src/platform/testing/simulated-process.ts'
import { type BinlogReader, binlogReaderOf } from '../../src/serve/dump/binlog-reader.ts'
import { Dumps } from '../../src/serve/dump/dumps.ts'
import { Replicas } from '../../src/serve/replicas.ts'
import {
  SOURCE_LIMITS,
  SourceLink,
  type SourceOptions,
  type StartAt,
} from '../../src/source/index.ts'
import { type DataDir, openDataDir, planRetention, Store } from '../../src/store/index.ts'
import type { SourceServer } from './source/server.ts'

const DATA_DIR = '/data/kingbus'
export const BINLOGS = `${DATA_DIR}/binlogs`

/** Faults planted into a node, to see that a checker notices; an honest node has none. */
export interface Sabotage {
  readonly disk?: (disk: Disk, simulated: SimulatedDisk) => Disk
  readonly journal?: (journal: Journal) => Journal
  readonly link?: (link: SourceLink) => SourceLink
  readonly reader?: (reader: BinlogReader, simulated: SimulatedDisk) => BinlogReader
  readonly store?: (store: Store) => Store
  readonly safeToPurgeTo?: (link: SourceLink) => string | undefined
  readonly beforeOpen?: (simulated: SimulatedDisk) => void
  readonly roomRetryMs?: number
}

export interface NodeOptions {
  readonly clock: SimulatedClock
  readonly random: SeededRandom
  readonly disk: SimulatedDisk
  readonly source: Pick<SourceServer, 'connect'> & Partial<Pick<SourceServer, 'semiSync'>>
  readonly startAt: StartAt
  readonly maxSizeBytes: number | undefined
  readonly logger: Logger
  readonly sabotage: Sabotage
}

interface Running {
  readonly clock: ProcessClock
  readonly dataDir: DataDir
  readonly store: Store
  readonly journal: Journal
  readonly sourceOptions: SourceOptions
  readonly link: SourceLink
  readonly ingest: Ingest
  readonly dumps: Dumps
  readonly stop: AbortController
  readonly ended: Promise<unknown>
}

export class SimulatedNode {
  readonly #options: NodeOptions
  #clock: ProcessClock | undefined
  #running: Running | undefined
  /** why a part of the process ended by itself */
  failure: unknown
  /** clients may connect */
  isServing = false
  /** of every process that was started */
  readonly #stops: AbortController[] = []

  constructor(options: NodeOptions) {
    this.#options = options
  }

  get running(): Running | undefined {
    return this.#running
  }

  /** the name that the operator of the source is told */
  get safeToPurgeTo(): string | undefined {
    const running = this.#running
    if (running === undefined) return undefined
    const { safeToPurgeTo } = this.#options.sabotage
    return safeToPurgeTo ? safeToPurgeTo(running.link) : running.ingest.safeToPurgeTo
  }

  /** @param died called when the process dies at an operation on its disk */
  async start(died: (death: Death) => void): Promise<Running> {
    const { clock: time, disk: simulated, random, sabotage, logger } = this.#options
    sabotage.beforeOpen?.(simulated)
    const clock = time.process()
    this.#clock = clock
    this.failure = undefined
    const honest = new SimulatedProcess(simulated, (death) => {
      clock.die()
      this.#running = undefined
      died(death)
    })
    const disk = sabotage.disk?.(honest, simulated) ?? honest
    const dataDir = await openDataDir({ disk, random, path: DATA_DIR })
    try {
      const storeId = dataDir.identity.storeId
      const opened = await Store.open({ disk, folder: dataDir.binlogs, storeId, logger })
      const store = sabotage.store?.(opened) ?? opened
      this.#running = this.#run({ disk, clock, dataDir, store })
      this.isServing = true
      return this.#running
    } catch (thrown) {
      await dataDir.release()
      throw thrown
    }
  }

  /** SIGTERM: everything ends in order. */
  async stop(): Promise<void> {
    const running = this.#running
    if (running === undefined) return
    running.stop.abort()
    await running.ended
    await running.journal.close()
    await running.dataDir.release()
    this.#end()
  }

  /**
   * Lets go of what the dead processes still wait for, once nobody looks any more: Node keeps a signal made by
   * AbortSignal.any, and so all that waits for it, until it fires.
   */
  release(): void {
    for (const stop of this.#stops) stop.abort()
  }

  /** SIGKILL, or the machine loses its power. */
  die(death: Death): void {
    this.#options.disk.crash(death)
    this.#end()
  }

  #end(): void {
    this.#clock?.die()
    this.#running = undefined
  }

  #run(opened: { disk: Disk; clock: ProcessClock; dataDir: DataDir; store: Store }): Running {
    const { disk, clock, store } = opened
    const { logger, random, sabotage, disk: simulated, maxSizeBytes } = this.#options
    const local = new LocalJournal(store)
    const inner = sabotage.journal?.(local) ?? local
    const journal = new RoomJournal(inner, { disk, folder: BINLOGS, minFree: 10_000 })
    const sourceOptions = this.#sourceOptions(opened)
    const honest = new SourceLink(sourceOptions, logger)
    const link = sabotage.link?.(honest) ?? honest
    const roomRetryMs = sabotage.roomRetryMs ?? ROOM_RETRY_MS
    const heldByReplicas = undefined
    const ingest = new Ingest({ link, journal, clock, logger, roomRetryMs, heldByReplicas })
    const reader = binlogReaderOf(store)
    const dumps = new Dumps({
      reader: sabotage.reader?.(reader, simulated) ?? reader,
      replicas: new Replicas(clock),
      clock,
      logger,
      serverId: 2,
    })
    const parts = { store, journal, logger, clock }
    const stop = new AbortController()
    this.#stops.push(stop)
    const failed = (thrown: unknown): void => {
      if (!clock.isDead) this.failure ??= thrown
    }
    const ended = Promise.all([
      ingest.run(stop.signal).catch(failed),
      journal.run(clock, stop.signal).catch(failed),
      reopenJournal(local, { clock, random }, stop.signal).catch(failed),
      purgeBySize(parts, maxSizeBytes, stop.signal).catch(failed),
    ])
    return { ...opened, sourceOptions, journal, link, ingest, dumps, stop, ended }
  }

  #sourceOptions({ clock, dataDir }: { clock: ProcessClock; dataDir: DataDir }): SourceOptions {
    const { source, startAt, random } = this.#options
    const { identity } = dataDir
    return {
      address: {
        dial: () => source.connect(clock),
        host: 'source',
        port: 3306,
        user: 'repl',
        password: () => 'secret',
        tls: { mode: 'disabled', authorities: () => undefined },
      },
      self: { serverId: identity.sourceReplicaServerId, uuid: identity.sourceReplicaUuid },
      startAt,
      semiSync: source.semiSync !== undefined,
      // mysql2 measures these two by the machine's own clock.
      limits: { ...SOURCE_LIMITS, connectMs: 0, queryMs: 0 },
      clock,
      random,
    }
  }
}

/** Retention without anybody who is away: that has a simulation of its own, in retention/. */
async function purgeBySize(
  parts: { store: Store; journal: Journal; logger: Logger; clock: ProcessClock },
  maxSizeBytes: number | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { store, journal, logger, clock } = parts
  const nobody = { roomBytes: undefined, neededFrom: undefined, readFrom: undefined }
  const policy = { maxSizeBytes, maxAgeMs: undefined, ceilingBytes: undefined, ...nobody }
  while (!signal.aborted) {
    await clock.sleep(RETENTION_LOOK_MS, signal)
    if (signal.aborted || journal.failed.value !== undefined) continue
    try {
      const plan = planRetention(await store.purgeableTo(), policy, 0)
      if (plan === undefined) continue
      await journal.purge(plan.upTo)
      logger.info({ ...plan }, 'retention removed the files before this one')
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      logger.warn({ code: thrown.code }, thrown.message)
    }
  }
}
