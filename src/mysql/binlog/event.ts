import { ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm, restamp } from './checksum.ts'
import { eventTypeName } from './event-type.ts'
import { EVENT_HEADER_SIZE, readEventHeader } from './header.ts'

export interface EventFields {
  readonly type: number
  readonly timestamp: number
  readonly serverId: number
  /** kept modulo 2^32, as MySQL does in files beyond 4 GiB */
  readonly logPos: number
  readonly flags: number
  readonly body: Uint8Array
  readonly checksum: boolean
}

/** Header, body, and the CRC-32 when wanted. */
export function encodeEvent(fields: EventFields): Buffer {
  const size = EVENT_HEADER_SIZE + fields.body.length + (fields.checksum ? CHECKSUM_SIZE : 0)
  const event = Buffer.alloc(size)
  event.writeUInt32LE(fields.timestamp, 0)
  event.writeUInt8(fields.type, 4)
  event.writeUInt32LE(fields.serverId, 5)
  event.writeUInt32LE(size, 9)
  event.writeUInt32LE(fields.logPos % 2 ** 32, 13)
  event.writeUInt16LE(fields.flags, 17)
  event.set(fields.body, EVENT_HEADER_SIZE)
  if (fields.checksum) restamp(event)
  return event
}

/**
 * What lies between header and checksum, as a view of a whole event; the checksum is not verified.
 * @param types the type codes of which the event must be one
 * @throws ProtocolError when the event is of another type, or its size is not that of `event`
 */
export function eventBody(
  event: Buffer,
  checksum: ChecksumAlgorithm,
  types: readonly number[],
): Buffer {
  return event.subarray(EVENT_HEADER_SIZE, eventBodyEnd(event, checksum, types))
}

/** Where the view that eventBody gives ends in the event, after the same checks. */
export function eventBodyEnd(
  event: Buffer,
  checksum: ChecksumAlgorithm,
  types: readonly number[],
): number {
  const { type, size } = readEventHeader(event)
  if (!types.includes(type)) {
    const wanted = types.map(eventTypeName).join(' or ')
    throw new ProtocolError(`event type ${type} is not ${wanted}`)
  }
  if (size !== event.length) {
    throw new ProtocolError(`event says ${size} bytes but has ${event.length}`)
  }
  const end = checksum === 'NONE' ? size : size - CHECKSUM_SIZE
  if (end < EVENT_HEADER_SIZE) {
    throw new ProtocolError(`an event of ${size} bytes has no room for a checksum`)
  }
  return end
}
