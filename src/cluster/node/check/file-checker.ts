import { type Logger, OperationalError, ProtocolError } from '../../../lib/index.ts'
import type { Clock, Disk } from '../../../platform/index.ts'
import {
  type CheckedFile,
  checkClosedFile,
  compareFileNames,
  type DamagedRange,
  type DigestPoint,
  type FileInfo,
  readDigestPoints,
} from '../../../store/index.ts'
import {
  type DigestQuestion,
  digestAnswer,
  digestQuestion,
  firstDifference,
  thinned,
} from './digest-call.ts'
import { type AlarmCode, type FileAlarm, FileAlarms } from './file-alarms.ts'

/** So fast files are read: nobody should notice, and a terabyte takes three days. */
const BYTES_PER_SECOND = 4 * 1024 * 1024
/** It rests so long behind each file, so that many small ones are not asked for one after the other at once. */
const FILE_REST_MS = 250
/** All files are checked again at the earliest so long after the last time began. */
const ROUND_LEAST_MS = 20_000

export interface FileCheckerOptions {
  /** of this node */
  readonly name: string
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  /** the files that are shown, oldest first; the last one may grow */
  readonly files: () => readonly Pick<FileInfo, 'name'>[]
  /** the node that leads; undefined when none does */
  readonly leader: () => string | undefined
  /** asks another node for its digest points; OperationalError when it cannot be asked */
  readonly ask: (node: string, question: DigestQuestion) => Promise<unknown>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Looks, in the background and slowly, for what has changed in files that should never change again: compares each
 * closed file with its own index, and its running digests with those of the node that leads. It repairs nothing.
 */
export class FileChecker {
  readonly #options: FileCheckerOptions
  readonly #alarms: FileAlarms
  #bytes = 0

  constructor(options: FileCheckerOptions) {
    this.#options = options
    this.#alarms = new FileAlarms(options.name, options.logger)
  }

  get alarms(): readonly FileAlarm[] {
    return this.#alarms.list
  }

  countOf(code: AlarmCode): number {
    return this.#alarms.count(code)
  }

  /** of files and indexes, since the start */
  get checkedBytes(): number {
    return this.#bytes
  }

  /** What this node answers another one. @throws OperationalError E_STORE_DAMAGED, ProtocolError */
  async answer(question: unknown): Promise<readonly DigestPoint[] | null> {
    const read = digestQuestion.safeParse(question)
    if (!read.success) throw new ProtocolError('a question for digests names no file')
    const { file } = read.data
    if (!this.#closedFiles().includes(file)) return null
    const points = await readDigestPoints(this.#options.disk, this.#options.folder, file)
    return points === undefined ? null : thinned(points)
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      const beganMs = clock.monotonicMs()
      await this.#checkAll(signal)
      const restMs = ROUND_LEAST_MS - (clock.monotonicMs() - beganMs)
      await clock.sleep(Math.max(0, restMs), signal)
    }
  }

  // ---- inside

  /** Oldest first. The file that is shown up to its visible end may grow; those before it are committed whole. */
  #closedFiles(): string[] {
    const files = this.#options.files()
    return files.slice(0, -1).map(({ name }) => name)
  }

  async #checkAll(signal: AbortSignal): Promise<void> {
    let isDifferent = false
    for (let last = ''; !signal.aborted; ) {
      const names = this.#closedFiles()
      this.#alarms.keepOnly(new Set(names))
      const name = names.find((one) => last === '' || compareFileNames(one, last) > 0)
      if (name === undefined) return
      last = name
      const checked = await this.#check(name, signal)
      const isWhole = checked?.damages.length === 0
      // What differs behind the first difference cannot be told from it.
      if (isWhole && !isDifferent) isDifferent = await this.#isDifferent(name, checked)
      await this.#options.clock.sleep(FILE_REST_MS, signal)
    }
  }

  async #check(name: string, signal: AbortSignal): Promise<CheckedFile | undefined> {
    const { disk, folder, logger } = this.#options
    const pace = (bytes: number) => this.#pace(bytes, signal)
    try {
      const checked = await checkClosedFile({ disk, folder, name, pace, signal })
      const found = checked?.damages.map((range) => this.#damaged(range))
      if (found !== undefined) this.#alarms.set(name, 'E_STORE_DAMAGED', found)
      return checked
    } catch (thrown) {
      // It cannot be opened at the moment: the next round tries again.
      if (!(thrown instanceof OperationalError)) throw thrown
      logger.warn({ file: name, code: thrown.code }, `not checked: ${thrown.message}`)
      return undefined
    }
  }

  async #pace(bytes: number, signal: AbortSignal): Promise<void> {
    this.#bytes += bytes
    await this.#options.clock.sleep((bytes * 1000) / BYTES_PER_SECOND, signal)
  }

  #damaged({ file, from, to, what }: DamagedRange): FileAlarm {
    const code = 'E_STORE_DAMAGED'
    const remedy = file.endsWith('.idx')
      ? 'let it join anew with an empty data directory'
      : 'put the file of another node in its place'
    const message =
      `${file} of ${this.#options.name} is damaged between its bytes ${from} and ${to}: ${what}; ` +
      `stop this node, and ${remedy}`
    return { code, file, from, to, message }
  }

  /** Whether the leader's copy of a file is known to be another. */
  async #isDifferent(name: string, { points }: CheckedFile): Promise<boolean> {
    const leader = this.#options.leader()
    if (leader === undefined || leader === this.#options.name) return false
    const others = await this.#pointsOf(leader, name)
    if (others === undefined) return false
    const difference = firstDifference(points, others)
    const found = difference === undefined ? [] : [this.#differs(name, leader, difference)]
    this.#alarms.set(name, 'E_COPIES_DIFFER', found)
    return difference !== undefined
  }

  /** Undefined when it does not say: it has no such file any more, or a damaged one, or cannot be reached. */
  async #pointsOf(node: string, file: string): Promise<readonly DigestPoint[] | undefined> {
    const { ask, logger } = this.#options
    try {
      const read = digestAnswer.safeParse(await ask(node, { file }))
      if (read.success) return read.data ?? undefined
      const message = 'it says of its digests what this version does not understand'
      throw new OperationalError('E_PEER_VERSION', message)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      logger.debug({ node, file, code: thrown.code }, `not compared: ${thrown.message}`)
      return undefined
    }
  }

  #differs(
    file: string,
    leader: string,
    { from, to }: { readonly from: number; readonly to: number },
  ): FileAlarm {
    const { name } = this.#options
    const message =
      `${file} of ${name} and of ${leader} differ between their bytes ${from} and ${to}, and that of ${name} is ` +
      'what it stored. Run kingbus verify on both: the one that is damaged, or differs from the binlog of the ' +
      'source, is to join anew with an empty data directory'
    return { code: 'E_COPIES_DIFFER', file, from, to, message }
  }
}
