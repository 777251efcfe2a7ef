import { ProtocolError } from '../../lib/index.ts'

/*
  Header of every event, all integers little-endian

    0   u32  timestamp   seconds since 1970; 0 in artificial events and heartbeats
    4   u8   type        EventType
    5   u32  server_id   of the server where the transaction was first committed
    9   u32  size        of the event with this header and the checksum
    13  u32  log_pos     end of the event in its first file, modulo 2^32; 0 when artificial
    17  u16  flags       EventFlag
*/
export const EVENT_HEADER_SIZE = 19

/** The four bytes fe 'bin' before the first event of every binlog file. */
export const BINLOG_MAGIC: Buffer = Buffer.from('fe62696e', 'hex')

/** Position of a file's first event. */
export const FIRST_EVENT_POSITION = 4

export const EventFlag = {
  /** on a FORMAT_DESCRIPTION on disk only: the file was not closed */
  BINLOG_IN_USE: 0x0001,
  THREAD_SPECIFIC: 0x0004,
  SUPPRESS_USE: 0x0008,
  /** made for the stream, in no file */
  ARTIFICIAL: 0x0020,
  RELAY_LOG: 0x0040,
  /** a reader that does not know the type may skip the event */
  IGNORABLE: 0x0080,
  NO_FILTER: 0x0100,
  MTS_ISOLATE: 0x0200,
} as const

export interface EventHeader {
  readonly timestamp: number
  readonly type: number
  readonly serverId: number
  readonly size: number
  readonly logPos: number
  readonly flags: number
}

/**
 * Reads the header at `offset`; the event's other bytes need not be there.
 * @throws ProtocolError when fewer than 19 bytes are there, or the size is less than that
 */
export function readEventHeader(bytes: Uint8Array, offset = 0): EventHeader {
  if (bytes.length - offset < EVENT_HEADER_SIZE) {
    throw new ProtocolError(
      `an event header needs ${EVENT_HEADER_SIZE} bytes at offset ${offset} of ${bytes.length}`,
    )
  }
  const view = bufferOver(bytes)
  const size = view.readUInt32LE(offset + 9)
  if (size < EVENT_HEADER_SIZE) {
    throw new ProtocolError(
      `event size ${size} is less than the ${EVENT_HEADER_SIZE} of its header`,
    )
  }
  return {
    timestamp: view.readUInt32LE(offset),
    type: view.readUInt8(offset + 4),
    serverId: view.readUInt32LE(offset + 5),
    size,
    logPos: view.readUInt32LE(offset + 13),
    flags: view.readUInt16LE(offset + 17),
  }
}

function bufferOver(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes)
    ? bytes
    : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
}
