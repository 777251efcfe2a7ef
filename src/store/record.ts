/*
  What the journal commits, in five kinds. A record has a dense sequence (never reused) and the
  epoch of who made it (0 on one machine); both are given by the store when it takes the record.

    bytes         a piece of the current binlog file; may begin and end inside an event
    file-begin    a new binlog file, which begins with the 4 bytes fe 62 69 6e
    epoch-start   a new leader's first record; clusters only, no bytes
    cut           the file ends again at a position outside a transaction: half a transaction is given up
    purge         the files before a name are gone
*/
import type { GtidSet } from '../mysql/index.ts'
import { compareFileNames } from './file-name.ts'

export type RecordKind = 'bytes' | 'file-begin' | 'epoch-start' | 'cut' | 'purge'

/** A record holds at most this many bytes of a binlog file. Part of the format: never changed. */
export const RECORD_BYTES_MAX = 1024 * 1024

/** A piece of the current binlog file, with what the one pass over its events has found. */
export interface Chunk {
  /** 1 to RECORD_BYTES_MAX bytes that continue the file at its end; the store does not keep them */
  readonly bytes: Uint8Array
  /** CRC-32 of `bytes` */
  readonly crc: number
  /**
   * The last position in the file, at or before the end of `bytes`, that lies between transactions;
   * what the file had before when this piece has none.
   */
  readonly boundary: number
  /**
   * GTIDs of the transactions that end in this piece, at or before `boundary`; undefined when none
   * does
   */
  readonly gtids: GtidSet | undefined
  /** seconds since 1970 of the newest event header that ends in this piece; 0 when unknown */
  readonly timestamp: number
  /**
   * The last place in this piece that somebody waits for until it is committed: that is worth more than the throughput
   * of what comes after it.
   */
  readonly awaited?: { readonly position: number } | undefined
}

export interface FileBegin {
  /** our name for the file */
  readonly name: string
  /** server_uuid of the source whose events follow */
  readonly sourceUuid: string
  /**
   * where our first byte that comes from the source lies in the source's file: `{name, 4}` when we
   * mirror it whole
   */
  readonly sourceFile: string
  readonly sourcePosition: number
  /**
   * The position in our file of that first byte: 4 when we mirror it whole, else the end of the
   * FORMAT_DESCRIPTION and PREVIOUS_GTIDS that we put before it.
   */
  readonly basePosition: number
  /**
   * Where a source is first met: the GTIDs that count as held and purged although no file has them.
   * Undefined on every later file.
   */
  readonly purged: GtidSet | undefined
}

/** A place in our files: the byte offset `position` (4 or more) in `file`. */
export interface Position {
  readonly file: string
  readonly position: number
}

/** Negative when `a` comes before `b`. */
export function comparePositions(a: Position, b: Position): number {
  return compareFileNames(a.file, b.file) || a.position - b.position
}

/** The last point between transactions that will never be undone: all that anybody is shown. */
export interface VisibleEnd extends Position {
  /** sequence of the last record that is committed */
  readonly sequence: number
}
