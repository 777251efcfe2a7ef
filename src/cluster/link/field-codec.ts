import { assert, ProtocolError, toSafeNumber } from '../../lib/index.ts'
import type { Reader, Writer } from '../../mysql/index.ts'

/*
  The fields that frames are made of, all integers little-endian:

    number   u64, at most 2^53 - 1
    text     u16 size, at most 1024, then so many bytes of UTF-8: names, ids and digests are all shorter
    block    u32 size, then so many bytes
*/
const TEXT_BYTES_MAX = 1024

/** Strict, and a byte order mark is a character as any other, so that a text is what its bytes say. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

export function writeNumber(writer: Writer, value: number): void {
  writer.u64(BigInt(value))
}

export function readNumber(reader: Reader, what: string): number {
  return toSafeNumber(reader.u64(), what)
}

export function writeText(writer: Writer, value: string): void {
  const bytes = Buffer.from(value, 'utf8')
  assert(bytes.length <= TEXT_BYTES_MAX, `a text of ${bytes.length} bytes does not fit its field`)
  writer.u16(bytes.length).bytes(bytes)
}

export function readText(reader: Reader, what: string): string {
  const size = reader.u16()
  if (size > TEXT_BYTES_MAX) throw new ProtocolError(`${what} of ${size} bytes is too long`)
  const bytes = reader.bytes(size)
  try {
    return utf8.decode(bytes)
  } catch {
    throw new ProtocolError(`${what} is no UTF-8`)
  }
}

export function writeOptionalText(writer: Writer, value: string | undefined): void {
  writer.u8(value === undefined ? 0 : 1)
  if (value !== undefined) writeText(writer, value)
}

export function readOptionalText(reader: Reader, what: string): string | undefined {
  return readFlag(reader, what) ? readText(reader, what) : undefined
}

export function writeBlock(writer: Writer, value: Uint8Array): void {
  writer.u32(value.length).bytes(value)
}

/** as a view */
export function readBlock(reader: Reader): Buffer {
  return reader.bytes(reader.u32())
}

export function readFlag(reader: Reader, what: string): boolean {
  const flag = reader.u8()
  if (flag > 1) throw new ProtocolError(`${what} begins with ${flag}, which is neither 0 nor 1`)
  return flag === 1
}

/** The name that a byte stands for in a closed list, of which 0 is none. */
export function readName<T extends string>(reader: Reader, names: readonly T[], what: string): T {
  const code = reader.u8()
  const name = names[code - 1]
  if (name === undefined) throw new ProtocolError(`there is no ${what} ${code}`)
  return name
}

export function writeName<T extends string>(writer: Writer, names: readonly T[], name: T): void {
  writer.u8(names.indexOf(name) + 1)
}

/** Nothing may follow what was read: a frame says no more than its type has fields for. */
export function requireEnd(reader: Reader, what: string): void {
  if (reader.remaining === 0) return
  throw new ProtocolError(`${reader.remaining} bytes follow the last field of ${what}`)
}
