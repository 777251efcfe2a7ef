import { InvariantError, type Logger, type Watched } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import type { FileReader } from './file-reader.ts'
import type { Chunk, FileBegin, Position, VisibleEnd } from './record.ts'

export interface StoreOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly logger: Logger
}

export interface LogEnd extends Position {
  /** the last position between transactions, at or before `position`; less than it: half a transaction is there */
  readonly boundary: number
}

export interface LastTransaction extends Position {
  /** the whole GTID event that begins at the position */
  readonly event: Buffer
}

export interface FileInfo {
  readonly name: string
  /** bytes that may be shown */
  readonly size: number
  readonly firstSequence: number
  /** seconds since 1970 of its first and its newest event; 0 when it has none yet */
  readonly firstTimestamp: number
  readonly lastTimestamp: number
  /** the source's name of the file, and whose it was; '' when nobody knows any more (the index was lost) */
  readonly sourceFile: string
  readonly sourceUuid: string
  readonly active: boolean
  /** open FileReaders */
  readonly readers: number
}

const unwritten = (): never => {
  throw new InvariantError('not written yet')
}

export class Store {
  /**
   * Recovers the folder and makes everything that is kept durable before it returns.
   * @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT
   */
  static open(_options: StoreOptions): Promise<Store> {
    return unwritten()
  }

  /** what is shown; undefined before the first file */
  get visible(): Watched<VisibleEnd | undefined> {
    return unwritten()
  }

  /** end of what was appended, durable or not; undefined before the first file */
  get end(): LogEnd | undefined {
    return unwritten()
  }

  /** how the current file began */
  get origin(): FileBegin | undefined {
    return unwritten()
  }

  /** sequence of the last record that was appended; 0 before the first */
  get sequence(): number {
    return unwritten()
  }

  /** GTIDs of everything up to the visible end, the purged ones too. A live object: clone it to keep it. */
  executed(): GtidSet {
    return unwritten()
  }

  /** GTIDs that are held but that no file has any more. A live object. */
  purged(): GtidSet {
    return unwritten()
  }

  /** GTIDs of everything appended up to `end.boundary`, the purged ones too. A fresh object. */
  heldGtids(): GtidSet {
    return unwritten()
  }

  /** The GTID event of the last transaction before `end.boundary` in the current file. */
  lastTransaction(): Promise<LastTransaction | undefined> {
    return unwritten()
  }

  /** oldest first; what is shown */
  files(): readonly FileInfo[] {
    return unwritten()
  }

  /** The GTIDs of everything before the file, as its PREVIOUS_GTIDS says. @throws E_FILE_UNKNOWN */
  previousGtids(_name: string): Promise<GtidSet> {
    return unwritten()
  }

  /** @throws OperationalError E_FILE_UNKNOWN */
  openFile(_name: string): Promise<FileReader> {
    return unwritten()
  }

  /** Ends the current file, durably, and begins another. Nothing may be appended until it resolves. */
  beginFile(_begin: FileBegin): Promise<number> {
    return unwritten()
  }

  /** Writes into the page cache at the end of the current file; returns the record's sequence. */
  append(_chunk: Chunk): number {
    return unwritten()
  }

  /** Makes what was appended before the call durable; returns the sequence of the last durable record. */
  sync(): Promise<number> {
    return unwritten()
  }

  /** Shows everything up to the record. */
  commit(_sequence: number): void {
    unwritten()
  }

  /** The current file ends again at `to`, which is `end.boundary`; durable when it resolves. */
  cut(_to: number): Promise<number> {
    return unwritten()
  }

  /**
   * Takes the files before `upTo` out of sight and appends the record that says so; they are removed by
   * `removePurged` once that record is committed. @throws OperationalError E_FILE_UNKNOWN, E_FILE_IN_USE
   */
  purge(_upTo: string): number {
    return unwritten()
  }

  removePurged(): Promise<void> {
    return unwritten()
  }

  /** Makes everything durable and closes the files. */
  close(): Promise<void> {
    return unwritten()
  }
}
