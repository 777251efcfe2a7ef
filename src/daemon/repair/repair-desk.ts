/*
  Repairs, one at a time: which files, what has become of each, and how far the one is that is under way.
  Whoever asks for one does not wait for it.
*/
import type { FileRepairStatus, RepairStatus, RepairWish } from '../../admin/index.ts'
import { formatBytes, type Logger, OperationalError, Watch, type Watched } from '../../lib/index.ts'
import type { Clock, Disk, Random } from '../../platform/index.ts'
import { SOURCE_LIMITS } from '../../source/index.ts'
import {
  type BinlogStore,
  binlogOf,
  compareFileNames,
  type FileScrub,
  type HeldFile,
  type IndexSource,
  type RangeSource,
  type Repaired,
  repairFile,
} from '../../store/index.ts'
import type { SourceSettings } from '../source/source-runner.ts'
import { SourceRanges } from './source-ranges.ts'

/** The other nodes of a cluster, which have the same files. */
export interface PeerFiles {
  sourcesOf(name: string): readonly (RangeSource & IndexSource)[]
}

export interface RepairDeskOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly store: BinlogStore
  readonly scrub: FileScrub
  readonly settings: Watched<SourceSettings | undefined>
  /** undefined on a node that is alone */
  readonly peers: PeerFiles | undefined
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

interface Job {
  readonly dryRun: boolean
  readonly startedMs: number
  endedMs: number | undefined
  readonly files: FileRepairStatus[]
}

export class RepairDesk {
  readonly #options: RepairDeskOptions
  readonly #job = new Watch<Job | undefined>(undefined)
  #repaired = 0

  constructor(options: RepairDeskOptions) {
    this.#options = options
  }

  /** files and indexes that were brought back since the start */
  get repairedFiles(): number {
    return this.#repaired
  }

  status(): RepairStatus {
    const job = this.#job.value
    if (job === undefined)
      return { state: 'none', dryRun: false, startedAt: null, endedAt: null, files: [] }
    const { dryRun, startedMs, endedMs, files } = job
    return {
      state: endedMs === undefined ? 'running' : 'done',
      dryRun,
      startedAt: new Date(startedMs).toISOString(),
      endedAt: endedMs === undefined ? null : new Date(endedMs).toISOString(),
      files: files.map((file) => ({ ...file })),
    }
  }

  /**
   * Begins: with one file, which is looked at first, or with all that are known to be damaged.
   * @throws OperationalError E_REPAIR_RUNNING, E_FILE_UNKNOWN
   */
  start({ file, dryRun = false }: RepairWish): RepairStatus {
    const { store, clock } = this.#options
    const before = this.#job.value
    if (before !== undefined && before.endedMs === undefined) {
      const message = 'a repair is under way; GET /api/v1/repair says how far it is'
      throw new OperationalError('E_REPAIR_RUNNING', message)
    }
    const known = store.alarms.list.filter(({ code }) => code === 'E_STORE_DAMAGED')
    const names = file === undefined ? known.map((alarm) => binlogOf(alarm.file)) : [binlogOf(file)]
    const files = [...new Set(names)].toSorted(compareFileNames).map((name): FileRepairStatus => {
      if (!store.files().some((one) => one.name === name)) throw unknownFile(name)
      return { file: name, state: 'waiting', doneBytes: 0, damages: [], from: [], error: null }
    })
    this.#job.set({ dryRun, startedMs: clock.nowMs(), endedMs: undefined, files })
    return this.status()
  }

  /** Until the signal fires. Rejects only with what is our own fault. */
  async run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const job = this.#job.value
      if (job === undefined || job.endedMs !== undefined) {
        await this.#job.changed(signal)
        continue
      }
      for (const index of job.files.keys()) {
        if (!signal.aborted) await this.#repairOne(job, index, signal)
      }
      job.endedMs = this.#options.clock.nowMs()
    }
  }

  async #repairOne(job: Job, index: number, signal: AbortSignal): Promise<void> {
    const { logger } = this.#options
    const before = job.files[index]
    if (before === undefined) return
    const tell = (change: Partial<FileRepairStatus>): void => {
      job.files[index] = { ...(job.files[index] ?? before), ...change }
    }
    const { file } = before
    const progress = (bytes: number): void =>
      tell({ doneBytes: (job.files[index]?.doneBytes ?? 0) + bytes })
    tell({ state: 'running' })
    try {
      const { damages, from } = await this.#repair(file, job.dryRun, { progress, signal })
      const ranges = damages.map(({ file: name, from: first, to, what }) => ({
        file: name,
        from: first,
        to,
        what,
      }))
      const repaired = job.dryRun ? 'repairable' : 'repaired'
      tell({ state: damages.length === 0 ? 'whole' : repaired, damages: ranges, from: [...from] })
      if (damages.length > 0 && !job.dryRun) {
        this.#repaired += 1
        const bytes = formatBytes(job.files[index]?.doneBytes ?? 0)
        logger.info({ file, from }, `${file} was repaired, after ${bytes} were read for it`)
      }
    } catch (thrown) {
      if (signal.aborted) return
      if (!(thrown instanceof OperationalError)) throw thrown
      const { code, message } = thrown
      logger.error({ file, code }, message)
      tell({ state: 'failed', error: { code, message } })
    }
  }

  async #repair(
    name: string,
    dryRun: boolean,
    { progress, signal }: { progress: (bytes: number) => void; signal: AbortSignal },
  ): Promise<Repaired> {
    const { store, scrub, peers, disk, folder, storeId, logger } = this.#options
    const file = store.hold(name)
    try {
      const others = peers?.sourcesOf(name)
      const repaired = await repairFile({
        disk,
        folder,
        storeId,
        name,
        file,
        growing: () => store.growing(name),
        sources: [...(others ?? []), ...this.#source(file)],
        indexes: others,
        neighbours: () => this.#neighboursOf(name),
        heldAfter: async () => {
          const { after } = this.#neighboursOf(name)
          return after === undefined ? undefined : await store.previousGtids(after)
        },
        purged: store.purged(),
        dryRun,
        progress,
        logger,
        signal,
      })
      // What was known to be damaged is not any more.
      if (!dryRun) await scrub.checkNow(name, signal)
      return repaired
    } finally {
      await file.release()
    }
  }

  #neighboursOf(name: string): { before: string | undefined; after: string | undefined } {
    const names = this.#options.store.files().map((file) => file.name)
    return {
      before: names.findLast((one) => compareFileNames(one, name) < 0),
      after: names.find((one) => compareFileNames(one, name) > 0),
    }
  }

  #source({ facts }: HeldFile): RangeSource[] {
    const settings = this.#options.settings.value
    if (settings === undefined) return []
    const { clock, random } = this.#options
    const options = { ...settings, limits: SOURCE_LIMITS, clock, random }
    return [new SourceRanges(options, facts.origin)]
  }
}

function unknownFile(name: string): OperationalError {
  const message = `there is no binlog file '${name}' here; kingbus files lists them`
  return new OperationalError('E_FILE_UNKNOWN', message, { file: name })
}
