/*
  Collects the bytes of a binlog file into pieces, with what the journal must know of each (the fields are
  those of store/record.ts's Chunk). They are collected in one buffer that stays in a core's cache, and are
  used from there: a piece is handed out, written, and then the next one is collected in its place.
*/
import { assert, crc32, ProtocolError } from '../../lib/index.ts'
import { formatGtid, type Gtid } from '../gtid/gtid.ts'
import { GtidSet } from '../gtid/gtid-set.ts'
import type { GtidRun } from './event-kernel.ts'

/** A place between transactions whose acknowledgement the source waits for. */
export interface AwaitedEnd {
  /** in our file */
  readonly position: number
  /** in the source's */
  readonly sourcePosition: number
}

export interface Piece {
  /** position of the first byte in the file */
  readonly start: number
  readonly bytes: Buffer
  /** CRC-32 of `bytes` */
  readonly crc: number
  /** the last position between transactions at or before the end of the piece */
  readonly boundary: number
  /** of the transactions that end at or before `boundary` and in this piece; undefined when none does */
  readonly gtids: GtidSet | undefined
  /** seconds since 1970 of the newest event that ends here; 0 when none does */
  readonly timestamp: number
  /** the last one in this piece, at or before `boundary`; undefined when the source waits for none */
  readonly awaited: AwaitedEnd | undefined
  /** how far the source's position of the piece's end lies beyond ours; 0 where our file mirrors the source's */
  readonly shift: number
}

export class PieceBuilder {
  /** the piece in the making */
  readonly #buffer: Buffer
  #used = 0
  #crc = 0
  /** position of the piece's first byte */
  #start = 0
  #boundary = 0
  #gtids: GtidSet | undefined
  #timestamp = 0
  #awaited: AwaitedEnd | undefined
  #shift = 0

  /** @param buffer has the size of the largest piece */
  constructor(buffer: Buffer) {
    this.#buffer = buffer
  }

  /** bytes that are taken */
  get used(): number {
    return this.#used
  }

  /** CRC-32 of the bytes that are taken */
  get crc(): number {
    return this.#crc
  }

  /** bytes that can still be taken */
  get room(): number {
    return this.#buffer.length - this.#used
  }

  /** The position behind the last byte taken. */
  get position(): number {
    return this.#start + this.#used
  }

  /** how far the source's position of what is taken next lies beyond ours */
  get shift(): number {
    return this.#shift
  }

  /** Goes on at another place, which lies between transactions. */
  moveTo(position: number, shift = 0): void {
    assert(this.#used === 0, 'what was taken before has been handed out')
    this.#start = position
    this.#boundary = position
    this.#shift = shift
  }

  /** The source has left out so many bytes, or has stored more than we do; less than 0 for fewer. */
  shiftBy(bytes: number): void {
    this.#shift += bytes
  }

  /** Takes bytes, for which there is room. */
  take(from: Buffer, start: number, end: number): void {
    const copied = from.copy(this.#buffer, this.#used, start, end)
    assert(copied === end - start, 'a piece has room for what is taken')
    this.takeWritten(this.#used + copied)
  }

  /** Bytes have been written into the buffer behind `used`, which is now this. */
  takeWritten(used: number): void {
    this.#crc = crc32(this.#buffer.subarray(this.#used, used), this.#crc)
    this.#used = used
  }

  /** The bytes that were taken last, from where `used` was before. */
  takenSince(used: number): Buffer {
    return this.#buffer.subarray(used, this.#used)
  }

  /** Says that the file lies between transactions at this place of the piece, or at its present end. */
  markBoundary(used = this.#used): void {
    this.#boundary = this.#start + used
  }

  markEventEnd(timestamp: number): void {
    if (timestamp > this.#timestamp) this.#timestamp = timestamp
  }

  /**
   * Says that this transaction ends at the present end of the file.
   * @throws ProtocolError when another one of the piece has its GTID, or a larger one of MariaDB's
   */
  markTransactionEnd(gtid: Gtid | undefined): void {
    this.markBoundary()
    if (gtid === undefined) return
    this.#gtids ??= GtidSet.empty()
    if (this.#gtids.has(gtid)) {
      throw new ProtocolError(`transaction ${formatGtid(gtid)} comes when its turn is over`)
    }
    this.#gtids.add(gtid)
  }

  /** Says that these transactions end at or before the present end of the file. */
  addTransactions({ uuid, first, last }: GtidRun): void {
    this.#gtids ??= GtidSet.empty()
    this.#gtids.addRun(uuid, first, last)
  }

  /** Says that the source waits for an acknowledgement of this place of the piece, or of its present end. */
  markAwaited(used = this.#used): void {
    const position = this.#start + used
    this.#awaited = { position, sourcePosition: position + this.#shift }
  }

  /** What has been collected, valid until more is taken; undefined when that is nothing. */
  handOut(): Piece | undefined {
    if (this.#used === 0) return undefined
    const piece = {
      start: this.#start,
      bytes: this.#buffer.subarray(0, this.#used),
      crc: this.#crc,
      boundary: this.#boundary,
      gtids: this.#gtids,
      timestamp: this.#timestamp,
      awaited: this.#awaited,
      shift: this.#shift,
    }
    this.#start += this.#used
    this.#used = 0
    this.#crc = 0
    this.#gtids = undefined
    this.#timestamp = 0
    this.#awaited = undefined
    return piece
  }
}
