import {
  InvariantError,
  messageOf,
  OperationalError,
  Watch,
  type Watched,
  waitUntil,
} from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type {
  Chunk,
  FileBegin,
  LastTransaction,
  LogEnd,
  Store,
  VisibleEnd,
} from '../store/index.ts'
import type { Journal } from './journal.ts'

/** `append` makes its caller wait while more than this is written and not on the disk. */
const UNSYNCED_BYTES_MAX = 16 * 1024 * 1024

/**
 * A lone piece that somebody waits for is synced while the process stands still, which saves two trips
 * between threads, unless it is larger than this.
 */
const SYNC_NOW_BYTES_MAX = 64 * 1024
/** Nor where the disk is slow: a sync that took longer sends the next ones to the thread pool. */
const SYNC_NOW_MS_MAX = 2
const SYNCS_AFTER_SLOW_ONE = 100

/**
 * The journal of one machine: a record is committed when the store has it on the disk.
 *
 * Group commit: one sync is under way at a time and covers all that was appended before it began;
 * what comes meanwhile is covered by the next, which begins at once. No timer: a lone record is
 * synced at once. (Which syncs run on the thread pool: docs/decisions/0005-a-sync-that-is-waited-for.md.)
 */
export class LocalJournal implements Journal {
  readonly #store: Store
  readonly #committed: Watch<number>
  readonly #failed = new Watch<Error | undefined>(undefined)
  /** the syncs, new files, cuts under way; undefined when nothing is */
  #work: Promise<void> | undefined
  /** new files and cuts that wait until no sync is under way */
  #claims = 0
  /** bytes written that the sync under way covers, and those after it */
  #syncingBytes = 0
  #waitingBytes = 0
  /** so many syncs go to the thread pool before another may hold up the process */
  #pooledSyncs = 0

  constructor(store: Store) {
    this.#store = store
    this.#committed = new Watch(store.sequence)
  }

  get committed(): Watched<number> {
    return this.#committed
  }

  get visible(): Watched<VisibleEnd | undefined> {
    return this.#store.visible
  }

  get failed(): Watched<Error | undefined> {
    return this.#failed
  }

  get unsyncedBytes(): number {
    return this.#syncingBytes + this.#waitingBytes
  }

  get end(): LogEnd | undefined {
    return this.#store.end
  }

  get origin(): FileBegin | undefined {
    return this.#store.origin
  }

  heldGtids(): GtidSet {
    return this.#store.heldGtids()
  }

  async lastTransaction(): Promise<LastTransaction | undefined> {
    try {
      return await this.#store.lastTransaction()
    } catch (thrown) {
      throw this.#note(thrown)
    }
  }

  // Not `async`: the bytes are written before the call returns, whatever the caller does with the
  // promise.
  append(chunk: Chunk): Promise<number> {
    const { length: size } = chunk.bytes
    if (chunk.awaited !== undefined && this.#mayHoldUp(size)) return this.#appendNow(chunk)
    try {
      const taken = this.#store.append(chunk)
      if (typeof taken === 'number') return this.#taken(taken, size)
      return taken
        .then((sequence) => this.#taken(sequence, size))
        .catch((thrown: unknown) => this.#refuse(thrown))
    } catch (thrown) {
      return this.#refuse(thrown)
    }
  }

  /** Resolves when there is room for more. */
  #taken(sequence: number, size: number): Promise<number> {
    this.#waitingBytes += size
    this.#kick()
    if (this.unsyncedBytes <= UNSYNCED_BYTES_MAX) return Promise.resolve(sequence)
    return this.#room().then(() => sequence)
  }

  /** Rejects with what was thrown, once nothing is left of the piece. */
  async #refuse(thrown: unknown): Promise<never> {
    try {
      await this.#store.mended()
    } catch (failure) {
      throw this.#note(failure)
    }
    throw this.#note(thrown)
  }

  async beginFile(begin: FileBegin): Promise<void> {
    await this.#alone(async () => this.#commitAlone(await this.#store.beginFile(begin)))
  }

  async openSession(signal: AbortSignal): Promise<LogEnd | undefined> {
    signal.throwIfAborted()
    await this.settled()
    const { end } = this
    if (end === undefined || end.position === end.boundary) return undefined
    await this.#alone(async () => this.#commitAlone(await this.#store.cut(end.boundary)))
    return end
  }

  /** The disk makes no difference between what is given and what was given. */
  closeSession(): void {}

  async purge(upTo: string): Promise<void> {
    // A sequence given in the middle of a new file or a cut would stand in the wrong index.
    const sequence = await this.#alone(() => this.#store.purge(upTo))
    this.#kick()
    await this.#until(sequence)
    await this.#store.removePurged()
  }

  /** Resolves when everything that was given is committed. */
  async settled(): Promise<void> {
    await this.#until(this.#store.sequence)
  }

  /**
   * Goes on after a failure, from what was durable; what was not is given again.
   * @throws OperationalError: why it has failed still. Where its reaction is `pause`, this may be tried again
   */
  async reopen(): Promise<void> {
    this.#claims += 1
    try {
      while (this.#work !== undefined) await this.#work
      const done = this.#store.reopen()
      this.#work = done.then(
        () => {},
        () => {},
      )
      await done
      this.#waitingBytes = 0
      this.#syncingBytes = 0
      this.#committed.set(this.#store.sequence)
      this.#failed.set(undefined)
    } catch (thrown) {
      if (thrown instanceof OperationalError) this.#failed.set(thrown)
      throw thrown
    } finally {
      this.#work = undefined
      this.#claims -= 1
    }
  }

  async close(): Promise<void> {
    // Kept for good, so that no sync begins any more: the store makes the last one itself.
    this.#claims += 1
    while (this.#work !== undefined) await this.#work
    await this.#store.close()
  }

  async #until(sequence: number): Promise<void> {
    while (this.#committed.value < sequence) {
      if (this.#failed.value !== undefined) throw this.#failed.value
      await this.#committed.changed()
    }
  }

  async #room(): Promise<void> {
    const fits = (): boolean =>
      this.unsyncedBytes <= UNSYNCED_BYTES_MAX || this.#failed.value !== undefined
    await waitUntil(this.#committed, fits)
    if (this.#failed.value !== undefined) throw this.#failed.value
  }

  #kick(): void {
    if (this.#work !== undefined || this.#claims > 0) return
    this.#work = this.#syncAll()
  }

  #mayHoldUp(size: number): boolean {
    const alone = this.#work === undefined && this.#claims === 0 && this.#store.canSyncNow
    return alone && this.#pooledSyncs === 0 && size <= SYNC_NOW_BYTES_MAX
  }

  /** Appends and syncs while the process waits; where the disk does not answer soon, as any other sync. */
  #appendNow(chunk: Chunk): Promise<number> {
    try {
      const took = this.#store.appendAndSync(chunk)
      if (typeof took === 'number') return Promise.resolve(this.#noteSynced(took))
      this.#syncingBytes = chunk.bytes.length
      const done = took.then((tookMs) => this.#noteSynced(tookMs))
      const over = (): void => {
        this.#syncingBytes = 0
        this.#work = undefined
      }
      this.#work = done.then(over, over)
      return done.catch((thrown: unknown) => this.#refuse(thrown))
    } catch (thrown) {
      return this.#refuse(thrown)
    }
  }

  #noteSynced(tookMs: number): number {
    if (tookMs > SYNC_NOW_MS_MAX) this.#pooledSyncs = SYNCS_AFTER_SLOW_ONE
    const { sequence } = this.#store
    this.#commit(sequence)
    return sequence
  }

  /** Syncs until nothing is left, or somebody wants to be alone; never rejects. */
  async #syncAll(): Promise<void> {
    try {
      // The first sync begins in a task of its own, so that what is appended in one go is synced in
      // one.
      await Promise.resolve()
      while (this.#committed.value < this.#store.sequence && this.#claims === 0) {
        this.#syncingBytes = this.#waitingBytes
        this.#waitingBytes = 0
        this.#pooledSyncs = Math.max(0, this.#pooledSyncs - 1)
        this.#commit(await this.#store.sync())
      }
    } catch (thrown) {
      this.#fail(thrown instanceof Error ? thrown : new InvariantError(messageOf(thrown)))
    } finally {
      this.#work = undefined
    }
  }

  /** Runs a step that must not meet a sync or another such step. */
  async #alone(step: () => Promise<number>): Promise<number> {
    this.#claims += 1
    try {
      while (this.#work !== undefined) await this.#work
      if (this.#failed.value !== undefined) throw this.#failed.value
      const done = step()
      this.#work = done.then(
        () => {},
        () => {},
      )
      const sequence = await done
      this.#work = undefined
      return sequence
    } catch (thrown) {
      this.#work = undefined
      throw this.#note(thrown)
    } finally {
      this.#claims -= 1
      this.#kick()
    }
  }

  /** A new file and a cut make durable whatever was appended before. */
  #commitAlone(sequence: number): number {
    this.#waitingBytes = 0
    this.#commit(sequence)
    return sequence
  }

  #commit(sequence: number): void {
    this.#syncingBytes = 0
    this.#store.commit(sequence)
    this.#committed.set(sequence)
  }

  /** Remembers the store's failure, after which nothing is taken any more. */
  #note(thrown: unknown): unknown {
    if (this.#store.failure !== undefined) this.#fail(this.#store.failure)
    return thrown
  }

  /** Wakes all who wait. */
  #fail(failure: Error): void {
    if (this.#failed.value !== undefined) return
    this.#failed.set(failure)
    this.#committed.set(this.#committed.value)
  }
}
