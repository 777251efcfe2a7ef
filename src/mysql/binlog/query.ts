import { ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from './checksum.ts'

/*
  QUERY

    19  u32  thread id
    23  u32  execution time in seconds
    27  u8   size of the database name
    28  u16  error code
    30  u16  size of the status variables
    32       status variables, database name, NUL, text up to the checksum
*/
const DATABASE_SIZE_OFFSET = 27
const STATUS_SIZE_OFFSET = 30
const STATUS_OFFSET = 32
const TEXT_CHARACTERS_MOST = 32

/** So many first bytes of an event always hold what queryTextPrefix wants. */
export const QUERY_PREFIX_BYTES: number = STATUS_OFFSET + 0xffff + 0xff + 1 + TEXT_CHARACTERS_MOST

/**
 * At most 32 first characters of a QUERY's text, one for each byte: enough to tell what it does to
 * a transaction. Undefined when `eventPrefix`, the first bytes of the event, does not reach so far.
 * @param eventSize the whole event's size, as its header says it
 * @param checksum whether the last four of those bytes are a checksum, which is not text
 * @throws ProtocolError when the text would begin beyond the event
 */
export function queryTextPrefix(
  eventPrefix: Buffer,
  eventSize: number,
  checksum: ChecksumAlgorithm,
): string | undefined {
  const eventEnd = checksum === 'NONE' ? eventSize : eventSize - CHECKSUM_SIZE
  if (eventEnd < STATUS_OFFSET) {
    throw new ProtocolError(`a QUERY of ${eventSize} bytes is shorter than its fixed fields`)
  }
  if (eventPrefix.length < STATUS_OFFSET) return undefined
  const databaseSize = eventPrefix.readUInt8(DATABASE_SIZE_OFFSET)
  const statusSize = eventPrefix.readUInt16LE(STATUS_SIZE_OFFSET)
  const start = STATUS_OFFSET + statusSize + databaseSize + 1
  if (start > eventEnd) {
    throw new ProtocolError(`a QUERY's text at offset ${start} is beyond its end ${eventEnd}`)
  }
  const end = Math.min(start + TEXT_CHARACTERS_MOST, eventEnd)
  if (eventPrefix.length < end) return undefined
  return eventPrefix.toString('latin1', start, end)
}
