/*
  Looks at zstd data before it is decompressed, for what decides how much memory that takes: each frame's
  header names a window, and whoever decompresses must hold so many bytes. Blocks are passed by their sizes.

    frame     28 b5 2f fd | descriptor | [window] | [dictionary] | [content size] | blocks | [checksum]
    block     u24: bit 0 last, bits 1-2 type (1: one byte, repeated), the rest the size | bytes
    skipped   5? 2a 4d 18 | u32 size | bytes
*/
import { formatBytes, ProtocolError } from '../lib/index.ts'

/**
 * The largest window that is opened, 128 MiB: what MySQL's highest level of compression (22) takes.
 * fzstd holds the window once, and a block of 2 MiB at most beside it.
 */
const WINDOW_BYTES_MAX = 2 ** 27

const FRAME_MAGIC = 0xfd2fb528
const SKIPPED_MAGIC = 0x184d2a50
const PREFIX_SIZE = 5
const BLOCK_REPEATED = 1
const BLOCK_RESERVED = 3

export class ZstdGuard {
  /** bytes of a header that is not whole yet */
  #head = Buffer.alloc(0)
  #needed = PREFIX_SIZE
  #inFrame = false
  #hasChecksum = false
  /** bytes that are nothing to look at */
  #skip = 0

  /** @throws ProtocolError when a window is larger than the bound, or this is no zstd data */
  take(bytes: Buffer): void {
    for (let at = 0; at < bytes.length; ) {
      const step = Math.min(
        this.#skip > 0 ? this.#skip : this.#needed - this.#head.length,
        bytes.length - at,
      )
      const part = bytes.subarray(at, at + step)
      at += step
      if (this.#skip > 0) {
        this.#skip -= step
        continue
      }
      this.#head = Buffer.concat([this.#head, part])
      if (this.#head.length === this.#needed) this.#passHead()
    }
  }

  #passHead(): void {
    const head = this.#head
    const longer = this.#inFrame ? this.#block(head) : this.#frame(head)
    if (longer > head.length) {
      this.#needed = longer
      return
    }
    this.#head = Buffer.alloc(0)
    this.#needed = this.#inFrame ? 3 : PREFIX_SIZE
  }

  /** Returns how long the head is. */
  #frame(head: Buffer): number {
    const magic = head.readUInt32LE(0)
    if ((magic & 0xfffffff0) >>> 0 === SKIPPED_MAGIC) {
      if (head.length < 8) return 8
      this.#skip = head.readUInt32LE(4)
      return 8
    }
    if (magic !== FRAME_MAGIC) throw new ProtocolError('no zstd frame begins there')
    const descriptor = head.readUInt8(4)
    const isSingle = (descriptor & 0x20) !== 0
    const dictionarySize = [0, 1, 2, 4][descriptor & 3] ?? 0
    const contentSize = [isSingle ? 1 : 0, 2, 4, 8][descriptor >> 6] ?? 0
    const contentAt = PREFIX_SIZE + (isSingle ? 0 : 1) + dictionarySize
    const size = contentAt + contentSize
    if (head.length < size) return size
    const window = isSingle ? contentOf(head, contentAt, contentSize) : windowOf(head.readUInt8(5))
    if (window > WINDOW_BYTES_MAX) {
      const most = formatBytes(WINDOW_BYTES_MAX)
      throw new ProtocolError(
        `it wants a window of ${formatBytes(window)}, and ${most} are the most`,
      )
    }
    this.#inFrame = true
    this.#hasChecksum = (descriptor & 0x04) !== 0
    return size
  }

  #block(head: Buffer): number {
    const field = head.readUIntLE(0, 3)
    const type = (field >> 1) & 3
    if (type === BLOCK_RESERVED) throw new ProtocolError('a zstd block has a type that none has')
    this.#skip = type === BLOCK_REPEATED ? 1 : field >> 3
    if ((field & 1) === 1) {
      this.#inFrame = false
      this.#skip += this.#hasChecksum ? 4 : 0
    }
    return 3
  }
}

function windowOf(descriptor: number): number {
  const base = 2 ** (10 + (descriptor >> 3))
  return base + (base / 8) * (descriptor & 7)
}

function contentOf(head: Buffer, at: number, size: number): number {
  if (size === 8) return Number(head.readBigUInt64LE(at))
  return head.readUIntLE(at, size) + (size === 2 ? 256 : 0)
}
