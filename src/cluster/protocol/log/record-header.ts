/*
  What the protocol knows of a record. The bytes travel and are stored beside it; the protocol never sees them.
*/

export type RecordKind = 'bytes' | 'file-begin' | 'epoch-start' | 'cut' | 'purge'

export interface RecordHeader {
  /** dense; never used twice in one epoch */
  readonly sequence: number
  /** of the leader that made it: (epoch, sequence) names one record for ever */
  readonly epoch: number
  readonly kind: RecordKind
  /** CRC-32 of its bytes, of its fields when it has none */
  readonly crc: number
  /** the end of the current file behind this record; a cut's is where it cuts */
  readonly end: number
  /** the last position at or before `end` that lies outside a transaction */
  readonly boundary: number
  /** purge only: the last sequence that goes; it ends a file */
  readonly floor?: number
  /** its bytes, or the last of them, are gone by a committed cut: it travels and is stored without them */
  readonly isShort?: boolean
}

/** What a new record adds to the facts that the leader knows: sequence and epoch are the leader's to give. */
export interface Piece {
  readonly kind: 'bytes' | 'file-begin'
  readonly crc: number
  readonly end: number
  readonly boundary: number
}

/** A record that takes bytes away when it is committed. */
export interface Removal {
  readonly kind: 'cut' | 'purge'
  readonly sequence: number
  /** purge only */
  readonly floor: number
}

/** How the newest file ends. Records without bytes of their own leave it as it is. */
export interface Tail {
  readonly end: number
  readonly boundary: number
}
