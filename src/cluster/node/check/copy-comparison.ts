import { type Logger, OperationalError, ProtocolError } from '../../../lib/index.ts'
import type { Disk } from '../../../platform/index.ts'
import {
  type BinlogStore,
  type CheckedFile,
  type DigestPoint,
  type FileAlarm,
  readDigestPoints,
} from '../../../store/index.ts'
import {
  type DigestQuestion,
  digestAnswer,
  digestQuestion,
  firstDifference,
  thinned,
} from './digest-call.ts'

export interface CopyComparisonOptions {
  /** of this node */
  readonly name: string
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly store: Pick<BinlogStore, 'files' | 'alarms'>
  /** the node that leads; undefined when none does */
  readonly leader: () => string | undefined
  /** asks another node for its digest points; OperationalError when it cannot be asked */
  readonly ask: (node: string, question: DigestQuestion) => Promise<unknown>
  readonly logger: Logger
}

/** Compares the running digests of closed files with those of the node that leads. It repairs nothing. */
export class CopyComparison {
  readonly #options: CopyComparisonOptions

  constructor(options: CopyComparisonOptions) {
    this.#options = options
  }

  /** What this node answers another one. @throws OperationalError E_STORE_DAMAGED, ProtocolError */
  async answer(question: unknown): Promise<readonly DigestPoint[] | null> {
    const read = digestQuestion.safeParse(question)
    if (!read.success) throw new ProtocolError('a question for digests names no file')
    const { file } = read.data
    const { store, disk, folder } = this.#options
    // The file that is shown up to its visible end may grow; those before it are committed whole.
    const closed = store.files().slice(0, -1)
    if (!closed.some(({ name }) => name === file)) return null
    const points = await readDigestPoints(disk, folder, file)
    return points === undefined ? null : thinned(points)
  }

  /** Whether the leader's copy of a closed file is known to be another; then that is an alarm. */
  async isDifferent(name: string, { points }: CheckedFile): Promise<boolean> {
    const leader = this.#options.leader()
    if (leader === undefined || leader === this.#options.name) return false
    const others = await this.#pointsOf(leader, name)
    if (others === undefined) return false
    const difference = firstDifference(points, others)
    const found = difference === undefined ? [] : [this.#differs(name, leader, difference)]
    this.#options.store.alarms.set(name, 'E_COPIES_DIFFER', found)
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
