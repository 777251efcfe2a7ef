import type { GtidSet } from '../mysql/index.ts'

/** A place in the source's files: byte offset `position` (4 or more) in `file`. */
export interface SourcePlace {
  readonly file: string
  readonly position: number
}

/** What the newest file of ours is to the source's. */
export type FileForm =
  /** the same from its first byte on */
  | 'mirrored'
  /** the same from a place inside on, where ours begins */
  | 'moved'
  /** its transactions in its order, but for those that were held already */
  | 'selected'

/** What is stored of the source already, in the source's own names and positions. */
export interface Holdings {
  /** server_uuid of the source that it came from */
  readonly sourceUuid: string
  readonly form: FileForm
  /**
   * where the next byte that is wanted lies, between two transactions; of a file that is `selected` only the file
   * is known
   */
  readonly next: SourcePlace
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
