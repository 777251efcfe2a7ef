import { assert, ProtocolError, toSafeNumber } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { encodeEvent, eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import { decodeFileName } from './file-name.ts'
import { readEventHeader } from './header.ts'

/*
  A source that has nothing to send says where it stands; never in a file.

  HEARTBEAT (27)                             HEARTBEAT_V2 (41), for who asks with a dump flag
    13  u32  position, in log_pos              13  u32  position modulo 2^32, in log_pos
    19  n    file name, up to the checksum     19  fields: lenenc id, lenenc size, value
                                                     1 file name
                                                     2 position, lenenc
                                                     0 end, without size; other ids are skipped
*/
const FIELD_END = 0
const FIELD_FILE = 1
const FIELD_POSITION = 2

export interface Heartbeat {
  readonly file: string
  readonly position: bigint
}

export interface HeartbeatFields extends Heartbeat {
  readonly version: 1 | 2
  readonly serverId: number
  readonly checksum: ChecksumAlgorithm
}

/**
 * Reads either version. The position of version 1 is known modulo 2^32 only.
 * @throws ProtocolError
 */
export function decodeHeartbeat(event: Buffer, checksum: ChecksumAlgorithm): Heartbeat {
  const body = eventBody(event, checksum, [EventType.HEARTBEAT, EventType.HEARTBEAT_V2])
  const { type, logPos } = readEventHeader(event)
  if (type === EventType.HEARTBEAT_V2) return decodeFields(new Reader(body))
  return { file: decodeFileName(body), position: BigInt(logPos) }
}

/** Version 1 carries a position modulo 2^32. */
export function encodeHeartbeat(fields: HeartbeatFields): Buffer {
  const position = toSafeNumber(fields.position, 'heartbeat position')
  return encodeEvent({
    type: fields.version === 1 ? EventType.HEARTBEAT : EventType.HEARTBEAT_V2,
    timestamp: 0,
    serverId: fields.serverId,
    logPos: position,
    flags: 0,
    body:
      fields.version === 1 ? Buffer.from(fields.file, 'utf8') : encodeFields(fields.file, position),
    checksum: fields.checksum === 'CRC32',
  })
}

function encodeFields(file: string, position: number): Buffer {
  assert(file.length > 0, 'a heartbeat names a file')
  const value = new Writer().lenenc(position).finish()
  return new Writer()
    .lenenc(FIELD_FILE)
    .lenencString(file)
    .lenenc(FIELD_POSITION)
    .lenencBytes(value)
    .lenenc(FIELD_END)
    .finish()
}

function decodeFields(reader: Reader): Heartbeat {
  let file: string | undefined
  let position: bigint | undefined
  for (let id = reader.lenenc(); id !== FIELD_END; id = reader.lenenc()) {
    const value = reader.lenencBytes()
    if (id === FIELD_FILE) file = decodeFileName(value)
    if (id === FIELD_POSITION) position = decodePosition(value)
  }
  if (file === undefined || position === undefined) {
    throw new ProtocolError('a heartbeat without a file name or a position')
  }
  return { file, position }
}

function decodePosition(value: Buffer): bigint {
  const reader = new Reader(value)
  const position = BigInt(reader.lenenc())
  if (reader.remaining > 0) throw new ProtocolError('bytes follow a heartbeat position')
  return position
}
