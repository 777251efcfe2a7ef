import { crc32 as crcOfSmall } from 'node:zlib'
import { crc32, ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE } from '../binlog/checksum.ts'
import { EVENT_HEADER_SIZE } from '../binlog/header.ts'

/** Below this size zlib's CRC-32 costs less per call than the native module's. */
const SMALL_CRC_BYTES = 256

/** An event whose CRC-32 is not that of its bytes: it must not become visible, and is read again. */
export class ChecksumError extends ProtocolError {
  /** @param position of the event in the file */
  constructor(type: number, position: number) {
    super(`the checksum of the event of type ${type} at position ${position} is wrong`)
  }
}

/**
 * Compares the CRC-32 at the end of the event of `size` bytes that lies at `at`.
 * @param position of the event in the file, for the words of the error
 */
export function verifyChecksum(input: Buffer, at: number, size: number, position: number): void {
  const body = size - CHECKSUM_SIZE
  if (body < EVENT_HEADER_SIZE) {
    throw new ProtocolError(`an event of ${size} bytes is too short at position ${position}`)
  }
  const part = input.subarray(at, at + body)
  const crc = body < SMALL_CRC_BYTES ? crcOfSmall(part) : crc32(part)
  if (crc !== input.readUInt32LE(at + body)) throw new ChecksumError(input[at + 4] ?? 0, position)
}
