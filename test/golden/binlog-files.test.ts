import { describe, expect, test } from 'vitest'
import {
  BINLOG_MAGIC,
  type ChecksumAlgorithm,
  checksumMatches,
  decodeFormatDescription,
  decodeGtidEvent,
  decodePreviousGtids,
  decodeRotate,
  EventType,
  encodeGtidList,
  encodePreviousGtids,
  encodeRotate,
  FIRST_EVENT_POSITION,
  isGtidEvent,
  readEventHeader,
  rewriteFormatDescription,
  TransactionTracker,
} from '../../src/mysql/index.ts'
import { fixture } from '../captured-files.ts'
import { listEvent, track } from './event-listing.ts'
import { expectGolden } from './golden-file.ts'

interface Placed {
  readonly offset: number
  readonly event: Buffer
  /** how the events after the file's FORMAT_DESCRIPTION are checked */
  readonly checksum: ChecksumAlgorithm
}

const MYSQL_FILES = [
  ['plain.000002', 'definitions and row transactions, closed by a rotation', 4],
  ['tagged-gtids.000003', 'GTIDs with tags, one of them of another uuid, then two without', 6],
  ['compressed-trx.000004', 'compressed transactions with and without a tag, and a definition', 4],
  ['ddl-xa.000005', 'definitions, CREATE TABLE .. SELECT, all ways of XA, accounts', 15],
  ['large-trx.000006', 'one transaction of 150 KB with a savepoint', 1],
  ['statement-rowsquery-partialjson.000007', 'statements, row queries, partial JSON', 7],
  ['anonymous-myisam.000002', 'gtid_mode=OFF, InnoDB and MyISAM', 5],
  ['active-in-use.bin', 'a file that is still open, without transactions', 0],
] as const

describe.each(MYSQL_FILES)('%s: %s', (name, prose, transactions) => {
  const file = fixture(name)
  const events = eventsOf(file)

  test('is listed as in its golden file', () => {
    const tracker = new TransactionTracker()
    const lines = events.map(({ offset, event, checksum }) => {
      const line = listEvent(offset, event, checksum)
      return track(tracker, event, checksum) === 'ended' ? `${line} <- transaction ends` : line
    })
    expectGolden(`${name}.txt`, prose, `list ${name}`, `${lines.join('\n')}\n`)
  })

  test('has a right checksum on every event, and no bytes but its magic and events', () => {
    for (const { event } of events) expect(checksumMatches(event)).toBe(true)
    const joined = Buffer.concat([BINLOG_MAGIC, ...events.map(({ event }) => event)])
    expect(joined.equals(file)).toBe(true)
  })

  test('has its transactions end where their GTID events say', () => {
    const tracker = new TransactionTracker()
    let promised = 0
    let ended = 0
    for (const { offset, event, checksum } of events) {
      const { type, size, logPos } = readEventHeader(event)
      expect(logPos).toBe(offset + size)
      const verdict = track(tracker, event, checksum)
      if (isGtidEvent(type)) promised = offset + decodeGtidEvent(event, checksum).transactionLength
      expect(verdict === 'ended').toBe(offset + size === promised)
      expect(tracker.inTransaction).toBe(offset + size < promised)
      if (verdict === 'ended') ended += 1
    }
    expect(ended).toBe(transactions)
  })

  test('has its fixed events encoded again to the same bytes', () => {
    const again = events.map((placed) => encodeAgain(placed))
    expect(again.filter((event) => event !== undefined).length).toBeGreaterThanOrEqual(2)
    for (const [index, event] of again.entries()) {
      if (event !== undefined) expect(event).toEqual(events[index]?.event)
    }
  })
})

const MARIADB_FILES = [
  ['mariadb.000001', 'MariaDB 10.11: a definition, rows and statements', 6],
  [
    'mariadb-kinds.000001',
    'MariaDB: every kind of transaction, events compressed, two domains',
    23,
  ],
  ['mariadb-kinds.000002', 'MariaDB: the file behind it, still open', 1],
] as const

describe.each(MARIADB_FILES)('%s: %s', (name, prose, transactions) => {
  const events = eventsOf(fixture(name))

  test('is listed as in its golden file', () => {
    const tracker = new TransactionTracker()
    let ended = 0
    const lines = events.map(({ offset, event, checksum }) => {
      const line = listEvent(offset, event, checksum)
      if (track(tracker, event, checksum) !== 'ended') return line
      ended += 1
      return `${line} <- transaction ends`
    })
    expect(ended).toBe(transactions)
    expect(tracker.inTransaction).toBe(false)
    expectGolden(`${name}.txt`, prose, `list ${name}`, `${lines.join('\n')}\n`)
  })

  test('has a right checksum on every event, and its fixed ones encoded again to the same bytes', () => {
    for (const placed of events) {
      expect(checksumMatches(placed.event)).toBe(true)
      const again = encodeAgain(placed) ?? placed.event
      // MariaDB has no order of domains: the list is the same, its bytes need not be.
      if (readEventHeader(again).type === EventType.MARIADB_GTID_LIST) {
        expect(listOf(again)).toBe(listOf(placed.event))
      } else {
        expect(again).toEqual(placed.event)
      }
    }
  })
})

function listOf(event: Buffer): string {
  return decodePreviousGtids(event, 'CRC32').toString()
}

function eventsOf(file: Buffer): Placed[] {
  expect(file.subarray(0, FIRST_EVENT_POSITION)).toEqual(BINLOG_MAGIC)
  const placed: Placed[] = []
  let checksum: ChecksumAlgorithm = 'CRC32'
  for (let offset = FIRST_EVENT_POSITION; offset < file.length; ) {
    const { size, type } = readEventHeader(file, offset)
    const event = file.subarray(offset, offset + size)
    if (type === EventType.FORMAT_DESCRIPTION) checksum = decodeFormatDescription(event).checksum
    placed.push({ offset, event, checksum })
    offset += size
  }
  return placed
}

/** The event made anew from its decoded fields, for the types that Kingbus writes itself. */
function encodeAgain({ event, checksum }: Placed): Buffer | undefined {
  const header = readEventHeader(event)
  switch (header.type) {
    case EventType.FORMAT_DESCRIPTION:
      return rewriteFormatDescription(event, { created: decodeFormatDescription(event).created })
    case EventType.PREVIOUS_GTIDS:
      return encodePreviousGtids(decodePreviousGtids(event, checksum), { ...header, checksum })
    case EventType.MARIADB_GTID_LIST:
      return encodeGtidList(decodePreviousGtids(event, checksum), { ...header, checksum })
    case EventType.ROTATE:
      return encodeRotate({ ...decodeRotate(event, checksum), ...header, checksum })
    default:
      return undefined
  }
}
