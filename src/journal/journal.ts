import type { Watched } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type {
  Chunk,
  FileBegin,
  LastTransaction,
  LogEnd,
  Position,
  VisibleEnd,
} from '../store/index.ts'

export interface Journal {
  /**
   * Takes the next piece of the current file. Its bytes are written when the call returns, so the
   * buffer may be used again; the promise resolves, with the record's sequence, as soon as there is
   * room for another piece, and need not be awaited by who holds fewer bytes than the bound.
   * Rejects with OperationalError E_DISK_FULL when the disk has no room: nothing was taken, and the
   * same piece may be given again; E_STORE_WRITE when the store has failed.
   */
  append(chunk: Chunk): Promise<number>
  /**
   * Begins a file, once everything before it is durable. Nothing may be appended until it resolves.
   */
  beginFile(begin: FileBegin): Promise<void>
  /**
   * Gives up half a transaction: the file ends again at `to`, which is `end.boundary`. Nothing may
   * be appended until it resolves.
   */
  cut(to: Position): Promise<void>
  /** Removes the files before `upTo`. @throws OperationalError E_FILE_UNKNOWN, E_FILE_IN_USE */
  purge(upTo: string): Promise<void>
  /** Resolves when everything that was given is committed. */
  settled(): Promise<void>
  /** Makes everything that was given durable and closes the store; nothing may be given any more. */
  close(): Promise<void>

  /** sequence of the last committed record */
  readonly committed: Watched<number>
  /**
   * the last place between transactions that is committed: an ACK to the source may name what lies
   * at or before it
   */
  readonly visible: Watched<VisibleEnd | undefined>
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
