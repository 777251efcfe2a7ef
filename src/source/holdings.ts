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

/** Where to begin when nothing is held yet. */
export type StartAt =
  /** with the source's oldest file */
  | { readonly kind: 'oldest' }
  /** behind everything that the source has now */
  | { readonly kind: 'newest' }
  /** behind the transactions of this set */
  | { readonly kind: 'after'; readonly gtids: GtidSet }
