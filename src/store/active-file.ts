import { assert, crc32 } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import { damaged, diskFull, isSyncFailure } from './disk-error.ts'
import type { Divided } from './index-file/extents.ts'
import type { IndexAppender, WrittenIndex } from './index-file/index-appender.ts'
import type { IndexDirectory } from './index-file/index-directory.ts'
import type { RecordEntry } from './index-file/index-entry.ts'
import { noteState, type RecoveredFile } from './recovery/file-recovery.ts'
import type { StoredFile } from './stored-file.ts'
import { checkSpan, planRead } from './verified-read.ts'

/** What is known of bytes that are appended. */
export interface PieceFacts {
  readonly crc: number
  readonly boundary: number
  readonly timestamp: number
  readonly epoch?: number
  /** of the record, where a cut that follows has taken the last of its bytes */
  readonly size?: number
}

/** Bytes of a binlog file and of its index that a sync has covered. */
export interface SyncedSizes {
  readonly data: number
  readonly index: number
}

type BytesEntry = Extract<RecordEntry, { readonly kind: 'bytes' }>

/** A cut's entries with all that belongs to them, in bytes of the index. */
const CUT_RESERVE = 512

/**
 * The file that is written to, with its index. Knows nothing of sequences, commits and other files.
 */
export class ActiveFile {
  readonly stored: StoredFile
  readonly #data: DiskFile
  readonly #directory: IndexDirectory
  readonly #appender: IndexAppender
  /** end of what was written, synced or not, and the last place between transactions in it */
  #end: number
  #boundary: number
  #timestamp: number
  /** bytes that are in the file, those of a cut too until they go, and how many of them a sync has covered */
  #size: number
  #synced: number
  /** entries of records that are not synced */
  #unsynced: RecordEntry[] = []
  #mending: Promise<void> | undefined
  /** the write that the disk has not answered */
  #writing: Promise<unknown> | undefined
  #isPaused = false

  static async take(recovered: RecoveredFile): Promise<ActiveFile> {
    await recovered.stored.activate(recovered.directory, recovered.index)
    return new ActiveFile(recovered)
  }

  private constructor(recovered: RecoveredFile) {
    this.stored = recovered.stored
    this.#data = recovered.data
    this.#directory = recovered.directory
    this.#appender = recovered.appender
    const { end, boundary, timestamp } = recovered.appender.state
    this.#end = end
    this.#boundary = boundary
    this.#timestamp = timestamp
    this.#size = recovered.data.size()
    this.#synced = this.#size
  }

  get end(): number {
    return this.#end
  }

  get boundary(): number {
    return this.#boundary
  }

  get epoch(): number {
    return this.#appender.state.epoch
  }

  get unsynced(): boolean {
    return this.#unsynced.length > 0
  }

  digest(): Buffer {
    return this.#appender.digest()
  }

  /**
   * Writes bytes at the end: when the call returns, or, where the disk does not answer at once, when the promise
   * resolves; nothing may be appended until then. When that fails in the middle, what was written is taken away again.
   * @throws the system's error
   */
  write(bytes: Uint8Array, facts: PieceFacts): Promise<void> | undefined {
    const entry = this.#entryOf(bytes, facts)
    const late = this.#trying(() =>
      bytes.length > 0 ? this.#data.write(bytes, this.#end) : undefined,
    )
    const taken = (): undefined => {
      this.#take(entry, bytes.length)
      this.#unsynced.push(entry)
    }
    return late instanceof Promise ? late.then(taken) : taken()
  }

  /**
   * As `write` and then `sync`, while the process waits, as far as the disk answers at once; returns how long the sync
   * took, in milliseconds. Only while `canSyncNow`.
   */
  writeAndSync(bytes: Uint8Array, facts: PieceFacts): number | Promise<number> {
    const entry = this.#entryOf(bytes, facts)
    const took = this.#trying(() => this.#data.writeAndSync(bytes, this.#end))
    const taken = (tookMs: number): number => {
      this.#take(entry, bytes.length)
      this.#synced = this.#size
      const entries = [...this.#unsynced, entry]
      this.#unsynced = []
      this.#note(entries)
      return tookMs
    }
    return took instanceof Promise ? took.then(taken) : taken(took)
  }

  #entryOf(bytes: Uint8Array, facts: PieceFacts): BytesEntry {
    assert(this.#mending === undefined, 'bytes are written while torn ones are taken away')
    assert(this.#writing === undefined, 'bytes are written while others are')
    const { boundary, crc, epoch = this.epoch, size = bytes.length } = facts
    const end = this.#end + size
    assert(boundary >= this.#boundary, `boundary ${boundary} lies before ${this.#boundary}`)
    assert(boundary <= end, `boundary ${boundary} lies behind the end ${end}`)
    const timestamp = facts.timestamp === 0 ? this.#timestamp : facts.timestamp
    return { kind: 'bytes', epoch, end, boundary, crc, timestamp }
  }

  #take({ end, boundary, timestamp }: BytesEntry, size: number): void {
    this.#timestamp = timestamp
    this.#end = end
    this.#size += size
    this.#boundary = boundary
  }

  /** What fails now or later is taken away; nothing else is written until that was told. */
  #trying<T>(write: () => T | Promise<T>): T | Promise<T> {
    let done: T | Promise<T>
    try {
      done = write()
    } catch (thrown) {
      throw this.#takeAway(thrown)
    }
    if (!(done instanceof Promise)) return done
    const late = done.then(
      (value) => {
        this.#writing = undefined
        return value
      },
      (thrown: unknown) => {
        this.#writing = undefined
        throw this.#takeAway(thrown)
      },
    )
    this.#writing = late
    return late
  }

  #takeAway(thrown: unknown): unknown {
    if (isSyncFailure(thrown)) return thrown
    this.#mending = this.#data.truncate(this.#end)
    this.#mending.catch(() => {})
    return thrown
  }

  /** Resolves when no torn bytes are there any more. @throws the system's error */
  async mended(): Promise<void> {
    await this.#mending
    this.#mending = undefined
  }

  /** Adds the record of a purge; it is durable after the next sync. */
  addPurge(upTo: string): void {
    this.add({ kind: 'purge', epoch: this.epoch, upTo })
  }

  /** Adds a record without bytes; it is durable after the next sync. */
  add(entry: Extract<RecordEntry, { readonly kind: 'purge' | 'epoch-start' }>): void {
    this.#unsynced.push(entry)
  }

  /**
   * Makes what was written before the call durable. Its entries are written by `writeIndex`, after
   * whoever waits for it was told.
   */
  async sync(): Promise<void> {
    const entries = this.#unsynced
    this.#unsynced = []
    await this.syncBytes()
    this.#note(entries)
    const purged = entries.some((entry) => entry.kind === 'purge')
    if (purged || this.#appender.syncDue) await this.#appender.sync()
  }

  /**
   * As `sync`, with the entries: bytes and entries at once, so that either may be on the disk without the other until
   * this resolves.
   * @throws the system's error; OperationalError E_DISK_FULL when the index has no room
   */
  async syncWithIndex(): Promise<void> {
    const entries = this.#unsynced
    this.#unsynced = []
    this.#note(entries)
    await this.#appender.flushed()
    if (!this.#appender.isWritten) throw diskFull(this.stored.indexPath, undefined)
    const done = await Promise.allSettled([this.syncBytes(), this.#appender.sync()])
    for (const one of done) if (one.status === 'rejected') throw one.reason
  }

  /** Makes the bytes durable, not their entries. */
  async syncBytes(): Promise<void> {
    const size = this.#size
    await this.#data.sync()
    this.#synced = Math.min(size, this.#size)
  }

  get syncedSizes(): SyncedSizes {
    return { data: this.#synced, index: this.#appender.syncedTo }
  }

  /** Whether `writeAndSync` does all that there is to do. */
  get canSyncNow(): boolean {
    return !this.#appender.syncDue && this.#unsynced.every(({ kind }) => kind === 'bytes')
  }

  /** @param held makes the GTID set at the last place between transactions of what was synced */
  writeIndex(held: () => GtidSet): void {
    this.#appender.write(held)
  }

  #note(entries: readonly RecordEntry[]): void {
    this.#appender.append(entries)
    noteState(this.stored, this.#appender)
  }

  get writtenIndex(): WrittenIndex {
    return this.#appender.written
  }

  /** Whether all entries of what was synced are in the index; not when the disk is full. */
  get isIndexWritten(): boolean {
    return this.#appender.isWritten
  }

  /** Makes the index durable up to the last sync. */
  async syncIndex(): Promise<void> {
    await this.#appender.sync()
  }

  /**
   * The file ends at `to` again. The entry is durable before the bytes go, so that a crash between
   * the two leaves no doubt that they were to go.
   */
  async cut(to: number): Promise<void> {
    await this.#appender.reserve(CUT_RESERVE)
    const cut = await this.beginCut(to, this.epoch)
    await this.finishCut(to, cut)
  }

  /**
   * The entry of a cut is durable; the bytes stay until `finishCut`.
   * @param known what is left of the record in which it ends, where that is known
   */
  async beginCut(to: number, epoch: number, known?: Divided): Promise<Divided> {
    assert(!this.unsynced, 'a cut comes when everything is synced')
    const divided = known ?? this.#divide(to)
    this.#appender.addCut({ kind: 'cut', epoch, to, ...divided })
    await this.#appender.sync()
    this.#end = to
    this.#boundary = to
    return divided
  }

  /** The bytes of a cut go. */
  async finishCut(to: number, divided: Divided): Promise<void> {
    this.#directory.cut(to, divided)
    await this.#data.truncate(to)
    this.#size = to
    await this.syncBytes()
    this.#appender.cutDone(divided)
    await this.#appender.sync()
    noteState(this.stored, this.#appender)
  }

  /** Ends the index for good. */
  async close(held: GtidSet): Promise<void> {
    assert(!this.unsynced, 'a file is closed when everything is synced')
    await this.#appender.reserve(held.encode().length + CUT_RESERVE)
    await this.#appender.close(held)
    await this.letGo()
  }

  /** Closes the handles; the file can be gone on with after the next start. */
  async letGo(): Promise<void> {
    await this.pause()
    await this.stored.deactivate()
  }

  /** Nothing more is written; who reads goes on with the index as it is, until there is another. */
  async pause(): Promise<void> {
    if (this.#isPaused) return
    this.#isPaused = true
    await this.#writing?.catch(() => {})
    await this.#data.close()
  }

  /** [from, to) with its CRC-32, as it is in the file. */
  measure(from: number, to: number): Divided {
    const bytes = Buffer.allocUnsafe(to - from)
    if (this.#data.read(bytes, from) === bytes.length) return { start: from, crc: crc32(bytes) }
    throw damaged(this.stored.name, from, `the file ends before ${to}, and more was stored`)
  }

  #divide(to: number): Divided {
    if (to === this.#end) return { start: to, crc: 0 }
    const span = planRead(this.#directory, to, to + 1, 0)
    if (span.from === to) return { start: to, crc: 0 }
    const bytes = Buffer.allocUnsafe(span.to - span.from)
    checkSpan(this.stored.name, span, bytes.subarray(0, this.#data.read(bytes, span.from)))
    return { start: span.from, crc: crc32(bytes.subarray(0, to - span.from)) }
  }
}
