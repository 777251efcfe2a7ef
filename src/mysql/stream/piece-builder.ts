/*
  Collects the bytes of a binlog file into pieces, with what the journal must know of each (the fields are
  those of store/record.ts's Chunk). They are collected in one buffer that stays in a core's cache, and
  leave it as a copy: of their own size when small, else in a buffer from a small pool.
*/
import { assert, crc32 } from '../../lib/index.ts'
import type { Gtid } from '../gtid/gtid.ts'
import { GtidSet } from '../gtid/gtid-set.ts'

/**
 * Bytes of a piece at most. A quarter MiB is read back in one go by a dump, stays in a core's cache
 * between receiving, checking and writing, and costs the index next to nothing.
 */
export const PIECE_BYTES_MAX = 256 * 1024

/** Buffers have powers of two as sizes, from this on; a smaller piece gets one of its own size. */
const POOLED_BYTES_MIN = 16 * 1024

/** Bytes of buffers kept for use again; what is over goes to the garbage collector. */
const SPARE_BYTES_MAX = 2 * 1024 * 1024

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
  /** the source waits for an acknowledgement of a transaction that ends in this piece */
  readonly awaited: boolean
  /** Gives the buffer back; `bytes` must not be used afterwards. */
  release(): void
}

export class PieceBuilder {
  readonly #emit: (piece: Piece) => void
  /** by their size */
  readonly #spare = new Map<number, Buffer[]>()
  #spareBytes = 0
  /** the piece in the making, open to changes in place until it is handed out */
  readonly buffer: Buffer
  #used = 0
  /** position of the piece's first byte */
  #start = 0
  #boundary = 0
  #gtids: GtidSet | undefined
  #timestamp = 0
  #awaited = false

  /** @param buffer of PIECE_BYTES_MAX bytes */
  constructor(buffer: Buffer, emit: (piece: Piece) => void) {
    assert(buffer.length === PIECE_BYTES_MAX, 'the buffer has the size of a piece')
    this.buffer = buffer
    this.#emit = emit
  }

  /** bytes of `buffer` that are taken */
  get used(): number {
    return this.#used
  }

  /** Says that whole events were put into `buffer` behind `used`, which is now this. */
  setUsed(used: number): void {
    this.#used = used
  }

  /** The position behind the last byte taken. */
  get position(): number {
    return this.#start + this.#used
  }

  /** Goes on at another place, which lies between transactions. What was taken before is handed out first. */
  moveTo(position: number): void {
    this.flush()
    this.#start = position
    this.#boundary = position
  }

  /** Takes a whole event, which is kept in one piece if it fits one; returns where it lies in `buffer`. */
  takeEvent(from: Buffer, start: number, size: number): number {
    if (size > PIECE_BYTES_MAX - this.#used) {
      this.flush()
      if (size > PIECE_BYTES_MAX) {
        this.take(from, start, start + size)
        return -1
      }
    }
    const at = this.#used
    from.copy(this.buffer, at, start, start + size)
    this.#used = at + size
    return at
  }

  /** Takes bytes of an event that may be cut anywhere. */
  take(from: Buffer, start: number, end: number): void {
    let at = start
    while (at < end) {
      if (this.#used === PIECE_BYTES_MAX) this.flush()
      const size = Math.min(end - at, PIECE_BYTES_MAX - this.#used)
      from.copy(this.buffer, this.#used, at, at + size)
      this.#used += size
      at += size
    }
  }

  /** Says that the file lies between transactions at its present end. */
  markBoundary(): void {
    this.#boundary = this.#start + this.#used
  }

  markEventEnd(timestamp: number): void {
    if (timestamp > this.#timestamp) this.#timestamp = timestamp
  }

  /** Says that this transaction ends at the present end of the file. */
  markTransactionEnd(gtid: Gtid | undefined): void {
    this.markBoundary()
    if (gtid === undefined) return
    this.#gtids ??= GtidSet.empty()
    this.#gtids.add(gtid.uuid, gtid.tag, gtid.gno)
  }

  /** Says that the source waits for an acknowledgement of the present end of the file. */
  markAwaited(): void {
    this.#awaited = true
  }

  /** Hands out what has been collected; nothing when that is nothing. */
  flush(): void {
    if (this.#used === 0) return
    const pooled = this.#used >= POOLED_BYTES_MIN
    const home = pooled ? this.#takeBuffer(this.#used) : Buffer.allocUnsafeSlow(this.#used)
    this.buffer.copy(home, 0, 0, this.#used)
    const bytes = home.subarray(0, this.#used)
    const piece = {
      start: this.#start,
      bytes,
      crc: crc32(bytes),
      boundary: this.#boundary,
      gtids: this.#gtids,
      timestamp: this.#timestamp,
      awaited: this.#awaited,
      release: pooled ? this.#releaseOnce(home) : nothing,
    }
    this.#start += this.#used
    this.#used = 0
    this.#gtids = undefined
    this.#timestamp = 0
    this.#awaited = false
    this.#emit(piece)
  }

  #takeBuffer(needed: number): Buffer {
    const size = 2 ** Math.ceil(Math.log2(needed))
    const spare = this.#spare.get(size)?.pop()
    if (spare === undefined) return Buffer.allocUnsafeSlow(size)
    this.#spareBytes -= size
    return spare
  }

  #releaseOnce(buffer: Buffer): () => void {
    let released = false
    return () => {
      assert(!released, 'a piece is released once')
      released = true
      const size = buffer.length
      if (this.#spareBytes + size > SPARE_BYTES_MAX) return
      this.#spareBytes += size
      const spare = this.#spare.get(size)
      if (spare === undefined) this.#spare.set(size, [buffer])
      else spare.push(buffer)
    }
  }
}

function nothing(): void {}
