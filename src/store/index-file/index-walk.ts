import type { DiskFile } from '../../platform/index.ts'
import { BadIndexBytes } from './index-bytes.ts'
import {
  type Checkpoint,
  type Closed,
  firstState,
  type IndexEntry,
  type IndexState,
  isRecord,
  tagOf,
} from './index-entry.ts'
import { decodeSet, type IndexHead } from './index-header.ts'
import { type ReadHead, readHead } from './index-scan.ts'
import { IndexWindow } from './index-window.ts'
import { RunningDigest } from './running-digest.ts'

export interface WalkedEntry {
  readonly entry: IndexEntry
  /** a record's own CRC: of its bytes, or of its fields when it has none */
  readonly recordCrc: number
  /** of the entry in the index */
  readonly offset: number
  readonly size: number
  /** the state behind it; changes with the next one */
  readonly state: Readonly<IndexState>
  /** what a true entry says that does not agree with the entries before it */
  readonly wrong: string | undefined
}

/**
 * Goes through an index from its head, entry by entry, and compares what its entries say of each
 * other. It ends before the first byte that is no true entry.
 */
export class IndexWalk {
  readonly head: IndexHead
  readonly #window: IndexWindow
  readonly #state: IndexState
  readonly #digest: RunningDigest
  #checkpointDigest: Buffer
  #checkpoint = 0
  #set = 0

  /** @throws OperationalError E_STORE_FORMAT; undefined when the file has no true head */
  static open(file: DiskFile): IndexWalk | undefined {
    const read = readHead(file)
    return read === undefined ? undefined : new IndexWalk(file, read)
  }

  private constructor(file: DiskFile, { head, check, size }: ReadHead) {
    this.head = head
    this.#window = new IndexWindow(file, size)
    this.#state = firstState(check, head.firstSequence)
    this.#digest = new RunningDigest(head.digest)
    this.#checkpointDigest = head.digest
  }

  /** where the next entry would stand */
  get offset(): number {
    return this.#window.offset
  }

  get state(): Readonly<IndexState> {
    return this.#state
  }

  /**
   * The running digest at the last checkpoint. Of a closed index it is that of the whole, with which
   * the index of the next file begins.
   */
  get checkpointDigest(): Buffer {
    return this.#checkpointDigest
  }

  /** The running digest behind the last record. */
  digest(): Buffer {
    return this.#digest.peek()
  }

  next(): WalkedEntry | undefined {
    const { offset } = this
    const decoded = this.#window.next(this.#state)
    if (decoded === undefined) return undefined
    const { entry, recordCrc } = decoded
    if (isRecord(entry)) {
      this.#digest.add(this.#state.sequence, this.#state.epoch, tagOf(entry.kind), recordCrc)
    }
    const wrong = this.#judge(entry, offset)
    return {
      entry,
      recordCrc,
      offset,
      size: this.#window.offset - offset,
      state: this.#state,
      wrong,
    }
  }

  #judge(entry: IndexEntry, offset: number): string | undefined {
    if (entry.kind === 'set') return this.#judgeSet(entry.encoded, offset)
    if (entry.kind === 'checkpoint') return this.#judgeCheckpoint(entry, offset)
    return entry.kind === 'closed' ? this.#judgeClosed(entry) : undefined
  }

  #judgeSet(encoded: Buffer, offset: number): string | undefined {
    this.#set = offset
    try {
      decodeSet(encoded)
    } catch (thrown) {
      if (!(thrown instanceof BadIndexBytes)) throw thrown
      return 'what should be a GTID set is none'
    }
    return undefined
  }

  #judgeCheckpoint(entry: Checkpoint, offset: number): string | undefined {
    const isDigest = entry.digest.equals(this.#digest.peek())
    this.#digest.restart(entry.digest)
    this.#checkpointDigest = entry.digest
    const before = this.#checkpoint
    this.#checkpoint = offset
    if (!isDigest) return 'the running digest of a checkpoint is not that of its records'
    if (differs(entry.state, this.#state)) return 'a checkpoint says another state than its records'
    const previous = before === 0 ? 0 : offset - before
    if (entry.previousDistance !== previous) return 'a checkpoint does not name the one before it'
    if (entry.setDistance !== 0 && offset - entry.setDistance !== this.#set) {
      return 'a checkpoint does not name its set'
    }
    return undefined
  }

  #judgeClosed(entry: Closed): string | undefined {
    if (entry.lastCheckpoint !== this.#checkpoint) return 'the closing entry names no checkpoint'
    const { size: end, sequence, epoch, firstTimestamp, timestamp } = entry
    const says = { ...this.#state, end, sequence, epoch, firstTimestamp, timestamp }
    return differs(says, this.#state) ? 'the closing entry says another state' : undefined
  }
}

function differs(one: Readonly<IndexState>, other: Readonly<IndexState>): boolean {
  return (
    one.sequence !== other.sequence ||
    one.epoch !== other.epoch ||
    one.end !== other.end ||
    one.boundary !== other.boundary ||
    one.timestamp !== other.timestamp ||
    one.firstTimestamp !== other.firstTimestamp
  )
}
