/*
  Past its last entry an index says nothing and the file is the truth: what stands there was synced
  (the entry follows the sync) or was never told to anybody. Whole, true events are kept and get
  records; the first one that is not is where a write was torn, and the file ends before it.
*/
import {
  crc32,
  formatBytes,
  type Logger,
  messageOf,
  type OperationalError,
  ProtocolError,
} from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, type GtidSet } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import type { IndexAppender } from '../index-file/index-appender.ts'
import type { IndexDirectory } from '../index-file/index-directory.ts'
import type { BytesEntry } from '../index-file/index-entry.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import { firstDamage } from '../verified-read.ts'
import { EventWalk, type WalkedEvent } from '../walk/event-walk.ts'
import { TransactionFollower } from '../walk/transaction-follower.ts'
import { SeenBlocks } from './seen-blocks.ts'
import { tolerate } from './tolerate.ts'

/** So many of the last bytes that the index speaks of are compared with it when the store opens. */
const VERIFY_TAIL_BYTES = 16 * 1024 * 1024
/**
 * More than this was never waiting for a sync; bytes that are not true so far from the end are
 * damage.
 */
const TORN_BYTES_MAX = 64 * 1024 * 1024
/** Entries are written after so many recovered bytes, with a sync before. */
const BATCH_BYTES = 4 * 1024 * 1024

const READS_SHORT = 'it reads shorter the second time; check the disk and start again'
const READS_OTHERWISE = 'it reads otherwise the second time; check the disk and start again'

export interface TailRecoveryOptions {
  readonly name: string
  readonly file: DiskFile
  readonly directory: IndexDirectory
  readonly appender: IndexAppender
  /** a place between transactions, and what is held there; the set grows with the walk */
  readonly from: number
  readonly held: GtidSet
  /** the last file may end with torn bytes; any other was whole when it was closed */
  readonly mayCut: boolean
  /** bytes that are not torn, whatever they look like */
  readonly keep: number
  readonly logger: Logger
  /** told of damage before `from`, which needs nobody to know where to go on; undefined: that is refused, too */
  readonly met: ((damage: OperationalError) => void) | undefined
}

export class TailRecovery {
  readonly #options: TailRecoveryOptions
  readonly #size: number
  /** what the index speaks of */
  readonly #indexed: number
  /** what the walk has read of the bytes that the index speaks of, and of those behind them */
  readonly #seenBefore: SeenBlocks
  readonly #seen: SeenBlocks
  #isConfirmed = false
  #batch: BytesEntry[] = []
  #batchBytes = 0
  #start: number
  #boundary: number
  #timestamp: number

  constructor(options: TailRecoveryOptions) {
    this.#options = options
    this.#size = options.file.size()
    const { end, boundary, timestamp } = options.appender.state
    this.#indexed = end
    this.#seenBefore = new SeenBlocks(options.from)
    this.#seen = new SeenBlocks(end)
    this.#start = end
    this.#boundary = boundary
    this.#timestamp = timestamp
  }

  /** @throws OperationalError E_STORE_DAMAGED, naming file and position */
  async run(): Promise<void> {
    const { name, file, appender } = this.#options
    if (this.#size < this.#indexed) {
      const what = `the file ends there, and ${this.#indexed} bytes were stored`
      throw damaged(name, this.#size, `${what}; ${remedyFor(name)}`)
    }
    this.#verify()
    const end = Math.max(this.#indexed, await this.#walk())
    if (this.#start < end) await this.#collect(end)
    if (end < this.#size) await this.#cutTorn(end)
    await this.#flush()
    await file.sync()
    await appender.sync()
  }

  /** What is held is read from `from` on; before that, the file is read by its index. */
  #verify(): void {
    const { name, file, directory, met } = this.#options
    const tail = Math.max(FIRST_EVENT_POSITION, this.#indexed - VERIFY_TAIL_BYTES)
    const from = Math.min(tail, this.#options.from)
    const needed = met === undefined ? from : this.#options.from
    const before = firstDamage(file, directory, { from, to: needed })
    if (before !== undefined) {
      const what = 'the bytes there are not those that were stored'
      tolerate(this.#options, damaged(name, before, what))
    }
    const behind = firstDamage(file, directory, { from: needed, to: this.#indexed })
    if (behind === undefined) return
    const what =
      'the bytes there are not those that were stored, and without them nobody knows where to go on'
    throw damaged(name, behind, `${what}; ${remedyFor(name)}`)
  }

  /** Returns where the whole, true events end. */
  async #walk(): Promise<number> {
    const { name, file, held, from } = this.#options
    const walk = new EventWalk(file, {
      from,
      limit: this.#size,
      verifyFrom: this.#indexed,
      sees: (bytes, position) => this.#see(bytes, position),
    })
    const follower = new TransactionFollower(walk, held)
    let end = from
    try {
      while (await walk.load()) {
        for (let event = walk.next(); event !== undefined; event = walk.next()) {
          const place = follower.take(event)
          if (event.end > this.#indexed) {
            this.#confirm()
            await this.#take(event, place !== 'inside')
          }
          end = event.end
        }
      }
      follower.settle()
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown
      if (end < this.#indexed) throw damaged(name, end, messageOf(thrown))
    }
    this.#confirm()
    return end
  }

  #see(bytes: Buffer, position: number): void {
    this.#seenBefore.see(bytes.subarray(0, Math.max(0, this.#indexed - position)), position)
    this.#seen.see(bytes, position)
  }

  /**
   * The walk does not compare what it reads with the index, and what is held comes from it: what this one read got
   * wrong would be another GTID, or an end before the end.
   */
  #confirm(): void {
    if (this.#isConfirmed) return
    this.#isConfirmed = true
    const { name, file, directory, from } = this.#options
    const to = this.#seenBefore.end
    const stored = new SeenBlocks(from)
    const damage = firstDamage(file, directory, { from, to }, (bytes, position) => {
      stored.see(bytes.subarray(0, Math.max(0, to - position)), position)
    })
    const differs = damage ?? stored.differenceTo(this.#seenBefore)
    if (differs !== undefined) throw damaged(name, differs, READS_OTHERWISE)
  }

  async #take(event: WalkedEvent, boundary: boolean): Promise<void> {
    while (event.end - this.#start > RECORD_BYTES_MAX) {
      await this.#collect(this.#start + RECORD_BYTES_MAX)
      if (this.#batchBytes >= BATCH_BYTES) await this.#flush()
    }
    this.#timestamp = event.timestamp === 0 ? this.#timestamp : event.timestamp
    if (boundary) this.#boundary = event.end
  }

  /**
   * Makes a record of the bytes up to `end`. They are written again where they stand: after a sync
   * that failed, pages may read well and not be on the disk, and a sync alone would not bring them
   * there. They are read for it once more, and must be those that the walk found true: what one read
   * got wrong would stand there for good.
   */
  async #collect(end: number): Promise<void> {
    const { file, mayCut, name } = this.#options
    const read = Buffer.allocUnsafe(this.#seen.blockEnd(end) - this.#start)
    if (file.read(read, this.#start) < read.length) throw damaged(name, this.#start, READS_SHORT)
    const differs = this.#seen.firstDifference(read, this.#start)
    if (differs !== undefined) throw damaged(name, differs, READS_OTHERWISE)
    const bytes = read.subarray(0, end - this.#start)
    if (mayCut) await file.write(bytes, this.#start)
    this.#batch.push({
      kind: 'bytes',
      epoch: this.#options.appender.state.epoch,
      end,
      boundary: this.#boundary,
      crc: crc32(bytes),
      timestamp: this.#timestamp,
    })
    this.#batchBytes += bytes.length
    this.#start = end
  }

  async #flush(): Promise<void> {
    if (this.#batch.length === 0) return
    await this.#options.file.sync()
    this.#options.appender.append(this.#batch)
    this.#options.appender.write(() => this.#options.held)
    this.#batch = []
    this.#batchBytes = 0
  }

  async #cutTorn(end: number): Promise<void> {
    const { name, file, mayCut, keep, logger } = this.#options
    const size = this.#size - end
    // What one read got wrong is not torn.
    const again = new EventWalk(file, { from: end, limit: this.#size, verifyFrom: end })
    if ((await again.load()) && again.next() !== undefined)
      throw damaged(name, end, READS_OTHERWISE)
    if (!mayCut || end < keep || size > TORN_BYTES_MAX) {
      throw damaged(name, end, 'the event that begins there is not whole or its checksum is wrong')
    }
    logger.warn(
      { file: name, position: end, size },
      `${formatBytes(size)} at the end of ${name} were torn and are cut away`,
    )
    await file.truncate(end)
  }
}

/** Nothing is cut by itself: those bytes were durable, and may have been acknowledged. */
function remedyFor(name: string): string {
  return (
    `put the source's file of that name in its place (or a backup's), remove ${indexNameOf(name)}, and start; ` +
    'where neither has it, begin with an empty data directory'
  )
}
