import { ProtocolError, toSafeNumber } from '../../lib/index.ts'

/*
  Length-encoded integers (lenenc), by their first byte:

    00..fa  the value itself
    fb      NULL, only in a row of a result set
    fc      u16 follows
    fd      u24 follows
    fe      u64 follows
    ff      not used
*/
const LENENC_NULL = 0xfb
const LENENC_U16 = 0xfc
const LENENC_U24 = 0xfd
const LENENC_U64 = 0xfe

/**
 * Reads a packet or event from its start; all integers are little-endian. Whatever is not there is
 * refused with ProtocolError, so that callers never test lengths. Byte strings are views, not copies.
 */
export class Reader {
  readonly #bytes: Buffer
  #offset: number

  constructor(bytes: Uint8Array, offset = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
    this.#offset = offset
  }

  /** where the next byte will be read */
  get offset(): number {
    return this.#offset
  }

  get remaining(): number {
    return this.#bytes.length - this.#offset
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1))
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2))
  }

  u24(): number {
    return this.#bytes.readUIntLE(this.#take(3), 3)
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4))
  }

  u64(): bigint {
    return this.#bytes.readBigUInt64LE(this.#take(8))
  }

  /** A length-encoded integer up to 2^53 - 1; NULL and the unused marker are refused. */
  lenenc(): number {
    const first = this.u8()
    if (first < LENENC_NULL) return first
    if (first === LENENC_U16) return this.u16()
    if (first === LENENC_U24) return this.u24()
    if (first === LENENC_U64) return toSafeNumber(this.u64(), 'length-encoded integer')
    throw new ProtocolError(
      `byte ${first} at offset ${this.#offset - 1} does not begin a length-encoded integer`,
    )
  }

  /** the next `size` bytes, as a view */
  bytes(size: number): Buffer {
    const start = this.#take(size)
    return this.#bytes.subarray(start, start + size)
  }

  skip(size: number): void {
    this.#take(size)
  }

  /** all that is left, as a view */
  rest(): Buffer {
    return this.bytes(this.remaining)
  }

  /** bytes up to the next NUL, which is read too and left out */
  nulBytes(): Buffer {
    const end = this.#bytes.indexOf(0, this.#offset)
    if (end < 0) throw new ProtocolError(`no NUL ends the string at offset ${this.#offset}`)
    const found = this.bytes(end - this.#offset)
    this.skip(1)
    return found
  }

  nulString(): string {
    return this.nulBytes().toString('utf8')
  }

  lenencBytes(): Buffer {
    return this.bytes(this.lenenc())
  }

  lenencString(): string {
    return this.lenencBytes().toString('utf8')
  }

  /** one value of a text row: NULL is null */
  lenencStringOrNull(): string | null {
    if (this.remaining > 0 && this.#bytes[this.#offset] === LENENC_NULL) {
      this.skip(1)
      return null
    }
    return this.lenencString()
  }

  #take(size: number): number {
    const start = this.#offset
    if (size < 0 || size > this.#bytes.length - start) {
      throw new ProtocolError(`need ${size} bytes at offset ${start} of ${this.#bytes.length}`)
    }
    this.#offset = start + size
    return start
  }
}
