import { assert, crc32, ProtocolError } from '../../lib/index.ts'
import { Reader, Writer } from '../../mysql/index.ts'
import { type Carried, encodeMessage, MESSAGE_KINDS } from './message-codec.ts'
import { encodeBody } from './record-body.ts'

/*
  What goes over a link once both sides have proven themselves, all integers little-endian:

    u32     size        of the payload, at most FRAME_BYTES_MAX
    u8      type        its place in FRAME_TYPES, counted from 1; a number keeps its meaning for ever
    u32     crc         CRC-32 of the 5 bytes before it and of the payload
    size    payload
    ...     of `records` only: the bodies of its records, each under the crc of its row

  Bodies lie outside the frame's size and crc: bytes are sent from where they lie, and read to where they stay.
  `alive` has no payload; `request` and `answer` are those of call-codec.ts.
*/
const FRAME_TYPES = [...MESSAGE_KINDS, 'alive', 'request', 'answer'] as const
export type FrameType = (typeof FRAME_TYPES)[number]

export const FRAME_HEADER_BYTES = 9
const CRC_AT = 5
export const FRAME_BYTES_MAX = 1024 * 1024

export function encodeFrame(type: FrameType, payload: Uint8Array): Buffer {
  assert(payload.length <= FRAME_BYTES_MAX, `a ${type} of ${payload.length} bytes is too long`)
  const start = new Writer()
    .u32(payload.length)
    .u8(FRAME_TYPES.indexOf(type) + 1)
    .finish()
  const crc = crc32(payload, crc32(start))
  return new Writer().bytes(start).u32(crc).bytes(payload).finish()
}

/** The frame of a message and the bodies behind it, to be written one after the other. */
export function encodeCarried(carried: Carried): Uint8Array[] {
  const bodies = carried.records.map(encodeBody)
  const frame = encodeFrame(carried.message.kind, encodeMessage(carried, bodies))
  return [frame, ...bodies.filter(({ length }) => length > 0)]
}

export interface FrameHeader {
  readonly type: FrameType
  readonly size: number
}

export function decodeFrameHeader(bytes: Uint8Array): FrameHeader {
  const reader = new Reader(bytes)
  const size = reader.u32()
  const code = reader.u8()
  const type = FRAME_TYPES[code - 1]
  if (type === undefined) throw new ProtocolError(`there is no frame of type ${code}`)
  if (size > FRAME_BYTES_MAX) throw new ProtocolError(`a ${type} of ${size} bytes is too long`)
  return { type, size }
}

export function requireIntact(header: Buffer, payload: Buffer): void {
  const said = new Reader(header, CRC_AT).u32()
  if (crc32(payload, crc32(header.subarray(0, CRC_AT))) === said) return
  throw new ProtocolError('a frame is not what its checksum says')
}
