import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { encodeEvent, eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import { decodeFileName } from './file-name.ts'

/*
  ROTATE, at the end of a file and, artificial, at the start of a stream and of each file in it

    19  u64  position   in the file named, 4 for its first event
    27  n    file name  up to the checksum, no NUL
*/
export interface Rotate {
  readonly position: bigint
  readonly file: string
}

export interface RotateFields extends Rotate {
  readonly serverId: number
  readonly timestamp: number
  readonly logPos: number
  readonly flags: number
  readonly checksum: ChecksumAlgorithm
}

/** @throws ProtocolError */
export function decodeRotate(event: Buffer, checksum: ChecksumAlgorithm): Rotate {
  const reader = new Reader(eventBody(event, checksum, [EventType.ROTATE]))
  const position = reader.u64()
  return { position, file: decodeFileName(reader.rest()) }
}

/** An artificial one has timestamp 0, logPos 0 and EventFlag.ARTIFICIAL. */
export function encodeRotate(fields: RotateFields): Buffer {
  return encodeEvent({
    type: EventType.ROTATE,
    timestamp: fields.timestamp,
    serverId: fields.serverId,
    logPos: fields.logPos,
    flags: fields.flags,
    body: new Writer().u64(fields.position).string(fields.file).finish(),
    checksum: fields.checksum === 'CRC32',
  })
}
