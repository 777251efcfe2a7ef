import { ProtocolError } from '../../lib/index.ts'

const FIRST_CAPACITY = 64
const LENENC_ONE_BYTE_MOST = 0xfa
const LENENC_NULL = 0xfb

/**
 * Builds a packet or event from its start, growing as needed; the counterpart of Reader. A value that
 * does not fit its field is refused with ProtocolError.
 */
export class Writer {
  #bytes = Buffer.allocUnsafe(FIRST_CAPACITY)
  #size = 0

  get size(): number {
    return this.#size
  }

  u8(value: number): this {
    this.#check(value, 0xff)
    const start = this.#grow(1)
    this.#bytes.writeUInt8(value, start)
    return this
  }

  u16(value: number): this {
    this.#check(value, 0xffff)
    const start = this.#grow(2)
    this.#bytes.writeUInt16LE(value, start)
    return this
  }

  u24(value: number): this {
    this.#check(value, 0xffffff)
    const start = this.#grow(3)
    this.#bytes.writeUIntLE(value, start, 3)
    return this
  }

  u32(value: number): this {
    this.#check(value, 0xffffffff)
    const start = this.#grow(4)
    this.#bytes.writeUInt32LE(value, start)
    return this
  }

  u64(value: bigint): this {
    if (value < 0n || value > 0xffffffffffffffffn) {
      throw new ProtocolError(`${value} does not fit a field of 64 bits`)
    }
    const start = this.#grow(8)
    this.#bytes.writeBigUInt64LE(value, start)
    return this
  }

  lenenc(value: number): this {
    this.#check(value, Number.MAX_SAFE_INTEGER)
    if (value <= LENENC_ONE_BYTE_MOST) return this.u8(value)
    if (value <= 0xffff) return this.u8(0xfc).u16(value)
    if (value <= 0xffffff) return this.u8(0xfd).u24(value)
    return this.u8(0xfe).u64(BigInt(value))
  }

  bytes(value: Uint8Array): this {
    const start = this.#grow(value.length)
    this.#bytes.set(value, start)
    return this
  }

  zeros(count: number): this {
    const start = this.#grow(count)
    this.#bytes.fill(0, start, start + count)
    return this
  }

  /** the text without a length or an end: what stands last in its packet */
  string(value: string): this {
    return this.bytes(Buffer.from(value, 'utf8'))
  }

  nulString(value: string): this {
    if (value.includes('\0')) throw new ProtocolError('a string that ends at NUL holds a NUL')
    return this.string(value).u8(0)
  }

  lenencBytes(value: Uint8Array): this {
    return this.lenenc(value.length).bytes(value)
  }

  lenencString(value: string): this {
    return this.lenencBytes(Buffer.from(value, 'utf8'))
  }

  /** one value of a text row: null is NULL */
  lenencStringOrNull(value: string | null): this {
    return value === null ? this.u8(LENENC_NULL) : this.lenencString(value)
  }

  /** what was written, as a view; the writer is not used afterwards */
  finish(): Buffer {
    return this.#bytes.subarray(0, this.#size)
  }

  #check(value: number, most: number): void {
    if (!Number.isInteger(value) || value < 0 || value > most) {
      throw new ProtocolError(`${value} does not fit a field of at most ${most}`)
    }
  }

  /** Makes room for `count` bytes and returns where they begin. */
  #grow(count: number): number {
    const start = this.#size
    const needed = start + count
    if (needed > this.#bytes.length) {
      const bigger = Buffer.allocUnsafe(Math.max(needed, this.#bytes.length * 2))
      this.#bytes.copy(bigger, 0, 0, start)
      this.#bytes = bigger
    }
    this.#size = needed
    return start
  }
}
