/*
  The writing end of an index. Entries go into the page cache behind the bytes that they speak of,
  which are durable by then; the index itself need not be. So a full disk is no reason to stop here:
  what could not be written waits in memory and goes first the next time.
*/
import { assert, isDiskFull } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { diskFull } from '../disk-error.ts'
import type { Divided } from './extents.ts'
import type { HeldAt, IndexDirectory } from './index-directory.ts'
import {
  type Checkpoint,
  type CutEntry,
  encodeEntry,
  type IndexEntry,
  type IndexState,
  isRecord,
  type RecordEntry,
  tagOf,
} from './index-entry.ts'
import { RunningDigest } from './running-digest.ts'

/**
 * A checkpoint is set after so many bytes of the file or so many records, whichever comes first.
 */
const CHECKPOINT_BYTES = 4 * 1024 * 1024
const CHECKPOINT_RECORDS = 16_384
/**
 * A set is written with a checkpoint only after so many times its own size in bytes of the file.
 */
const SET_DILUTION = 64
/**
 * The index is synced after so many bytes of the file: a power cut costs at most their reading
 * again.
 */
const SYNC_BYTES = 64 * 1024 * 1024

/** Where an index ends, and what its next entry builds on. */
export interface IndexEnd {
  readonly offset: number
  readonly state: IndexState
  /** running digest since the last checkpoint */
  readonly digest: RunningDigest
  /** offset of the last checkpoint, 0 for none, and what was added since it */
  readonly checkpoint: number
  readonly bytesSince: number
  readonly recordsSince: number
  /** a cut behind the last checkpoint */
  readonly cut?: Divided | undefined
}

/** How much of an index is in its file: its bytes, and up to which position they speak of the binlog file. */
export interface WrittenIndex {
  readonly size: number
  readonly end: number
}

/**
 * Where checkpoints stand: where it suits the writer, or where the records alone say it, so that logs with the same
 * records have the same running digests. Then a set is of the newest place whose GTIDs are known for certain, which
 * may be in another file.
 */
export type Checkpoints =
  | 'anywhere'
  | { readonly known: () => (HeldAt & { readonly file: string }) | undefined }

export class IndexAppender {
  readonly #file: DiskFile
  readonly #directory: IndexDirectory
  readonly #state: IndexState
  readonly #digest: RunningDigest
  /** where the next entry will stand; behind what is in the file by the size of the backlog */
  #offset: number
  #backlog: Buffer[] = []
  #backlogSize = 0
  /** of the first of the backlog, while the disk does not answer; never rejects */
  #writing: Promise<void> | undefined
  #failure: Error | undefined
  #checkpoint: number
  #bytesSince: number
  #recordsSince: number
  #setSize = 0
  #setPosition = 4
  #bytesSinceSet: number
  #bytesSinceSync = 0
  #cut: Divided | undefined
  readonly #checkpoints: Checkpoints
  /** what is before is on the disk */
  #syncedTo: number
  /** what is in the file: its size, and up to where it speaks of the binlog file */
  #written: WrittenIndex

  constructor(
    file: DiskFile,
    directory: IndexDirectory,
    end: IndexEnd,
    checkpoints: Checkpoints = 'anywhere',
  ) {
    this.#file = file
    this.#directory = directory
    this.#offset = end.offset
    this.#state = { ...end.state }
    this.#digest = end.digest
    this.#checkpoint = end.checkpoint
    this.#bytesSince = end.bytesSince
    this.#bytesSinceSet = end.bytesSince
    this.#recordsSince = end.recordsSince
    this.#cut = end.cut
    this.#checkpoints = checkpoints
    this.#syncedTo = end.offset
    this.#written = { size: end.offset, end: end.state.end }
  }

  get state(): Readonly<IndexState> {
    return this.#state
  }

  /** Running digest of everything up to here. */
  digest(): Buffer {
    return this.#digest.peek()
  }

  /** Adds the entries of records; in memory, until they are written. */
  append(entries: readonly RecordEntry[]): void {
    for (const entry of entries) {
      if (this.#checkpoints !== 'anywhere' && entry.kind === 'bytes') this.#checkpointBefore()
      this.#add(entry)
    }
  }

  /**
   * Writes what was added, and a checkpoint when one is due.
   * @param held makes the GTID set at the boundary behind the records
   */
  write(held: () => GtidSet): void {
    this.flush()
    if (this.#checkpoints !== 'anywhere' || !this.#isDue || this.#backlogSize > 0) return
    this.#addCheckpoint(this.#isSetDue ? this.#heldHere(held()) : undefined, undefined)
    this.flush()
  }

  #heldHere(held: GtidSet): HeldAt {
    return { position: this.#state.boundary, held }
  }

  get #isSetDue(): boolean {
    return this.#bytesSinceSet >= Math.max(CHECKPOINT_BYTES, SET_DILUTION * this.#setSize)
  }

  get #isDue(): boolean {
    return this.#bytesSince >= CHECKPOINT_BYTES || this.#recordsSince >= CHECKPOINT_RECORDS
  }

  #checkpointBefore(): void {
    if (this.#isDue || this.#cut !== undefined) this.#addCheckpoint(this.#knownSet(), this.#cut)
  }

  #knownSet(): HeldAt | undefined {
    if (this.#checkpoints === 'anywhere' || !this.#isSetDue) return undefined
    const known = this.#checkpoints.known()
    const isHere = known?.file === this.#directory.name && known.position > this.#setPosition
    return isHere ? known : undefined
  }

  /** Adds the entry of a cut; no checkpoint, since the bytes are still there. */
  addCut(entry: CutEntry): void {
    this.#cut = { start: entry.start, crc: entry.crc }
    this.#add(entry)
    this.flush()
  }

  /** The bytes behind the last cut are gone. */
  cutDone(divided: Divided): void {
    this.#add({ kind: 'cut-done' })
    if (this.#checkpoints === 'anywhere') this.#addCheckpoint(undefined, divided)
    this.flush()
  }

  /** Ends the index for good; durable when it resolves. */
  async close(held: GtidSet): Promise<void> {
    this.#addCheckpoint(this.#heldHere(held), undefined)
    const { end, sequence, epoch, firstTimestamp, timestamp } = this.#state
    this.#add({
      kind: 'closed',
      lastCheckpoint: this.#checkpoint,
      size: end,
      sequence,
      epoch,
      firstTimestamp,
      timestamp,
    })
    this.flush()
    // Whoever opens the index finds this entry by the end of the file; what was reserved goes.
    await this.#file.truncate(this.#offset)
    await this.sync()
  }

  /**
   * Makes sure that the next `size` bytes have a place on the disk, so that what must be written
   * whole can be.
   * @throws OperationalError E_DISK_FULL; nothing has changed then
   */
  async reserve(size: number): Promise<void> {
    await this.flushed()
    try {
      const room = Buffer.alloc(this.#backlogSize + size)
      await this.#file.write(room, this.#offset - this.#backlogSize)
    } catch (thrown) {
      throw isDiskFull(thrown) ? diskFull(this.#file.path, thrown) : thrown
    }
    await this.flushed()
  }

  /** So much was added since the last sync that reading it again would take long. */
  get syncDue(): boolean {
    return this.#bytesSinceSync >= SYNC_BYTES
  }

  async sync(): Promise<void> {
    await this.flushed()
    this.#bytesSinceSync = 0
    const upTo = this.#offset - this.#backlogSize
    await this.#file.sync()
    this.#syncedTo = upTo
  }

  #add(entry: IndexEntry): void {
    const before = this.#state.end
    const { bytes, recordCrc } = encodeEntry(entry, this.#state, this.#isMarked(entry))
    this.#offset += bytes.length
    this.#backlog.push(bytes)
    this.#backlogSize += bytes.length
    if (!isRecord(entry)) return
    const { sequence, epoch } = this.#state
    this.#digest.add(sequence, epoch, tagOf(entry.kind), recordCrc)
    this.#recordsSince += 1
    if (entry.kind !== 'bytes') return
    this.#directory.addRecord(entry.end, entry.crc)
    this.#bytesSince += entry.end - before
    this.#bytesSinceSet += entry.end - before
    this.#bytesSinceSync += entry.end - before
  }

  /** In a log that is synced with each group of entries the first one of each says that the group before is whole. */
  #isMarked(entry: IndexEntry): boolean {
    const isFirst = this.#offset === this.#syncedTo && entry.kind !== 'closed'
    return isFirst && this.#checkpoints !== 'anywhere'
  }

  #addCheckpoint(set: HeldAt | undefined, cut: Divided | undefined): void {
    const setFrom = this.#offset
    if (set !== undefined) {
      const encoded = set.held.encode()
      this.#add({ kind: 'set', position: set.position, encoded })
      this.#setSize = encoded.length
      this.#setPosition = set.position
      this.#bytesSinceSet = 0
    }
    const offset = this.#offset
    const digest = this.#digest.peek()
    const checkpoint: Checkpoint = {
      kind: 'checkpoint',
      previousDistance: this.#checkpoint === 0 ? 0 : offset - this.#checkpoint,
      setDistance: offset - setFrom,
      state: { ...this.#state },
      digest,
      cut,
    }
    this.#add(checkpoint)
    checkpoint.state.check = this.#state.check
    this.flush()
    // Who reads looks into the index for what lies before a checkpoint, so it must be there.
    if (this.#backlogSize === 0) {
      this.#directory.addCheckpoint(checkpoint, offset, this.#offset - offset)
    }
    this.#digest.restart(digest)
    this.#checkpoint = offset
    this.#bytesSince = 0
    this.#recordsSince = 0
    this.#cut = undefined
  }

  /** Bytes of the index that a sync has covered. */
  get syncedTo(): number {
    return this.#syncedTo
  }

  get written(): WrittenIndex {
    return this.#written
  }

  /** Everything that was added is in the file; not when the disk is full. */
  get isWritten(): boolean {
    return this.#backlogSize === 0
  }

  /** Writes what was added, and waits for a disk that does not answer at once; a full one is not waited for. */
  async flushed(): Promise<void> {
    this.flush()
    while (this.#writing !== undefined) {
      await this.#writing
      this.flush()
    }
  }

  /** Writes what was added; on a full disk, and while a disk does not answer, it waits for the next time. */
  flush(): void {
    if (this.#failure !== undefined) throw this.#failure
    if (this.#backlogSize === 0 || this.#writing !== undefined) return
    const bytes = this.#backlog.length === 1 ? this.#backlog[0] : Buffer.concat(this.#backlog)
    assert(bytes?.length === this.#backlogSize, 'the backlog of an index has another size')
    this.#backlog = [bytes]
    const upTo = { size: this.#offset, end: this.#state.end }
    const written = (): void => this.#forget(bytes, upTo)
    try {
      const late = this.#file.write(bytes, this.#offset - this.#backlogSize)
      if (late === undefined) written()
      else this.#writing = late.then(written).catch((thrown) => this.#fail(thrown))
    } catch (thrown) {
      if (!isDiskFull(thrown)) throw thrown
    }
  }

  /** The first of what waited is in the file. */
  #forget(bytes: Buffer, upTo: WrittenIndex): void {
    this.#writing = undefined
    this.#written = upTo
    this.#backlog.shift()
    this.#backlogSize -= bytes.length
  }

  /** Nobody waits for the answer, so whoever writes next is told. */
  #fail(thrown: unknown): void {
    this.#writing = undefined
    if (!isDiskFull(thrown))
      this.#failure = thrown instanceof Error ? thrown : new Error(String(thrown))
  }
}
