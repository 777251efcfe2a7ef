/** Bytes of one of our files that are missing, and where whoever reads events can begin for them. */
export interface MissingRange {
  readonly from: number
  readonly to: number
  /** a place between transactions at or before `from` */
  readonly start: number
}

/** Somebody who has a file's bytes, too. What it gives is compared before it is used. */
export interface RangeSource {
  /** for people: `the source db:3306` */
  readonly name: string
  /**
   * Bytes of our file in order, from `start` or from `from` on, at least up to `to` where it has so many; each valid
   * until the next is asked for. @throws OperationalError, ProtocolError
   */
  bytes(
    range: MissingRange,
    signal: AbortSignal,
  ): AsyncIterable<{ readonly position: number; readonly bytes: Buffer }>
}

/** Somebody who has the index of a file with the same records. */
export interface IndexSource {
  readonly name: string
  /** The whole index, in order. @throws OperationalError */
  index(signal: AbortSignal): AsyncIterable<Buffer>
}
