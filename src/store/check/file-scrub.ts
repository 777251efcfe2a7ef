import { type Logger, OperationalError } from '../../lib/index.ts'
import type { Clock, Disk } from '../../platform/index.ts'
import type { BinlogStore } from '../binlog-store.ts'
import { binlogOf, compareFileNames } from '../file-name.ts'
import type { FileAlarm } from './file-alarms.ts'
import { type CheckedFile, checkFile, type DamagedRange } from './file-check.ts'

/** It rests so long behind each file, so that many small ones are not asked for one after the other at once. */
const FILE_REST_MS = 250
/** All files are checked again at the earliest so long after the last time began. */
const ROUND_LEAST_MS = 20_000
/** A file that is written to is looked at once more before what was found counts: it may have changed meanwhile. */
const LOOKS = 2

export interface FileScrubOptions {
  /** of this node */
  readonly name: string
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly store: Pick<BinlogStore, 'files' | 'growing' | 'alarms'>
  /** undefined: only what reads have met is looked at */
  readonly bytesPerSecond: number | undefined
  /**
   * Compares a closed file that is what was stored with other copies of it; resolves to whether they differ. Not
   * called for what follows a difference in the same round.
   */
  readonly compare?: (name: string, checked: CheckedFile) => Promise<boolean>
  readonly clock: Clock
  readonly logger: Logger
}

export interface ScrubRound {
  /** milliseconds since 1970 */
  readonly beganMs: number
  readonly tookMs: number
  /** of files and indexes */
  readonly bytes: number
}

/**
 * Looks, in the background and slowly, for what has changed in files since they were stored: compares each with its
 * own index. Looks at once at what a read has found damaged, to name it. It repairs nothing.
 */
export class FileScrub {
  readonly #options: FileScrubOptions
  #bytes = 0
  #checking: string | undefined
  #lastRound: ScrubRound | undefined

  constructor(options: FileScrubOptions) {
    this.#options = options
  }

  /** undefined: it is off */
  get bytesPerSecond(): number | undefined {
    return this.#options.bytesPerSecond
  }

  /** How long a round takes through so many files; undefined when it is off. */
  roundSeconds(files: number, bytes: number): number | undefined {
    const { bytesPerSecond } = this.#options
    return bytesPerSecond && Math.ceil(bytes / bytesPerSecond + (files * FILE_REST_MS) / 1000)
  }

  /** the file that is checked now */
  get checking(): string | undefined {
    return this.#checking
  }

  get lastRound(): ScrubRound | undefined {
    return this.#lastRound
  }

  /** of files and indexes, since the start */
  get checkedBytes(): number {
    return this.#bytes
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#rounds(signal), this.#lookAtSuspects(signal)])
  }

  /** One file, now and as fast as the disk gives it; undefined when it is gone, or the signal has fired. */
  async checkNow(name: string, signal: AbortSignal): Promise<CheckedFile | undefined> {
    return await this.#check(name, signal, async (bytes) => void (this.#bytes += bytes))
  }

  // ---- inside

  async #rounds(signal: AbortSignal): Promise<void> {
    const { clock, bytesPerSecond } = this.#options
    if (bytesPerSecond === undefined) return
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs()
      const began = { beganMs: clock.nowMs(), bytes: this.#bytes }
      await this.#checkAll(bytesPerSecond, signal)
      const tookMs = clock.monotonicMs() - beganMs
      if (signal.aborted) return
      this.#lastRound = { beganMs: began.beganMs, tookMs, bytes: this.#bytes - began.bytes }
      await clock.sleep(Math.max(0, ROUND_LEAST_MS - tookMs), signal)
    }
  }

  async #checkAll(bytesPerSecond: number, signal: AbortSignal): Promise<void> {
    const { store, compare, clock } = this.#options
    const pace = async (bytes: number): Promise<void> => {
      this.#bytes += bytes
      await clock.sleep((bytes * 1000) / bytesPerSecond, signal)
    }
    let isDifferent = false
    for (let last = ''; !signal.aborted; ) {
      const names = store.files().map(({ name }) => name)
      store.alarms.keepOnly(new Set(names))
      const name = names.find((one) => last === '' || compareFileNames(one, last) > 0)
      if (name === undefined) return
      last = name
      this.#checking = name
      const checked = await this.#check(name, signal, pace)
      this.#checking = undefined
      // The last one that is shown may grow.
      const isComparable = checked?.damages.length === 0 && name !== names.at(-1)
      // What differs behind the first difference cannot be told from it.
      if (isComparable && !isDifferent) isDifferent = (await compare?.(name, checked)) ?? false
      await clock.sleep(FILE_REST_MS, signal)
    }
  }

  async #check(
    name: string,
    signal: AbortSignal,
    pace: (bytes: number) => Promise<void>,
  ): Promise<CheckedFile | undefined> {
    const { alarms } = this.#options.store
    const checked = await this.#look(name, { pace, signal })
    const found = checked?.damages.map((range) => this.#alarm(range))
    if (found !== undefined) alarms.set(name, 'E_STORE_DAMAGED', found)
    return checked
  }

  /** Undefined when it cannot be opened at the moment, too: the next round tries again. */
  async #look(
    name: string,
    options: Pick<Parameters<typeof checkFile>[0], 'pace' | 'signal' | 'range'>,
  ): Promise<CheckedFile | undefined> {
    const { disk, folder, logger, store } = this.#options
    try {
      for (let look = 1; ; look += 1) {
        const growing = store.growing(name)
        // It is closed, and not shown whole yet: it may be gone on with.
        if (growing === undefined && store.files().at(-1)?.name === name) return undefined
        const checked = await checkFile({ disk, folder, name, growing, ...options })
        if (growing === undefined || look === LOOKS) return checked
        if (checked === undefined || checked.damages.length === 0) return checked
      }
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      logger.warn({ file: name, code: thrown.code }, `not checked: ${thrown.message}`)
      return undefined
    }
  }

  async #lookAtSuspects(signal: AbortSignal): Promise<void> {
    const { alarms } = this.#options.store
    while (!signal.aborted) {
      for (const { file, position } of alarms.takeSuspects()) {
        const name = binlogOf(file)
        // Of an index that is damaged nothing of its file is compared.
        const range = { from: position, to: file === name ? position + 1 : position }
        const pace = async (bytes: number): Promise<void> => void (this.#bytes += bytes)
        const checked = await this.#look(name, { pace, signal, range })
        const found = checked?.damages.map((one) => this.#alarm(one)) ?? []
        alarms.add(name, 'E_STORE_DAMAGED', found)
      }
      if (alarms.suspects.value.length === 0) await alarms.suspects.changed(signal)
    }
  }

  #alarm({ file, from, to, what, place }: DamagedRange): FileAlarm {
    const code = 'E_STORE_DAMAGED'
    const name = binlogOf(file)
    const message =
      `${file} of ${this.#options.name} is damaged between its bytes ${from} and ${to}: ${what}${placeText(place)}; ` +
      `nothing of it is served; run kingbus repair ${name}`
    const alarm = { code, file, from, to, message } as const
    if (place === undefined) return alarm
    const { event, transaction } = place
    return { ...alarm, event, ...(transaction === undefined ? {} : { transaction }) }
  }
}

function placeText(place: DamagedRange['place']): string {
  if (place === undefined) return ''
  const { hit, transaction, isTransactionTrue } = place
  const type = hit?.type === undefined ? 'an event' : `the ${hit.type} event`
  const event = hit === undefined ? '' : `, it hits ${type} at ${hit.position}`
  const doubt = isTransactionTrue ? '' : ', as its damaged GTID event says'
  return event + (transaction === undefined ? '' : `, in transaction ${transaction}${doubt}`)
}
