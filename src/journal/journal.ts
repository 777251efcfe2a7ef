import type { Watched } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type { Chunk, FileBegin, LastTransaction, LogEnd, VisibleEnd } from '../store/index.ts'

export interface Journal {
  /**
   * Takes the next piece of the current file. The promise resolves, with the record's sequence, when the bytes are
   * written and there is room for another piece; until then the buffer is the journal's, and nothing else may be given.
   * Rejects with OperationalError E_DISK_FULL when the disk has no room: nothing was taken, and the
   * same piece may be given again; E_STORE_WRITE when the store has failed.
   */
  append(chunk: Chunk): Promise<number>
  /**
   * Readies the journal for a new dump from the source: everything given is committed, and half a transaction
   * at its end was given up, since the source sends it again from its beginning. Resolves with the end before
   * that, undefined where there was none to give up. Nothing may be given until it resolves. Rejects when the
   * signal fires before, or the journal has failed; then no session was opened.
   */
  openSession(signal: AbortSignal): Promise<LogEnd | undefined>
  /** The dump has ended, and its connection is closed: nothing is given until the next session. */
  closeSession(): void
  /**
   * Begins a file, once everything before it is durable. Nothing may be appended until it resolves.
   */
  beginFile(begin: FileBegin): Promise<void>
  /** Removes the files before `upTo`. @throws OperationalError E_FILE_UNKNOWN, E_FILE_IN_USE */
  purge(upTo: string): Promise<void>
  /** Makes everything that was given durable and closes the store; nothing may be given any more. */
  close(): Promise<void>

  /** sequence of the last committed record */
  readonly committed: Watched<number>
  /**
   * the last place between transactions that is committed: an ACK to the source may name what lies
   * at or before it
   */
  readonly visible: Watched<VisibleEnd | undefined>
  /** written here and not on the disk yet */
  readonly unsyncedBytes: number
  /** why no more records are taken; undefined while they are */
  readonly failed: Watched<Error | undefined>

  /** end of what was given; undefined before the first file */
  readonly end: LogEnd | undefined
  /** how the current file began */
  readonly origin: FileBegin | undefined
  /** GTIDs of everything given up to `end.boundary`, the purged ones too. A fresh object. */
  heldGtids(): GtidSet
  /** The GTID event of the last transaction before `end.boundary` in the current file. */
  lastTransaction(): Promise<LastTransaction | undefined>
}
