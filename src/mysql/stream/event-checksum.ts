import { crc32, InvariantError, ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE } from '../binlog/checksum.ts'
import { EVENT_HEADER_SIZE } from '../binlog/header.ts'

/** An event whose CRC-32 is not that of its bytes: it must not become visible, and is read again. */
export class ChecksumError extends ProtocolError {
  /** @param position of the event in the file */
  constructor(type: number, position: number) {
    super(`the checksum of the event of type ${type} at position ${position} is wrong`)
  }
}

/**
 * Compares the CRC-32 at the end of a whole event.
 * @param position of the event in the file, for the words of the error
 */
export function verifyChecksum(event: Buffer, position: number): void {
  const body = event.length - CHECKSUM_SIZE
  if (body < EVENT_HEADER_SIZE) {
    throw new ProtocolError(
      `an event of ${event.length} bytes is too short at position ${position}`,
    )
  }
  if (crc32(event.subarray(0, body)) === event.readUInt32LE(body)) return
  throw new ChecksumError(event[4] ?? 0, position)
}

/**
 * Finds the event that is not true to its checksum, in a run of whole events of which one is not.
 * @param position of the first of them in the file
 */
export function findBadChecksum(events: Buffer, position: number): never {
  let at = 0
  while (at < events.length) {
    const size = events.readUInt32LE(at + 9)
    verifyChecksum(events.subarray(at, at + size), position + at)
    at += size
  }
  throw new InvariantError(`each event from position ${position} to ${position + at} is true alone`)
}
