import type { Watched } from '../lib/index.ts'
import type { Gtid, GtidSet } from '../mysql/index.ts'
import type { FileAlarms } from './check/file-alarms.ts'
import type { GrowingFile } from './check/file-check.ts'
import type { FileReader } from './file-reader.ts'
import type { HeldFile } from './held-file.ts'
import type { Position, VisibleEnd } from './record.ts'

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

/** The binlog files of a channel for who reads them, whoever writes them. */
export interface BinlogStore {
  /** what is shown; undefined before the first file */
  readonly visible: Watched<VisibleEnd | undefined>

  /** GTIDs up to the visible end, the purged ones too. A live object: clone it to keep it. */
  executed(): GtidSet

  /** GTIDs that are held but that no file has any more, or ever had. */
  purged(): GtidSet

  /** oldest first; what is shown */
  files(): readonly FileInfo[]

  /**
   * As `files`, without a newest one that does not say yet what came before it: nothing may be removed up to that one,
   * since until it says so only the file before it tells what is held. @throws OperationalError E_STORE_DAMAGED
   */
  purgeableTo(): Promise<readonly FileInfo[]>

  /** what is known to be damaged; reads add to it what they meet */
  readonly alarms: FileAlarms

  /** how far a file that is written to can be checked by now; undefined for one that is closed, or gone */
  growing(name: string): GrowingFile | undefined

  /** A file that is to be repaired. @throws OperationalError E_FILE_UNKNOWN */
  hold(name: string): HeldFile

  /**
   * GTIDs of everything before the file, those that were never in a file included.
   * @throws OperationalError E_FILE_UNKNOWN
   */
  previousGtids(name: string): Promise<GtidSet>

  /** @throws OperationalError E_FILE_UNKNOWN */
  openFile(name: string): Promise<FileReader>

  /**
   * The newest place between transactions in the file that the index knows and before which
   * everything is in `held`; 4 when it knows none. @throws OperationalError E_FILE_UNKNOWN,
   * E_STORE_DAMAGED
   */
  positionFor(name: string, held: GtidSet): Promise<number>

  /**
   * GTIDs that are held right behind a transaction, in the order of the binlog; undefined when it is in no
   * file, or not shown yet. @throws OperationalError E_STORE_DAMAGED
   */
  heldBehind(gtid: Gtid): Promise<GtidSet | undefined>
}
