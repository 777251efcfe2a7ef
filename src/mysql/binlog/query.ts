import { ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from './checksum.ts'
import { readEventHeader } from './header.ts'

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
  const eventEnd = endOfText(eventSize, checksum)
  if (eventPrefix.length < STATUS_OFFSET) return undefined
  const start = startOfText(eventPrefix, eventEnd)
  const end = Math.min(start + TEXT_CHARACTERS_MOST, eventEnd)
  if (eventPrefix.length < end) return undefined
  return eventPrefix.toString('latin1', start, end)
}

export interface QueryHead {
  readonly database: string
  /** as much of the text as was wanted and is in the prefix */
  readonly text: string
  readonly isWhole: boolean
}

/**
 * The database and the beginning of the text, for people to read.
 * @param event its header and first bytes
 * @param textBytesMost how much of the text is wanted
 * @throws ProtocolError when they end before the text
 */
export function decodeQueryHead(
  event: Buffer,
  checksum: ChecksumAlgorithm,
  textBytesMost: number,
): QueryHead {
  const eventEnd = endOfText(readEventHeader(event).size, checksum)
  if (event.length < STATUS_OFFSET) throw new ProtocolError('a QUERY ends in its fixed fields')
  const start = startOfText(event, eventEnd)
  const databaseStart = start - 1 - event.readUInt8(DATABASE_SIZE_OFFSET)
  const end = Math.min(start + textBytesMost, eventEnd, event.length)
  return {
    database: event.toString('utf8', databaseStart, start - 1),
    text: event.toString('utf8', start, end),
    isWhole: end === eventEnd,
  }
}

function endOfText(eventSize: number, checksum: ChecksumAlgorithm): number {
  const end = checksum === 'NONE' ? eventSize : eventSize - CHECKSUM_SIZE
  if (end < STATUS_OFFSET) {
    throw new ProtocolError(`a QUERY of ${eventSize} bytes is shorter than its fixed fields`)
  }
  return end
}

function startOfText(event: Buffer, end: number): number {
  const databaseSize = event.readUInt8(DATABASE_SIZE_OFFSET)
  const start = STATUS_OFFSET + event.readUInt16LE(STATUS_SIZE_OFFSET) + databaseSize + 1
  if (start > end) {
    throw new ProtocolError(`a QUERY's text at offset ${start} is beyond its end ${end}`)
  }
  return start
}
