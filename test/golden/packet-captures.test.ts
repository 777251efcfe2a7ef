import { describe, expect, test } from 'vitest'
import {
  type ChecksumAlgorithm,
  checksumMatches,
  decodeFormatDescription,
  decodeHeartbeat,
  decodeRotate,
  EventFlag,
  EventType,
  encodeHeartbeat,
  encodePackets,
  encodeRotate,
  PacketReader,
  readEventHeader,
  TransactionTracker,
} from '../../src/mysql/index.ts'
import { fixture } from '../captured-files.ts'
import { listEvent, track } from './event-listing.ts'
import { expectGolden } from './golden-file.ts'

const EVENT_MARKER = 0
const SEMI_SYNC_MARKER = 0xef
const SEMI_SYNC_SIZE = 2
const PAYLOAD_SIZE_MOST = 2 ** 20

interface Sent {
  readonly sequence: number
  readonly payload: Buffer
  readonly event: Buffer
  /** of the events before it, or as the session announced it */
  readonly checksum: ChecksumAlgorithm
}

const CAPTURES = [
  ['replica-gtid-rsa.hex', 'a 9.7 replica by GTID from nothing, over a rotation'],
  ['replica-filepos.hex', 'a 9.7 replica by file and position: FORMAT_DESCRIPTION with log_pos 0'],
  ['replica-semisync.hex', 'a 9.7 replica that acknowledges, with a skipped run before its start'],
  ['mysqlbinlog-gtid.hex', 'mysqlbinlog by GTID, which announces no checksum'],
  ['mysqlbinlog-nongtid.hex', 'mysqlbinlog by file and position'],
  ['mariadb-replica-mysql-source.hex', 'a MariaDB replica of a MySQL source'],
  ['mariadb-replica-mariadb-source.hex', 'a MariaDB replica of a MariaDB source'],
] as const

describe.each(CAPTURES)('%s: %s', (name, prose) => {
  const dump = dumpOf(name)

  test('has its dump listed as in its golden file', () => {
    const tracker = new TransactionTracker()
    const lines = dump.map(({ sequence, event, checksum }) => {
      const line = listEvent(sequence, event, checksum)
      const ends = !name.includes('mariadb-source') && track(tracker, event, checksum) === 'ended'
      return ends ? `${line} <- transaction ends` : line
    })
    expectGolden(`${name}.txt`, prose, `dump ${name}`, `${lines.join('\n')}\n`)
  })

  test('has a right checksum on every event that has one', () => {
    for (const { event, checksum } of dump) {
      if (checksum === 'CRC32') expect(checksumMatches(event)).toBe(true)
    }
  })

  test('has its artificial ROTATEs and its heartbeats encoded again to the same bytes', () => {
    const made = dump.map((sent) => encodeAgain(sent))
    expect(made.filter((event) => event !== undefined).length).toBeGreaterThanOrEqual(1)
    for (const [index, event] of made.entries()) {
      if (event !== undefined) expect(event).toEqual(dump[index]?.event)
    }
  })

  test('has its packets framed and joined again to the same payloads', () => {
    const bytes = Buffer.concat(dump.map((sent) => encodePackets(sent.payload, sent.sequence)))
    const joined: Buffer[] = []
    const reader = new PacketReader({ limit: PAYLOAD_SIZE_MOST, firstSequence: 1 })
    for (let at = 0; at < bytes.length; at += 7) {
      reader.push(bytes.subarray(at, at + 7), (payload) => {
        joined.push(Buffer.from(payload))
        return undefined
      })
    }
    expect(joined).toEqual(dump.map(({ payload }) => payload))
  })
})

/** The packets of the capture's dump: what the source sends from its first artificial ROTATE on. */
function dumpOf(name: string): Sent[] {
  const sent: Sent[] = []
  let checksum: ChecksumAlgorithm = 'NONE'
  for (const { sequence, payload } of serverPackets(name)) {
    const event = eventOf(payload)
    if (sent.length === 0) {
      if (event === undefined || !beginsDump(event)) continue
      checksum = checksumMatches(event) ? 'CRC32' : 'NONE'
    }
    if (event === undefined) break
    const header = readEventHeader(event)
    if (header.type === EventType.FORMAT_DESCRIPTION) {
      checksum = decodeFormatDescription(event).checksum
    }
    sent.push({ sequence, payload, event, checksum })
  }
  return sent
}

function serverPackets(name: string): { sequence: number; payload: Buffer }[] {
  const lines = fixture(name).toString('latin1').split('\n')
  const fields = lines.map((line) => line.split(' ')).filter(([direction]) => direction === 'S')
  return fields.map(([, , sequence, hex]) => ({
    sequence: Number(sequence),
    payload: Buffer.from(hex ?? '', 'hex'),
  }))
}

/** The event of a packet, behind its marker and the header of semi-synchronous replication. */
function eventOf(payload: Buffer): Buffer | undefined {
  const start = payload[1] === SEMI_SYNC_MARKER ? 1 + SEMI_SYNC_SIZE : 1
  const event = payload.subarray(start)
  if (payload[0] !== EVENT_MARKER || event.length < 19) return undefined
  return event.readUInt32LE(9) === event.length ? event : undefined
}

function beginsDump(event: Buffer): boolean {
  const { type, flags } = readEventHeader(event)
  return type === EventType.ROTATE && flags === EventFlag.ARTIFICIAL
}

/** The event made anew from its decoded fields, for what a source makes up for the stream. */
function encodeAgain({ event, checksum }: Sent): Buffer | undefined {
  const header = readEventHeader(event)
  switch (header.type) {
    case EventType.ROTATE:
      return encodeRotate({ ...decodeRotate(event, checksum), ...header, checksum })
    case EventType.HEARTBEAT:
      return encodeHeartbeat({
        version: 1,
        ...decodeHeartbeat(event, checksum),
        ...header,
        checksum,
      })
    case EventType.HEARTBEAT_V2:
      return encodeHeartbeat({
        version: 2,
        ...decodeHeartbeat(event, checksum),
        ...header,
        checksum,
      })
    default:
      return undefined
  }
}
