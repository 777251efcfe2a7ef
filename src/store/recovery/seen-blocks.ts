import { crc32 } from '../../lib/index.ts'

/** A difference is told so exactly. */
const BLOCK_BYTES = 64 * 1024

/** CRCs of bytes that were read front to back, for comparing them with the same read again. */
export class SeenBlocks {
  readonly #origin: number
  readonly #crcs: number[] = []
  #end: number

  /** @param origin the first position that is remembered; blocks are counted from it */
  constructor(origin: number) {
    this.#origin = origin
    this.#end = origin
  }

  /** Up to which position bytes were shown. */
  get end(): number {
    return this.#end
  }

  /** Where the first block begins that is another in those; undefined where all are the same. Of the same origin. */
  differenceTo(other: SeenBlocks): number | undefined {
    const count = Math.max(this.#crcs.length, other.#crcs.length)
    for (let block = 0; block < count; block += 1) {
      if (this.#crcs[block] !== other.#crcs[block]) return this.#origin + block * BLOCK_BYTES
    }
    return undefined
  }

  /** Bytes are shown once, in order; those before the origin are passed over. */
  see(bytes: Buffer, position: number): void {
    let at = Math.max(0, this.#end - position)
    while (at < bytes.length) {
      const size = Math.min(
        BLOCK_BYTES - ((this.#end - this.#origin) % BLOCK_BYTES),
        bytes.length - at,
      )
      const block = this.#blockOf(this.#end)
      this.#crcs[block] = crc32(bytes.subarray(at, at + size), this.#crcs[block] ?? 0)
      this.#end += size
      at += size
    }
  }

  /** Where the block of the byte before `position` ends, as far as it was seen. */
  blockEnd(position: number): number {
    const blocks = Math.ceil((position - this.#origin) / BLOCK_BYTES)
    return Math.min(this.#origin + blocks * BLOCK_BYTES, this.#end)
  }

  /** Where the first block that is not as it was seen begins. Both ends of the bytes are ends of blocks. */
  firstDifference(bytes: Buffer, position: number): number | undefined {
    for (let at = 0; at < bytes.length; at += BLOCK_BYTES) {
      const crc = crc32(bytes.subarray(at, at + BLOCK_BYTES))
      if (crc !== this.#crcs[this.#blockOf(position + at)]) return position + at
    }
    return undefined
  }

  #blockOf(position: number): number {
    return Math.floor((position - this.#origin) / BLOCK_BYTES)
  }
}
