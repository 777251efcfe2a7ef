import {
  assert,
  InvariantError,
  type Logger,
  OperationalError,
  present,
  Watch,
  type Watched,
} from '../lib/index.ts'
import { BINLOG_MAGIC, GtidSet } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import { ActiveFile } from './active-file.ts'
import { damaged, diskFull, isDiskFull, writeFailed } from './disk-error.ts'
import { createFile, type NewFile, removeFresh } from './file-create.ts'
import { FileReader } from './file-reader.ts'
import { HeldFiles } from './held-files.ts'
import { ExtentsCache } from './index-file/extents.ts'
import { FIRST_DIGEST } from './index-file/running-digest.ts'
import { findLastTransaction, type LastTransaction } from './last-transaction.ts'
import { PendingRecords } from './pending-records.ts'
import {
  type Chunk,
  type FileBegin,
  type Position,
  RECORD_BYTES_MAX,
  type VisibleEnd,
} from './record.ts'
import type { RecoveryContext } from './recovery/file-recovery.ts'
import { recoverFolder } from './recovery/folder-recovery.ts'
import { newestContained } from './set-search.ts'
import type { StoredFile } from './stored-file.ts'
import { readPreviousGtids } from './walk/previous-gtids.ts'

/** Records whose place and CRC are kept in memory for reading, over all files: 12 bytes each. */
const INDEX_RECORDS_CACHED = 1_000_000

const HEAD_DAMAGED = 'what comes before its transactions cannot be told'

export interface StoreOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly logger: Logger
}

export interface LogEnd extends Position {
  /**
   * the last position between transactions; less than `position`: half a transaction is behind it
   */
  readonly boundary: number
}

export interface FileInfo {
  readonly name: string
  /** bytes that may be shown */
  readonly size: number
  readonly firstSequence: number
  /** seconds since 1970 of its first and its newest event; 0 when it has none yet */
  readonly firstTimestamp: number
  readonly lastTimestamp: number
  /** the source's name of the file, and whose it was; '' when nobody knows (the index was lost) */
  readonly sourceFile: string
  readonly sourceUuid: string
  readonly active: boolean
  /** open FileReaders */
  readonly readers: number
}

/**
 * The binlog files of a channel. One writer (the journal), which calls one of `beginFile`, `sync`,
 * `cut` and `close` at a time; any number of readers.
 *
 * Invariant: visible <= committed <= durable <= appended.
 */
export class Store {
  readonly #context: RecoveryContext
  /** the newest one is the active file */
  readonly #files: HeldFiles
  #active: ActiveFile | undefined
  readonly #pending: PendingRecords
  readonly #executed: GtidSet
  #purged: GtidSet
  readonly #visible: Watch<VisibleEnd | undefined>
  #failure: OperationalError | undefined
  /**
   * a sync, a cut or a new file is under way; `#exclusiveName` is set while it is one of the latter
   * two
   */
  #busy = false
  #exclusiveName: string | undefined

  private constructor(
    context: RecoveryContext,
    files: StoredFile[],
    active: ActiveFile | undefined,
    sets: { readonly sequence: number; readonly executed: GtidSet; readonly purged: GtidSet },
  ) {
    this.#context = context
    this.#files = new HeldFiles(context, files)
    this.#active = active
    this.#pending = new PendingRecords(sets.sequence)
    this.#executed = sets.executed
    this.#purged = sets.purged
    const visible = active && {
      file: active.stored.name,
      position: active.boundary,
      sequence: sets.sequence,
    }
    this.#visible = new Watch<VisibleEnd | undefined>(visible)
  }

  /**
   * Recovers the folder and makes everything that is kept durable before it returns.
   * @throws OperationalError E_STORE_DAMAGED (file and position in its context), E_STORE_FORMAT
   */
  static async open(options: StoreOptions): Promise<Store> {
    const context = { ...options, cache: new ExtentsCache(INDEX_RECORDS_CACHED) }
    const { files, last } = await recoverFolder(context)
    const active = last && new ActiveFile(last)
    const store = new Store(context, files, active, {
      sequence: last?.appender.state.sequence ?? 0,
      executed: last?.held ?? GtidSet.empty(),
      purged: GtidSet.empty(),
    })
    if (last?.purgedUpTo !== undefined) await store.#files.removeBefore(last.purgedUpTo)
    const { oldest } = store.#files
    if (oldest !== undefined) store.#purged = await store.#purgedBefore(oldest)
    return store
  }

  // ---- what is held ----

  /** what is shown; undefined before the first file */
  get visible(): Watched<VisibleEnd | undefined> {
    return this.#visible
  }

  /** end of what was appended, durable or not; undefined before the first file */
  get end(): LogEnd | undefined {
    if (this.#active === undefined) return undefined
    const { stored, end, boundary } = this.#active
    return { file: stored.name, position: end, boundary }
  }

  /** how the current file began */
  get origin(): FileBegin | undefined {
    return this.#active?.stored.facts.origin
  }

  /** sequence of the last record that was appended; 0 before the first */
  get sequence(): number {
    return this.#pending.appended
  }

  /** GTIDs up to the visible end, the purged ones too. A live object: clone it to keep it. */
  executed(): GtidSet {
    return this.#executed
  }

  /** GTIDs that are held but that no file has any more, or ever had. */
  purged(): GtidSet {
    return this.#purged
  }

  /** GTIDs of everything appended up to `end.boundary`, the purged ones too. A fresh object. */
  heldGtids(): GtidSet {
    return this.#pending.heldWith(this.#executed, this.#pending.appended)
  }

  /** The GTID event of the last transaction before `end.boundary` in the current file. */
  async lastTransaction(): Promise<LastTransaction | undefined> {
    if (this.#active === undefined) return undefined
    const { stored, boundary } = this.#active
    const { data, directory } = await stored.acquire()
    try {
      return await findLastTransaction(stored.name, data, directory, boundary)
    } finally {
      await stored.release(this.#isActive(stored))
    }
  }

  /** why nothing can be written any more; undefined while it can */
  get failure(): OperationalError | undefined {
    return this.#failure
  }

  // ---- for readers ----

  /** oldest first; what is shown */
  files(): readonly FileInfo[] {
    const visible = this.#visible.value
    if (visible === undefined) return []
    return this.#files.upTo(visible.file).map((file) => this.#infoOf(file))
  }

  /**
   * GTIDs of everything before the file, those that were never in a file included.
   * @throws OperationalError E_FILE_UNKNOWN
   */
  async previousGtids(name: string): Promise<GtidSet> {
    return await this.#purgedBefore(this.#find(name))
  }

  /** @throws OperationalError E_FILE_UNKNOWN */
  async openFile(name: string): Promise<FileReader> {
    const stored = this.#find(name)
    const { data, directory } = await stored.acquire()
    return new FileReader({
      name,
      file: data,
      directory,
      limit: () => this.#limitOf(stored),
      close: () => stored.release(this.#isActive(stored)),
    })
  }

  /**
   * The newest place between transactions in the file that the index knows and before which
   * everything is in `held`; 4 when it knows none. @throws OperationalError E_FILE_UNKNOWN,
   * E_STORE_DAMAGED
   */
  async positionFor(name: string, held: GtidSet): Promise<number> {
    const stored = this.#find(name)
    const { directory } = await stored.acquire()
    try {
      const limit = this.#limitOf(stored)
      const shown = [...directory.setPlaces()].filter((place) => place.position <= limit)
      return newestContained(shown, held) ?? 4
    } finally {
      await stored.release(this.#isActive(stored))
    }
  }

  // ---- for the journal ----

  /**
   * Makes the current file durable and ends it, and begins another. Nothing may be appended until
   * it resolves.
   * @throws OperationalError E_DISK_FULL: nothing has changed; E_STORE_WRITE: nothing more can be
   * written
   */
  async beginFile(begin: FileBegin): Promise<number> {
    this.#files.checkNext(begin.name)
    return await this.#exclusive(begin.name, async () => {
      const previous = this.#active
      await this.#syncAll()
      assert(previous?.boundary === previous?.end, `a file is begun inside a transaction`)
      await previous?.syncIndex()
      const fresh = await createFile(this.#context, this.#next(begin))
      try {
        await previous?.close(this.heldGtids())
      } catch (thrown) {
        await removeFresh(this.#context, fresh)
        throw thrown
      }
      this.#active = new ActiveFile(fresh)
      this.#files.add(fresh.stored)
      const boundary = { file: begin.name, position: BINLOG_MAGIC.length }
      const sequence = this.#pending.add({ boundary, gtids: begin.purged })
      this.#pending.markDurable(sequence)
      return sequence
    })
  }

  /**
   * Writes into the page cache at the end of the current file; returns the record's sequence.
   * `chunk.gtids` is the store's from now on; `chunk.bytes` is not kept.
   * @throws OperationalError E_DISK_FULL: nothing was taken, and it may be given again after
   * `mended`; E_STORE_WRITE: nothing more can be written
   */
  append(chunk: Chunk): number {
    if (this.#failure !== undefined) throw this.#failure
    const active = present(this.#active, 'the current file')
    assert(this.#exclusiveName === undefined, 'bytes are appended while a file begins or is cut')
    const { bytes, gtids } = chunk
    assert(bytes.length > 0 && bytes.length <= RECORD_BYTES_MAX, `record of ${bytes.length} bytes`)
    try {
      active.write(bytes, chunk)
    } catch (thrown) {
      throw this.#explain(active.stored.path, thrown)
    }
    return this.#pending.add({ boundary: placeOf(active), gtids })
  }

  /** Resolves when what a full disk tore is taken away. @throws OperationalError E_STORE_WRITE */
  async mended(): Promise<void> {
    try {
      await this.#active?.mended()
    } catch (thrown) {
      throw this.#fail(this.#context.folder, thrown)
    }
  }

  /**
   * Makes what was appended before the call durable; returns the sequence of the last durable
   * record.
   * @throws OperationalError E_STORE_WRITE: what was not durable may be lost, nothing more can be
   * written
   */
  async sync(): Promise<number> {
    assert(!this.#busy, 'one sync at a time')
    if (this.#failure !== undefined) throw this.#failure
    this.#busy = true
    try {
      return await this.#syncOnce()
    } catch (thrown) {
      throw this.#explain(this.#context.folder, thrown)
    } finally {
      this.#busy = false
    }
  }

  /** Whether `syncNow` may be called: nothing else is under way, and it has nothing long to do. */
  get canSyncNow(): boolean {
    return !this.#busy && this.#failure === undefined && (this.#active?.canSyncNow ?? false)
  }

  /** As `sync`, while the process waits; returns how long that took, in milliseconds. @throws as sync */
  syncNow(): number {
    assert(this.canSyncNow, 'a sync is under way, or takes long')
    try {
      const tookMs = present(this.#active, 'the current file').syncNow()
      this.#pending.markDurable(this.#pending.appended)
      return tookMs
    } catch (thrown) {
      throw this.#explain(this.#context.folder, thrown)
    }
  }

  /** Shows all up to the record; then writes the index, for which nobody waits. @throws as sync */
  commit(sequence: number): void {
    this.#show(sequence)
    try {
      this.#active?.writeIndex(() => this.#pending.heldWith(this.#executed, this.#pending.durable))
    } catch (thrown) {
      throw this.#explain(this.#context.folder, thrown)
    }
  }

  #show(sequence: number): void {
    const boundary = this.#pending.commit(sequence, this.#executed)
    if (boundary === undefined) return
    const { contact } = present(this.#files.newest, 'the last file').facts
    if (!this.#purged.contains(contact)) this.#purged = this.#purged.union(contact)
    const shown = this.#visible.value
    if (shown?.file === boundary.file && shown.position === boundary.position) return
    this.#visible.set({ ...boundary, sequence })
  }

  /**
   * The current file ends again at `to`, which is `end.boundary`; durable when it resolves. Nothing
   * may be appended until then. @throws OperationalError as beginFile
   */
  async cut(to: number): Promise<number> {
    const active = present(this.#active, 'the current file')
    assert(to === active.boundary, `cut to ${to}, and the last boundary is ${active.boundary}`)
    return await this.#exclusive(active.stored.path, async () => {
      await this.#syncAll()
      await active.cut(to)
      const sequence = this.#pending.add({ boundary: placeOf(active), gtids: undefined })
      this.#pending.markDurable(sequence)
      return sequence
    })
  }

  /**
   * Takes the files before `upTo` out of sight and appends the record that says so. They are
   * removed by `removePurged`, once that record is committed. Returns the last record's sequence.
   * @throws OperationalError E_FILE_UNKNOWN, E_FILE_IN_USE
   */
  async purge(upTo: string): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure
    const purged = await this.#purgedBefore(this.#find(upTo))
    const count = this.#files.countUnreadBefore(this.#find(upTo))
    if (count === 0) return this.#pending.appended
    const active = present(this.#active, 'the current file')
    this.#files.hideOldest(count)
    this.#purged = this.#purged.union(purged)
    active.addPurge(upTo)
    return this.#pending.add({ boundary: placeOf(active), gtids: undefined })
  }

  /** Removes what a committed purge took out of sight, oldest first, each durably. */
  async removePurged(): Promise<void> {
    await this.#files.removeHidden()
  }

  /** Makes everything durable and closes the files. */
  async close(): Promise<void> {
    assert(!this.#busy, 'one sync, cut or new file at a time')
    const active = this.#active
    if (active === undefined) return
    if (this.#failure === undefined) {
      await this.#syncAll()
      await active.syncIndex()
    }
    this.#active = undefined
    await active.letGo()
  }

  // ---- inside ----

  async #exclusive<T>(path: string, work: () => Promise<T>): Promise<T> {
    assert(!this.#busy, 'one sync, cut or new file at a time')
    if (this.#failure !== undefined) throw this.#failure
    this.#busy = true
    this.#exclusiveName = path
    try {
      return await work()
    } catch (thrown) {
      throw this.#explain(path, thrown)
    } finally {
      this.#busy = false
      this.#exclusiveName = undefined
    }
  }

  async #syncAll(): Promise<void> {
    while (this.#active?.unsynced) await this.#syncOnce()
  }

  async #syncOnce(): Promise<number> {
    const sequence = this.#pending.appended
    const active = this.#active
    if (active?.unsynced) {
      await active.sync()
      this.#pending.markDurable(sequence)
    }
    return this.#pending.durable
  }

  /**
   * What is told of something thrown by a write: all but a full disk and our own bugs ends writing.
   */
  #explain(path: string, thrown: unknown): Error {
    if (thrown instanceof OperationalError || thrown instanceof InvariantError) return thrown
    return isDiskFull(thrown) ? diskFull(path, thrown) : this.#fail(path, thrown)
  }

  #fail(path: string, thrown: unknown): OperationalError {
    this.#failure ??= writeFailed(path, thrown)
    this.#context.logger.error({ path, error: thrown }, this.#failure.message)
    return this.#failure
  }

  #next(origin: FileBegin): NewFile {
    const before = this.#files.newest?.facts.contact ?? GtidSet.empty()
    const contact = origin.purged === undefined ? before : before.union(origin.purged)
    const firstSequence = this.#pending.appended + 1
    const digest = this.#active?.digest() ?? FIRST_DIGEST
    return { origin, firstSequence, contact, rebuilt: false, digest, epoch: 0 }
  }

  #find(name: string): StoredFile {
    return this.#files.find(name, this.#visible.value?.file)
  }

  #isActive(stored: StoredFile): boolean {
    return this.#active?.stored === stored
  }

  #limitOf(stored: StoredFile): number {
    const visible = this.#visible.value
    if (visible === undefined) return BINLOG_MAGIC.length
    return visible.file === stored.name ? visible.position : stored.size
  }

  #infoOf(stored: StoredFile): FileInfo {
    const { firstTimestamp, lastTimestamp, readers, name } = stored
    const { origin, firstSequence } = stored.facts
    return {
      name,
      size: this.#limitOf(stored),
      firstSequence,
      firstTimestamp,
      lastTimestamp,
      sourceFile: origin.sourceFile,
      sourceUuid: origin.sourceUuid,
      active: this.#isActive(stored),
      readers,
    }
  }

  async #purgedBefore(stored: StoredFile): Promise<GtidSet> {
    const file = await this.#context.disk.open(stored.path, 'read')
    try {
      const says = await readPreviousGtids(file, this.#limitOf(stored))
      if (says === 'damaged') throw damaged(stored.name, BINLOG_MAGIC.length, HEAD_DAMAGED)
      if (says === 'not yet') return this.#executed.clone()
      return says === 'none' ? stored.facts.contact.clone() : says.union(stored.facts.contact)
    } finally {
      await file.close()
    }
  }
}

function placeOf(active: ActiveFile): Position {
  return { file: active.stored.name, position: active.boundary }
}
