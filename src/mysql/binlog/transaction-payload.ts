import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from './checksum.ts'
import { EventType } from './event-type.ts'
import { EVENT_HEADER_SIZE, readEventHeader } from './header.ts'

/*
  TRANSACTION_PAYLOAD, a whole transaction compressed, after its GTID event

    19  fields: lenenc id, lenenc size, value, which is a lenenc
          1 size of the payload
          2 compression: 0 ZSTD, 255 none
          3 size of the events before compression
          0 end, without size; other ids are skipped
        payload up to the checksum
*/
const FIELD_END = 0
const FIELD_PAYLOAD_SIZE = 1
const FIELD_COMPRESSION = 2
const FIELD_UNCOMPRESSED_SIZE = 3
const COMPRESSION_ZSTD = 0
const COMPRESSION_NONE = 255

export interface TransactionPayloadHeader {
  /** a number when nobody knows its name here */
  readonly compression: 'ZSTD' | 'NONE' | number
  readonly uncompressedSize: number
  /** offset in the event */
  readonly payloadOffset: number
  readonly payloadSize: number
}

/**
 * @param event its first bytes: the payload need not be there
 * @throws ProtocolError when fields are missing, or the payload does not fill the event
 */
export function decodeTransactionPayloadHeader(
  event: Buffer,
  checksum: ChecksumAlgorithm,
): TransactionPayloadHeader {
  const { type, size } = readEventHeader(event)
  if (type !== EventType.TRANSACTION_PAYLOAD) throw new ProtocolError(`event type ${type} is none`)
  const end = checksum === 'NONE' ? size : size - CHECKSUM_SIZE
  const reader = new Reader(event.subarray(0, end), EVENT_HEADER_SIZE)
  const fields = new Map<number, number>()
  for (let id = reader.lenenc(); id !== FIELD_END; id = reader.lenenc()) {
    const value = reader.lenencBytes()
    if (id <= FIELD_UNCOMPRESSED_SIZE) fields.set(id, new Reader(value).lenenc())
  }
  const payloadSize = wanted(fields, FIELD_PAYLOAD_SIZE)
  const rest = end - reader.offset
  if (payloadSize !== rest) {
    throw new ProtocolError(`a payload of ${payloadSize} bytes in ${rest} bytes of event`)
  }
  return {
    compression: compressionOf(wanted(fields, FIELD_COMPRESSION)),
    uncompressedSize: wanted(fields, FIELD_UNCOMPRESSED_SIZE),
    payloadOffset: reader.offset,
    payloadSize,
  }
}

function compressionOf(code: number): 'ZSTD' | 'NONE' | number {
  if (code === COMPRESSION_ZSTD) return 'ZSTD'
  return code === COMPRESSION_NONE ? 'NONE' : code
}

function wanted(fields: ReadonlyMap<number, number>, id: number): number {
  const value = fields.get(id)
  if (value === undefined) throw new ProtocolError(`a transaction payload without field ${id}`)
  return value
}
