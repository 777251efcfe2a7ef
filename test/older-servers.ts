import { restamp } from '../src/mysql/binlog/checksum.ts'
import {
  decodeFormatDescription,
  decodePreviousGtids,
  EventType,
  encodeEvent,
  encodePreviousGtids,
  GtidSet,
  isGtidEvent,
  readEventHeader,
} from '../src/mysql/index.ts'
import { eventsOf, fixture } from './captured-files.ts'

/*
  Binlog files as MySQL 8.0 and 8.4 write them, which cannot be run here: captured events of 9.7, none of which is
  newer than 8.0, behind the FORMAT_DESCRIPTION of the older server, with its version in their GTID events and at the
  positions that follow from that. What a FORMAT_DESCRIPTION of 8.0.17, 8.0.26 and 8.0.40 says of the types of events
  was read in the public test data of foreign clients, files of those servers; 8.4 has one type more, as 8.3 and later.
*/
export interface OlderServer {
  readonly version: string
  /** as GTID events have it */
  readonly versionNumber: number
  /** post-header lengths, in hexadecimal */
  readonly types: string
  /** statements of the source's words that it does not know yet, or no longer */
  readonly unknown: RegExp
}

const TYPES_UP_TO_39 =
  '000d0008000000000400040000006000041a08000000080808020000000a0a0a2a2a001234000a'

export const OLDER_SERVERS: readonly OlderServer[] = [
  {
    version: '8.0.17',
    versionNumber: 80017,
    types: TYPES_UP_TO_39,
    unknown: /SHOW BINARY LOG STATUS|SHOW REPLICAS|SHOW REPLICA STATUS/i,
  },
  {
    version: '8.0.26',
    versionNumber: 80026,
    types: `${TYPES_UP_TO_39.replace('0060', '0061')}28`,
    unknown: /SHOW BINARY LOG STATUS/i,
  },
  {
    version: '8.0.40',
    versionNumber: 80040,
    types: `${TYPES_UP_TO_39.replace('0060', '0062')}2800`,
    unknown: /SHOW BINARY LOG STATUS/i,
  },
  {
    version: '8.4.3',
    versionNumber: 80403,
    types: `${TYPES_UP_TO_39.replace('0060', '0063')}280000`,
    unknown: /SHOW (?:MASTER|SLAVE) /i,
  },
]

export interface NamedFile {
  readonly name: string
  readonly bytes: Buffer
}

/** Two consecutive files of that server; PREVIOUS_GTIDS of the first one names two transactions. */
export function filesOf(server: OlderServer): readonly [NamedFile, NamedFile] {
  const first = writtenBy(server, fixture('plain.000002'), undefined)
  const held = GtidSet.parse('90b578d4-e6e1-11f1-82c0-02fc00000001:1-6')
  const second = writtenBy(server, fixture('ddl-xa.000005'), held)
  // Its ROTATE names a file that there is not.
  const rotate = eventsOf(second).at(-1)
  return [
    { name: 'mysql-bin.000002', bytes: first },
    { name: 'mysql-bin.000003', bytes: second.subarray(0, -(rotate?.length ?? 0)) },
  ]
}

/** @param previous what stands in PREVIOUS_GTIDS instead */
function writtenBy(server: OlderServer, file: Buffer, previous: GtidSet | undefined): Buffer {
  const parts = [file.subarray(0, 4)]
  let position = 4
  for (const event of eventsOf(file)) {
    const made = madeBy(server, event, previous)
    position += made.length
    made.writeUInt32LE(position, 13)
    restamp(made)
    parts.push(made)
  }
  return Buffer.concat(parts)
}

function madeBy(server: OlderServer, event: Buffer, previous: GtidSet | undefined): Buffer {
  const header = readEventHeader(event)
  if (header.type === EventType.FORMAT_DESCRIPTION) return descriptionOf(server, event)
  if (header.type === EventType.PREVIOUS_GTIDS) {
    const set = previous ?? decodePreviousGtids(event, 'CRC32')
    return encodePreviousGtids(set, { ...header, checksum: 'CRC32' })
  }
  const copy = Buffer.from(event)
  // The last field of an event without a tag: the version of the server.
  if (isGtidEvent(header.type)) copy.writeUInt32LE(server.versionNumber, copy.length - 8)
  return copy
}

function descriptionOf({ version, types }: OlderServer, event: Buffer): Buffer {
  const { binlogVersion, created, headerLength } = decodeFormatDescription(event)
  const body = Buffer.alloc(57)
  body.writeUInt16LE(binlogVersion, 0)
  body.write(version, 2, 'latin1')
  body.writeUInt32LE(created, 52)
  body.writeUInt8(headerLength, 56)
  const crc32 = Buffer.of(1)
  return encodeEvent({
    ...readEventHeader(event),
    body: Buffer.concat([body, Buffer.from(types, 'hex'), crc32]),
    checksum: true,
  })
}
