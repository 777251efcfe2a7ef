import type { GtidSet } from '../mysql/index.ts'

/** A place in the source's files: byte offset `position` (4 or more) in `file`. */
export interface SourcePlace {
  readonly file: string
  readonly position: number
}

/** What is stored of the source already, in the source's own names and positions. */
export interface Holdings {
  /** server_uuid of the source that it came from */
  readonly sourceUuid: string
  /** where the next byte that is wanted lies; between two transactions */
  readonly next: SourcePlace
  /**
   * Our position for `next`, when the file is not the source's byte for byte (it was begun inside the source's
   * file); undefined when the positions are the same.
   */
  readonly relocatedTo: number | undefined
  /** every GTID that is held, purged ones too */
  readonly held: GtidSet
  /** the GTID event of the last transaction in the file of `next`; undefined when it has none yet */
  readonly last: { readonly place: SourcePlace; readonly event: Buffer } | undefined
}

/** Where a source is begun that nothing is held of. */
export interface Beginning {
  readonly place: SourcePlace
  /** every GTID that the source has before that place: counts as held and purged */
  readonly purged: GtidSet
}

/**
 * Where to begin when nothing is held yet: with the source's oldest file, behind everything that it has now, or
 * behind the transactions of a set.
 */
export type StartAt = 'oldest' | 'newest' | GtidSet
