import { crc32, ProtocolError } from '../../lib/index.ts'
import { EventType } from './event-type.ts'
import { EVENT_HEADER_SIZE, EventFlag } from './header.ts'

/**
 * What a FORMAT_DESCRIPTION says about the events after it; it has a checksum itself in any case.
 */
export type ChecksumAlgorithm = 'NONE' | 'CRC32'

/** Size of the CRC-32 at the end of an event. */
export const CHECKSUM_SIZE = 4

const TYPE_OFFSET = 4
const FLAGS_OFFSET = 17

/**
 * Whether the last four bytes are the CRC-32 of all before them.
 * @throws ProtocolError when the event is too short to have one
 */
export function checksumMatches(event: Buffer): boolean {
  return event.readUInt32LE(checksumOffset(event)) === computeChecksum(event)
}

/**
 * Writes the CRC-32 of what stands before the last four bytes into them.
 * @throws ProtocolError when the event is too short to have one
 */
export function restamp(event: Buffer): void {
  event.writeUInt32LE(computeChecksum(event), checksumOffset(event))
}

function checksumOffset(event: Buffer): number {
  if (event.length < EVENT_HEADER_SIZE + CHECKSUM_SIZE) {
    throw new ProtocolError(`an event of ${event.length} bytes has no room for a checksum`)
  }
  return event.length - CHECKSUM_SIZE
}

// The server sets and clears IN_USE in place and leaves the checksum, which counts the flag as 0.
function computeChecksum(event: Buffer): number {
  const end = checksumOffset(event)
  const flags = event.readUInt16LE(FLAGS_OFFSET)
  const inUse =
    event[TYPE_OFFSET] === EventType.FORMAT_DESCRIPTION && (flags & EventFlag.BINLOG_IN_USE) !== 0
  if (!inUse) return crc32(event.subarray(0, end))
  const header = Buffer.from(event.subarray(0, EVENT_HEADER_SIZE))
  header.writeUInt16LE(flags & ~EventFlag.BINLOG_IN_USE, FLAGS_OFFSET)
  return crc32(event.subarray(EVENT_HEADER_SIZE, end), crc32(header))
}
