/* Store, journal, dumps and retention of one node, as the daemon builds them, fed with the source's history. */
import {
  buildRetention,
  type RetentionOptions,
  type RetentionParts,
} from '../../../src/daemon/retention/build-retention.ts'
import type { RetentionWish } from '../../../src/desired/index.ts'
import { LocalJournal } from '../../../src/journal/index.ts'
import { type Logger, Watch } from '../../../src/lib/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { ProcessClock, SimulatedClock } from '../../../src/platform/testing/simulated-clock.ts'
import type { Death, SimulatedDisk } from '../../../src/platform/testing/simulated-disk.ts'
import { SimulatedProcess } from '../../../src/platform/testing/simulated-process.ts'
import { binlogReaderOf } from '../../../src/serve/dump/binlog-reader.ts'
import { Dumps } from '../../../src/serve/dump/dumps.ts'
import { Replicas } from '../../../src/serve/replicas.ts'
import { type DataDir, openDataDir, Store } from '../../../src/store/index.ts'
import { beginOf, chunksOf } from '../../../src/store/testing/binlog-feed.ts'
import type { SourceHistory } from '../source/history.ts'
import { JumpingClock } from './jumping-clock.ts'

const DATA_DIR = '/data/kingbus'
/** Retention looks so often: in a month each second would be too often for a test. */
export const LOOK_MS = 300_000
/** What may be on its way to a replica: two writes, each of a file of this world at most. */
export const UNRECEIVED_BYTES_MOST = 40_000

/** `disk.min-free`: more than all that is written in a month, so that the disk is never full. */
export const MIN_FREE_BYTES = 2 ** 30

/** A fault that is planted into the node, to see that a checker notices. */
export interface MonthSabotage {
  readonly retention?: (options: RetentionOptions) => RetentionOptions
  /** as people purge by it */
  readonly desk?: (desk: RetentionParts['purgeDesk']) => RetentionParts['purgeDesk']
  /** what everybody but clients sees of the store */
  readonly store?: (store: Store) => Store
}

export interface MonthNodeOptions {
  readonly time: SimulatedClock
  readonly random: SeededRandom
  readonly disk: SimulatedDisk
  readonly history: SourceHistory
  readonly wish: RetentionWish
  readonly wall: { readonly aheadMs: number }
  readonly sabotage: MonthSabotage
  /** called before files go */
  readonly purging: () => void
  readonly logger: Logger
}

export interface RunningNode {
  readonly store: Store
  readonly dumps: Dumps
  readonly replicas: Replicas
  readonly retention: RetentionParts
}

interface Process extends RunningNode {
  readonly clock: ProcessClock
  readonly dataDir: DataDir
  readonly journal: LocalJournal
  readonly stop: AbortController
  readonly ended: Promise<unknown>
}

export class MonthNode {
  readonly #options: MonthNodeOptions
  #process: Process | undefined
  #feeding: Promise<void> = Promise.resolve()
  failure: unknown
  /** that have ended */
  purges = 0

  constructor(options: MonthNodeOptions) {
    this.#options = options
  }

  get running(): RunningNode | undefined {
    return this.#process
  }

  async start(): Promise<void> {
    const { time, random, disk: simulated, wish, wall, sabotage, logger } = this.#options
    const clock = time.process()
    const disk = new SimulatedProcess(simulated, () => clock.die(), clock)
    const dataDir = await openDataDir({ disk, random, path: DATA_DIR })
    const { storeId } = dataDir.identity
    const opened = await Store.open({ disk, folder: dataDir.binlogs, storeId, logger })
    const journal = new LocalJournal(opened)
    const store = sabotage.store?.(opened) ?? opened
    const stop = new AbortController()
    await journal.openSession(stop.signal)
    const wallClock = new JumpingClock(clock, wall)
    const replicas = new Replicas(wallClock, UNRECEIVED_BYTES_MOST)
    const reader = binlogReaderOf(opened)
    const dumps = new Dumps({ reader, replicas, clock: wallClock, logger, serverId: 2 })
    const options: RetentionOptions = {
      name: 'one',
      folder: dataDir.path,
      disk,
      store,
      journal: this.#watched(journal),
      server: { replicas, dumps },
      wish: () => wish,
      minFree: MIN_FREE_BYTES,
      process: random.uuid(),
      cluster: undefined,
      leads: new Watch(true),
      clock: wallClock,
      logger,
      looks: { replicasMs: LOOK_MS, filesMs: LOOK_MS },
    }
    const built = buildRetention(sabotage.retention?.(options) ?? options)
    const purgeDesk = sabotage.desk?.(built.purgeDesk) ?? built.purgeDesk
    const retention = { ...built, purgeDesk }
    const failed = (thrown: unknown): void => {
      if (!clock.isDead) this.failure ??= thrown
    }
    const ended = Promise.all([
      retention.keeper.run(stop.signal).catch(failed),
      retention.retention.run(stop.signal).catch(failed),
    ])
    this.#process = { clock, dataDir, store, journal, dumps, replicas, retention, stop, ended }
    await this.feed()
  }

  async stop(): Promise<void> {
    const process = this.#process
    if (process === undefined) return
    await this.#feeding
    process.stop.abort()
    await process.ended
    await process.journal.close()
    await process.dataDir.release()
    this.#end(process)
  }

  die(death: Death): void {
    this.#options.disk.crash(death)
    if (this.#process !== undefined) this.#end(this.#process)
  }

  /** Takes everything that the source has and the node has not. */
  async feed(): Promise<void> {
    this.#feeding = this.#feeding.then(async () => await this.#feedNow())
    await this.#feeding
  }

  #watched(journal: LocalJournal): RetentionOptions['journal'] {
    const { purging } = this.#options
    return {
      failed: journal.failed,
      purge: async (upTo) => {
        purging()
        await journal.purge(upTo)
        this.purges += 1
      },
    }
  }

  #end(process: Process): void {
    process.clock.die()
    process.stop.abort()
    this.#process = undefined
    this.#feeding = Promise.resolve()
  }

  async #feedNow(): Promise<void> {
    const process = this.#process
    if (process === undefined) return
    const { journal } = process
    try {
      const { files } = this.#options.history
      const at = files.findIndex(({ name }) => name === journal.end?.file)
      for (const file of files.slice(Math.max(0, at))) {
        if (journal.end?.file !== file.name) await journal.beginFile(beginOf(file.name))
        const bytes = Buffer.from(file.bytes.view(0, file.bytes.size))
        const from = journal.end?.position ?? 4
        if (from === bytes.length) continue
        for (const chunk of chunksOf(bytes, from, bytes.length, [])) await journal.append(chunk)
      }
      await journal.settled()
    } catch (thrown) {
      if (!process.clock.isDead) this.failure ??= thrown
    }
  }
}
