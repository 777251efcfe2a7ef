import { toSafeNumber } from '../../lib/index.ts'
import type { Reader } from '../wire/reader.ts'
import type { Writer } from '../wire/writer.ts'

/*
  Integers of mysql::serialization. The number of lowest bits that are 1 in the first byte is the
  number of bytes that follow it; the value stands above those bits and one 0:

    xxxxxxx0                      7 bits
    xxxxxx01 xxxxxxxx            14 bits
    ...
    01111111 + 7 bytes           56 bits
    11111111 + 8 bytes           64 bits

  A signed value v is stored as the unsigned 2v, or as -2v - 1 when v is negative.
*/
const ONE_BYTE_BITS = 7
const MORE_BYTES_MOST = 8

/** @throws ProtocolError */
export function readVarint(reader: Reader): bigint {
  return readAfter(reader, reader.u8())
}

/** One that fits a number; without bigints where one or two bytes hold it, as nearly always. */
export function readVarintNumber(reader: Reader, what: string): number {
  const first = reader.u8()
  if ((first & 1) === 0) return first >> 1
  if ((first & 2) === 0) return (first | (reader.u8() << 8)) >> 2
  return toSafeNumber(readAfter(reader, first), what)
}

function readAfter(reader: Reader, first: number): bigint {
  const more = trailingOnes(first)
  if (more === MORE_BYTES_MOST) return reader.u64()
  let value = BigInt(first)
  const bytes = reader.bytes(more)
  for (let index = 0; index < more; index += 1) {
    value |= BigInt(bytes.readUInt8(index)) << BigInt(8 * (index + 1))
  }
  return value >> BigInt(more + 1)
}

/** @throws ProtocolError */
export function readSignedVarint(reader: Reader): bigint {
  const stored = readVarint(reader)
  return (stored & 1n) === 0n ? stored >> 1n : -(stored >> 1n) - 1n
}

/** Writes the shortest form of `value`, which is 0 to 2^64 - 1. */
export function writeVarint(writer: Writer, value: bigint): void {
  let more = 0
  while (more < MORE_BYTES_MOST && value >> BigInt((more + 1) * ONE_BYTE_BITS) !== 0n) more += 1
  if (more === MORE_BYTES_MOST) {
    writer.u8(0xff).u64(value)
    return
  }
  let stored = (value << BigInt(more + 1)) | ((1n << BigInt(more)) - 1n)
  for (let index = 0; index <= more; index += 1) {
    writer.u8(Number(stored & 0xffn))
    stored >>= 8n
  }
}

export function writeSignedVarint(writer: Writer, value: bigint): void {
  writeVarint(writer, value >= 0n ? value << 1n : (-value << 1n) - 1n)
}

function trailingOnes(byte: number): number {
  let count = 0
  while (count < 8 && (byte & (1 << count)) !== 0) count += 1
  return count
}
