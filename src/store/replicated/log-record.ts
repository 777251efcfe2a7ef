import type { GtidSet } from '../../mysql/index.ts'
import type { Divided } from '../index-file/extents.ts'
import type { FileBegin, RecordKind } from '../record.ts'

/** What a file-begin says besides its place in the log; the same on every node. */
export interface BeginFacts {
  readonly begin: FileBegin
  /** GTIDs that count as held and purged although no file has them, of this file and all before it */
  readonly contact: GtidSet
  /** GTIDs of everything before the file; the file before ends with them */
  readonly held: GtidSet
}

/** A record of a replicated log, whole, as one node hands it to another. */
export interface LogRecord {
  readonly sequence: number
  readonly epoch: number
  readonly kind: RecordKind
  /** CRC-32 of all its bytes, of its fields when it has none; 0: not known */
  readonly crc: number
  /** the end of the current file behind it; a cut's is where it cuts */
  readonly end: number
  readonly boundary: number
  /** bytes: seconds since 1970 of the newest event header that ends in it */
  readonly timestamp?: number
  /** bytes: those that are left; fewer than its size, or none, when a committed cut has taken the last of them */
  readonly bytes?: Uint8Array
  /** bytes: some of them are gone by a committed cut */
  readonly isShort?: boolean
  /**
   * bytes: GTIDs of the transactions that end in it, at or before its boundary; undefined where they are not known, so
   * that the file tells them when they are shown
   */
  readonly gtids?: GtidSet
  readonly fileBegin?: BeginFacts
  /** cut: what is left of the record in which it ends; the leader that makes the cut does not know it yet */
  readonly divided?: Divided
  /** purge: the first file that stays */
  readonly upTo?: string
  /** purge: the last sequence that goes; 0 when a later purge has taken that already */
  readonly floor?: number
}

/** A record that takes bytes away once that is committed. */
export interface LogRemoval {
  readonly kind: 'cut' | 'purge'
  readonly sequence: number
  /** purge: the last sequence that goes */
  readonly floor: number
}

export interface LogPoint {
  readonly epoch: number
  readonly sequence: number
}

/** Behind which point a log begins. */
export interface LogBase extends LogPoint {
  /** running digest there, as hexadecimal digits */
  readonly digest: string
  readonly tail: { readonly end: number; readonly boundary: number }
}
