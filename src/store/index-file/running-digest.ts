import { createHash, type Hash } from 'node:crypto'
import { DIGEST_SIZE } from './index-header.ts'

const TUPLE_SIZE = 21
const BATCH = 512

export const FIRST_DIGEST: Buffer = Buffer.alloc(DIGEST_SIZE)

/**
 * A chain over all records: at each checkpoint SHA-256 of the digest before and, for each record
 * since, u64 sequence, u64 epoch, u8 tag, u32 CRC (little-endian). Two logs with equal digests at a
 * sequence have equal records up to it, also when the bytes of some are gone.
 */
export class RunningDigest {
  #hash: Hash
  readonly #batch = Buffer.alloc(TUPLE_SIZE * BATCH)
  #size = 0

  constructor(digest: Buffer) {
    this.#hash = createHash('sha256').update(digest)
  }

  add(sequence: number, epoch: number, tag: number, crc: number): void {
    const at = this.#size
    this.#batch.writeBigUInt64LE(BigInt(sequence), at)
    this.#batch.writeBigUInt64LE(BigInt(epoch), at + 8)
    this.#batch[at + 16] = tag
    this.#batch.writeUInt32LE(crc, at + 17)
    this.#size += TUPLE_SIZE
    if (this.#size === this.#batch.length) this.#empty()
  }

  /** The digest here, without starting anew. */
  peek(): Buffer {
    this.#empty()
    return this.#hash.copy().digest()
  }

  /** Goes on from this digest. */
  restart(digest: Buffer): void {
    this.#hash = createHash('sha256').update(digest)
    this.#size = 0
  }

  #empty(): void {
    this.#hash.update(this.#batch.subarray(0, this.#size))
    this.#size = 0
  }
}
