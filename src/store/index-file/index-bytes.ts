/*
  The small numbers of the index: `varint` is 7 bits a byte, least significant first, the top bit set on
  all bytes but the last; `zigzag` a signed number as varint (0, -1, 1, -2 ...); `text` and `block` a varint
  length and the bytes. Numbers are whole and at most 2^53 - 1.
*/
import { assert, crc32 } from '../../lib/index.ts'

/** From this size on the call into the native CRC-32 is cheaper than the loop. */
const NATIVE_CRC_FROM = 256

const CRC_TABLE = new Uint32Array(256).map((_, byte) => {
  let crc = byte
  for (let bit = 0; bit < 8; bit += 1) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
  return crc
})

/** CRC-32 of `bytes[from, to)`, going on from `seed`; fast for the few bytes of an entry. */
export function shortCrc32(bytes: Uint8Array, from: number, to: number, seed: number): number {
  if (to - from >= NATIVE_CRC_FROM) return crc32(bytes.subarray(from, to), seed)
  let crc = ~seed
  for (let at = from; at < to; at += 1) {
    crc = (CRC_TABLE[(crc ^ (bytes[at] ?? 0)) & 0xff] ?? 0) ^ (crc >>> 8)
  }
  return ~crc >>> 0
}

/** The bytes end before what they say they hold, or say what cannot be. Never leaves the index. */
export class BadIndexBytes extends Error {
  override readonly name = 'BadIndexBytes'
}

export class IndexWriter {
  #bytes = Buffer.allocUnsafe(256)
  #size = 0

  u8(value: number): void {
    const at = this.#take(1)
    this.#bytes[at] = value
  }

  u32(value: number): void {
    const at = this.#take(4)
    this.#bytes.writeUInt32LE(value, at)
  }

  u64(value: number): void {
    const at = this.#take(8)
    this.#bytes.writeBigUInt64LE(BigInt(value), at)
  }

  varint(value: number): void {
    assert(Number.isSafeInteger(value) && value >= 0, `${value} cannot be written as varint`)
    let rest = value
    while (rest >= 0x80) {
      this.u8((rest % 0x80) | 0x80)
      rest = Math.floor(rest / 0x80)
    }
    this.u8(rest)
  }

  zigzag(value: number): void {
    this.varint(value < 0 ? -2 * value - 1 : 2 * value)
  }

  raw(bytes: Uint8Array): void {
    const at = this.#take(bytes.length)
    this.#bytes.set(bytes, at)
  }

  block(bytes: Uint8Array): void {
    this.varint(bytes.length)
    this.raw(bytes)
  }

  text(value: string): void {
    this.block(Buffer.from(value, 'utf8'))
  }

  /**
   * Ends with the CRC-32 of everything before, going on from `seed`, and returns a copy of the
   * whole.
   */
  finish(seed: number): { bytes: Buffer; check: number } {
    const check = shortCrc32(this.#bytes, 0, this.#size, seed)
    this.u32(check)
    return { bytes: Buffer.from(this.#bytes.subarray(0, this.#size)), check }
  }

  /** CRC-32 of what was written so far, from `from` on. */
  crcFrom(from: number): number {
    return shortCrc32(this.#bytes, from, this.#size, 0)
  }

  get size(): number {
    return this.#size
  }

  /** What was written so far; valid until the next write. */
  content(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  #take(size: number): number {
    const start = this.#size
    if (start + size > this.#bytes.length) {
      const grown = Buffer.allocUnsafe(2 * (start + size))
      this.#bytes.copy(grown, 0, 0, start)
      this.#bytes = grown
    }
    this.#size += size
    return start
  }
}

export class IndexReader {
  readonly bytes: Buffer
  readonly start: number
  #at: number

  constructor(bytes: Buffer, start: number) {
    this.bytes = bytes
    this.start = start
    this.#at = start
  }

  /** offset in `bytes` of what is read next */
  get at(): number {
    return this.#at
  }

  u8(): number {
    const at = this.#take(1)
    return this.bytes[at] ?? 0
  }

  u32(): number {
    return this.bytes.readUInt32LE(this.#take(4))
  }

  u64(): number {
    const value = this.bytes.readBigUInt64LE(this.#take(8))
    if (value > BigInt(Number.MAX_SAFE_INTEGER)) throw new BadIndexBytes('number too large')
    return Number(value)
  }

  varint(): number {
    let value = 0
    let scale = 1
    for (;;) {
      const byte = this.u8()
      value += (byte & 0x7f) * scale
      if (byte < 0x80) {
        if (byte === 0 && scale > 1) throw new BadIndexBytes('varint with a needless byte')
        if (!Number.isSafeInteger(value)) throw new BadIndexBytes('number too large')
        return value
      }
      scale *= 0x80
      if (scale > 2 ** 49) throw new BadIndexBytes('varint too long')
    }
  }

  zigzag(): number {
    const value = this.varint()
    return value % 2 === 1 ? -(value + 1) / 2 : value / 2
  }

  raw(size: number): Buffer {
    const at = this.#take(size)
    return this.bytes.subarray(at, at + size)
  }

  block(sizeMax: number): Buffer {
    const size = this.varint()
    if (size > sizeMax) throw new BadIndexBytes('block too long')
    return this.raw(size)
  }

  text(sizeMax: number): string {
    return this.block(sizeMax).toString('utf8')
  }

  /** Reads the CRC-32 that `IndexWriter.finish` wrote and compares; returns it. */
  finish(seed: number): number {
    const expected = shortCrc32(this.bytes, this.start, this.#at, seed)
    if (this.u32() !== expected) throw new BadIndexBytes('wrong check')
    return expected
  }

  #take(size: number): number {
    const at = this.#at
    if (size > this.bytes.length - at) throw new BadIndexBytes('too short')
    this.#at += size
    return at
  }
}

/** What `read` returns, or undefined when the bytes are not whole or not ours. */
export function readOrNothing<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (thrown) {
    if (thrown instanceof BadIndexBytes) return undefined
    throw thrown
  }
}
