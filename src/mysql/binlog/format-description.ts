import { ProtocolError } from '../../lib/index.ts'
import type { Flavor } from '../gtid/gtid.ts'
import { Reader } from '../wire/reader.ts'
import { type ChecksumAlgorithm, restamp } from './checksum.ts'
import { eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import { EVENT_HEADER_SIZE, EventFlag } from './header.ts'

/*
  FORMAT_DESCRIPTION, the first event of every file

    19  u16  binlog version       4
    21  50   server version       text, filled up with NUL
    71  u32  created              seconds since 1970 in a server's first file, 0 in the next ones
    75  u8   header length        19
    76  n    post-header lengths  one byte for each event type from 1 on
        u8   checksum             of the events that follow: 0 none, 1 CRC32
        u32  CRC-32               always there; computed as if the flag IN_USE were 0
*/
const BINLOG_VERSION = 4
const SERVER_VERSION_SIZE = 50
const CREATED_OFFSET = 71
const LOG_POS_OFFSET = 13
const FLAGS_OFFSET = 17
const ALGORITHM_SIZE = 1

export interface FormatDescription {
  readonly binlogVersion: number
  readonly serverVersion: string
  readonly created: number
  readonly headerLength: number
  readonly checksum: ChecksumAlgorithm
  readonly flavor: Flavor
  /** index = type code - 1; a copy */
  readonly postHeaderLengths: Buffer
}

/** Fields to change; those left out stay. */
export interface FormatDescriptionChanges {
  readonly logPos?: number
  readonly created?: number
  readonly inUse?: boolean
}

/**
 * @throws ProtocolError also when the version, the header length or the checksum is one nobody
 * writes now
 */
export function decodeFormatDescription(event: Buffer): FormatDescription {
  const reader = new Reader(eventBody(event, 'CRC32', [EventType.FORMAT_DESCRIPTION]))
  const binlogVersion = reader.u16()
  if (binlogVersion !== BINLOG_VERSION) {
    throw new ProtocolError(`binlog version ${binlogVersion} is not ${BINLOG_VERSION}`)
  }
  const serverVersion = textBeforeNul(reader.bytes(SERVER_VERSION_SIZE))
  const created = reader.u32()
  const headerLength = reader.u8()
  if (headerLength !== EVENT_HEADER_SIZE) {
    throw new ProtocolError(`event header length ${headerLength} is not ${EVENT_HEADER_SIZE}`)
  }
  const typeCount = Math.max(0, reader.remaining - ALGORITHM_SIZE)
  const postHeaderLengths = Buffer.from(reader.bytes(typeCount))
  const checksum = algorithmOf(reader.u8())
  // The version may be any text; which events there are is what the server can write.
  const flavor = typeCount < EventType.MARIADB_GTID_LIST ? 'mysql' : 'mariadb'
  return {
    binlogVersion,
    serverVersion,
    created,
    headerLength,
    checksum,
    flavor,
    postHeaderLengths,
  }
}

/**
 * A copy with fields changed and the right checksum.
 * @throws ProtocolError when the event is no FORMAT_DESCRIPTION that decodeFormatDescription takes
 */
export function rewriteFormatDescription(event: Buffer, changes: FormatDescriptionChanges): Buffer {
  decodeFormatDescription(event)
  const copy = Buffer.from(event)
  if (changes.logPos !== undefined) copy.writeUInt32LE(changes.logPos, LOG_POS_OFFSET)
  if (changes.created !== undefined) copy.writeUInt32LE(changes.created, CREATED_OFFSET)
  if (changes.inUse !== undefined) {
    const flags = copy.readUInt16LE(FLAGS_OFFSET) & ~EventFlag.BINLOG_IN_USE
    copy.writeUInt16LE(changes.inUse ? flags | EventFlag.BINLOG_IN_USE : flags, FLAGS_OFFSET)
  }
  restamp(copy)
  return copy
}

function textBeforeNul(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return bytes.toString('latin1', 0, end < 0 ? bytes.length : end)
}

function algorithmOf(code: number): ChecksumAlgorithm {
  if (code === 0) return 'NONE'
  if (code === 1) return 'CRC32'
  throw new ProtocolError(`checksum algorithm ${code} is neither 0 (none) nor 1 (CRC32)`)
}
