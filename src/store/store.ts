import { assert, InvariantError, type Logger, OperationalError, present } from '../lib/index.ts'
import { BINLOG_MAGIC, GtidSet } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import { ActiveFile } from './active-file.ts'
import type { LogEnd } from './binlog-store.ts'
import {
  damaged,
  diskFull,
  hasFoundNoRoom,
  isSyncFailure,
  isWriteFailure,
  writeFailed,
} from './disk-error.ts'
import { createFile, type NewFile, removeFresh } from './file-create.ts'
import { compareFileNames } from './file-name.ts'
import { ExtentsCache } from './index-file/extents.ts'
import { FIRST_DIGEST } from './index-file/running-digest.ts'
import type { LastTransaction } from './lookup/last-transaction.ts'
import { PendingRecords } from './pending-records.ts'
import { readAnew } from './read-anew.ts'
import { ReadableFiles, ReadableStore } from './readable-files.ts'
import { type Chunk, type FileBegin, type Position, RECORD_BYTES_MAX } from './record.ts'
import type { RecoveredFile, RecoveryContext } from './recovery/file-recovery.ts'
import { recoverFolder } from './recovery/folder-recovery.ts'
import { refuseLog } from './replicated/log-facts.ts'
import type { StoredFile } from './stored-file.ts'

/** Records whose place and CRC are kept in memory for reading, over all files: 12 bytes each. */
const INDEX_RECORDS_CACHED = 1_000_000

export interface StoreOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly logger: Logger
}

/**
 * The binlog files of a channel. One writer (the journal), which calls one of `beginFile`, `sync`,
 * `cut` and `close` at a time; any number of readers.
 *
 * Invariant: visible <= committed <= durable <= appended.
 */
export class Store extends ReadableStore {
  readonly #context: RecoveryContext
  #pending: PendingRecords
  #failure: OperationalError | undefined
  /**
   * a sync, a cut or a new file is under way; `#exclusiveName` is set while it is one of the latter
   * two
   */
  #busy = false
  #exclusiveName: string | undefined

  private constructor(context: RecoveryContext) {
    super(new ReadableFiles(context))
    this.#context = context
    this.#pending = new PendingRecords(0)
  }

  /**
   * Recovers the folder and makes everything that is kept durable before it returns. What is damaged of the files
   * before the newest, or of that before the last place whose GTIDs are known, is named in `alarms`, and not read.
   * @throws OperationalError E_STORE_DAMAGED (file and position in its context), E_STORE_FORMAT, and E_CONFIG_INVALID
   * for the log of a cluster's node
   */
  static async open(options: StoreOptions): Promise<Store> {
    await refuseLog(options.disk, options.folder)
    const context = { ...options, cache: new ExtentsCache(INDEX_RECORDS_CACHED) }
    const store = new Store(context)
    await store.#load()
    return store
  }

  /**
   * Goes on after a failure, from what was durable: what was not comes again from the source. Whoever reads is not
   * disturbed. A sequence that was given to what is gone is given again.
   * @throws OperationalError: it has failed still. Where its reaction is `pause`, this may be tried again
   */
  async reopen(): Promise<void> {
    assert(!this.#busy && this.#failure !== undefined, 'only a store that has failed is read anew')
    this.#busy = true
    try {
      await readAnew(this.#context, this.readable, () => this.#load())
      this.#failure = undefined
    } catch (thrown) {
      if (thrown instanceof OperationalError) this.#failure = thrown
      throw thrown
    } finally {
      this.#busy = false
    }
  }

  async #load(): Promise<void> {
    const damages: OperationalError[] = []
    const met = (damage: OperationalError): void => void damages.push(damage)
    const context = { ...this.#context, shown: this.visible.value, met }
    const { files, last } = await recoverFolder(context)
    for (const damage of damages) this.alarms.met(damage)
    this.#checkShown(last)
    this.#pending = new PendingRecords(last?.appender.state.sequence ?? 0)
    if (last !== undefined) await this.#begin(files, last)
  }

  /** What was shown is never taken back. */
  #checkShown(last: RecoveredFile | undefined): void {
    const shown = this.visible.value
    if (shown === undefined) return
    const { stored, appender } = last ?? {}
    const order = stored === undefined ? -1 : compareFileNames(stored.name, shown.file)
    const { boundary = 0 } = appender?.state ?? {}
    if (order > 0 || (order === 0 && boundary >= shown.position)) return
    const end = order === 0 ? boundary : BINLOG_MAGIC.length
    throw damaged(shown.file, end, `what was shown up to ${shown.position} is not there any more`)
  }

  async #begin(found: readonly StoredFile[], last: RecoveredFile): Promise<void> {
    const files = this.readable
    await files.renew(found, last)
    files.executed().addAll(last.held)
    if (last.purgedUpTo !== undefined) await files.held.removeBefore(last.purgedUpTo)
    const active = present(files.active, 'the current file')
    files.show({ ...placeOf(active), sequence: this.sequence })
    const { oldest } = files.held
    if (oldest === undefined) return
    files.addPurged((await files.purgedBefore(oldest)) ?? files.executed())
  }

  // ---- what is held ----

  /** end of what was appended, durable or not; undefined before the first file */
  get end(): LogEnd | undefined {
    return this.readable.end
  }

  /** sequence of the last record that was appended; 0 before the first */
  get sequence(): number {
    return this.#pending.appended
  }

  /** GTIDs of everything appended up to `end.boundary`, the purged ones too. A fresh object. */
  heldGtids(): GtidSet {
    return this.#pending.heldWith(this.executed(), this.#pending.appended)
  }

  /** A disk that does not give it has failed. @throws OperationalError as `ReadableFiles.lastTransaction` */
  override async lastTransaction(): Promise<LastTransaction | undefined> {
    try {
      return await super.lastTransaction()
    } catch (thrown) {
      if (isWriteFailure(thrown)) this.#failure ??= thrown
      throw thrown
    }
  }

  /** why nothing can be written any more; undefined while it can */
  get failure(): OperationalError | undefined {
    return this.#failure
  }

  // ---- for the journal ----

  /**
   * Makes the current file durable and ends it, and begins another. Nothing may be appended until
   * it resolves.
   * @throws OperationalError E_DISK_FULL: nothing has changed; E_STORE_WRITE: nothing more can be
   * written
   */
  async beginFile(begin: FileBegin): Promise<number> {
    this.readable.held.checkNext(begin.name)
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
      this.readable.active = await ActiveFile.take(fresh)
      this.readable.held.add(fresh.stored)
      const boundary = { file: begin.name, position: BINLOG_MAGIC.length }
      const sequence = this.#pending.add({ boundary, gtids: begin.purged })
      this.#pending.markDurable(sequence)
      return sequence
    })
  }

  /**
   * Writes into the page cache at the end of the current file; returns the record's sequence, or, where
   * the disk does not answer at once, a promise of it: nothing may be appended until that resolves, and
   * a sync does not cover it.
   * `chunk.gtids` is the store's from now on; `chunk.bytes` is not kept once it is written.
   * @throws OperationalError E_DISK_FULL: nothing was taken, and it may be given again after
   * `mended`; E_STORE_WRITE: nothing more can be written. A promise rejects with the same
   */
  append(chunk: Chunk): number | Promise<number> {
    const active = this.#readyFor(chunk)
    const add = (): number => this.#pending.add({ boundary: placeOf(active), gtids: chunk.gtids })
    try {
      const late = active.write(chunk.bytes, chunk)
      if (late === undefined) return add()
      return late.then(add, (thrown: unknown) => {
        throw this.#explain(active.stored.path, thrown)
      })
    } catch (thrown) {
      throw this.#explain(active.stored.path, thrown)
    }
  }

  /**
   * As `append` and `sync`, while the process waits, as far as the disk answers at once; returns how
   * long the sync took, in milliseconds. Only while `canSyncNow`. @throws as both
   */
  appendAndSync(chunk: Chunk): number | Promise<number> {
    assert(this.canSyncNow, 'a sync is under way, or takes long')
    const active = this.#readyFor(chunk)
    const add = (tookMs: number): number => {
      this.#busy = false
      this.#pending.markDurable(
        this.#pending.add({ boundary: placeOf(active), gtids: chunk.gtids }),
      )
      return tookMs
    }
    const failed = (thrown: unknown): never => {
      this.#busy = false
      throw isSyncFailure(thrown)
        ? this.#fail(active.stored.path, thrown)
        : this.#explain(active.stored.path, thrown)
    }
    try {
      const took = active.writeAndSync(chunk.bytes, chunk)
      if (typeof took === 'number') return add(took)
      this.#busy = true
      return took.then(add, failed)
    } catch (thrown) {
      return failed(thrown)
    }
  }

  #readyFor({ bytes }: Chunk): ActiveFile {
    if (this.#failure !== undefined) throw this.#failure
    assert(this.#exclusiveName === undefined, 'bytes are appended while a file begins or is cut')
    assert(bytes.length > 0 && bytes.length <= RECORD_BYTES_MAX, `record of ${bytes.length} bytes`)
    return present(this.#active, 'the current file')
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

  /** Whether `appendAndSync` may be called: nothing else is under way, and it has nothing long to do. */
  get canSyncNow(): boolean {
    return !this.#busy && this.#failure === undefined && (this.#active?.canSyncNow ?? false)
  }

  /** Shows all up to the record; then writes the index, for which nobody waits. @throws as sync */
  commit(sequence: number): void {
    this.#show(sequence)
    try {
      this.#active?.writeIndex(() => this.#pending.heldWith(this.executed(), this.#pending.durable))
    } catch (thrown) {
      throw this.#explain(this.#context.folder, thrown)
    }
  }

  #show(sequence: number): void {
    const boundary = this.#pending.commit(sequence, this.executed())
    if (boundary !== undefined) this.readable.show({ ...boundary, sequence })
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
   * Takes the files before `upTo`, one of `purgeableTo`, out of sight and appends the record that says so. They are
   * removed by `removePurged`, once that record is committed. Returns the last record's sequence.
   * @throws OperationalError E_FILE_UNKNOWN, E_FILE_IN_USE
   */
  async purge(upTo: string): Promise<number> {
    if (this.#failure !== undefined) throw this.#failure
    const purged = await this.readable.previousGtids(upTo)
    const { held } = this.readable
    const count = held.countUnreadBefore(this.readable.find(upTo))
    if (count === 0) return this.#pending.appended
    const active = present(this.#active, 'the current file')
    held.hideOldest(count)
    this.readable.addPurged(purged)
    active.addPurge(upTo)
    return this.#pending.add({ boundary: placeOf(active), gtids: undefined })
  }

  /** Removes what a committed purge took out of sight, oldest first, each durably. */
  async removePurged(): Promise<void> {
    await this.readable.held.removeHidden()
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
    this.readable.active = undefined
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
      await active.sync().catch((thrown: unknown) => {
        throw this.#explainSync(active.stored.path, thrown)
      })
      this.#pending.markDurable(sequence)
    }
    return this.#pending.durable
  }

  /** A write that found no room may be done again; a sync may not, whatever it says. */
  #explainSync(path: string, thrown: unknown): Error {
    const isKnown = thrown instanceof OperationalError || thrown instanceof InvariantError
    return isKnown ? thrown : this.#fail(path, thrown)
  }

  /**
   * What is told of something thrown by a write: all but a full disk and our own bugs ends writing.
   */
  #explain(path: string, thrown: unknown): Error {
    if (thrown instanceof OperationalError || thrown instanceof InvariantError) return thrown
    return hasFoundNoRoom(thrown) ? diskFull(path, thrown) : this.#fail(path, thrown)
  }

  #fail(path: string, thrown: unknown): OperationalError {
    this.#failure ??= writeFailed(path, thrown)
    return this.#failure
  }

  #next(origin: FileBegin): NewFile {
    const before = this.readable.held.newest?.facts.contact ?? GtidSet.empty()
    const contact = origin.purged === undefined ? before : before.union(origin.purged)
    const firstSequence = this.#pending.appended + 1
    const digest = this.#active?.digest() ?? FIRST_DIGEST
    return { origin, firstSequence, contact, rebuilt: false, digest, epoch: 0 }
  }

  get #active(): ActiveFile | undefined {
    return this.readable.active
  }
}

function placeOf(active: ActiveFile): Position {
  return { file: active.stored.name, position: active.boundary }
}
