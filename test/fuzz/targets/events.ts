import { crc32 } from '../../../src/lib/index.ts'
import {
  type ChecksumAlgorithm,
  checksumMatches,
  compareFileNames,
  decodeFormatDescription,
  decodeGtidEvent,
  decodeHeartbeat,
  decodePreviousGtids,
  decodeQueryHead,
  decodeRotate,
  decodeRowEventHead,
  decodeTableMapHead,
  decodeTransactionPayloadHeader,
  EventType,
  encodeGtidList,
  encodeHeartbeat,
  encodePreviousGtids,
  encodeRotate,
  eventTypeName,
  eventTypeSymbol,
  fileNumber,
  isGtidEvent,
  isPreviousGtids,
  isStandalone,
  nextFileName,
  queryTextPrefix,
  queryXid,
  readEventHeader,
  rewriteFormatDescription,
  rowEventFlagNames,
  TransactionTracker,
} from '../../../src/mysql/index.ts'
import { eventsOf, fixture } from '../../captured-files.ts'
import { BINLOG_FIXTURES } from '../corpus.ts'
import { require, type Target } from '../target.ts'

const QUERY_TEXT_MOST = 100
const MAKING = { serverId: 1, timestamp: 0, logPos: 0, flags: 0x20, checksum: 'CRC32' as const }
const HEARTBEAT = {
  file: 'binlog.000002',
  position: 4711n,
  timestamp: 0,
  serverId: 1,
  logPos: 0,
  flags: 0,
}

const allEvents = (): Buffer[] => [
  ...BINLOG_FIXTURES.flatMap((name) => eventsOf(fixture(name))),
  encodeRotate({ ...MAKING, file: 'binlog.000002', position: 4n }),
  encodeHeartbeat({ ...HEARTBEAT, version: 1, checksum: 'CRC32' }),
  encodeHeartbeat({ ...HEARTBEAT, version: 2, checksum: 'CRC32' }),
]

/** The size in the header is made that of the input, and the CRC-32 is made right. */
export function restamped(input: Buffer): Buffer {
  if (input.length < 23) return input
  const event = Buffer.from(input)
  event.writeUInt32LE(event.length, 9)
  event.writeUInt32LE(crc32(event.subarray(0, -4)), event.length - 4)
  return event
}

type Decode = (event: Buffer, checksum: ChecksumAlgorithm) => unknown

/** A decoder of one or a few event types. */
function decoder(
  decode: Decode,
  types: readonly number[],
  check: Decode = () => undefined,
): Target {
  return {
    name: decode.name,
    covers: [decode.name],
    seeds: () => allEvents().filter((event) => types.includes(event[4] ?? 0)),
    run(input, random) {
      const checksum = random.chance(0.8) ? 'CRC32' : 'NONE'
      decode(input, checksum)
      check(input, checksum)
    },
    repair: restamped,
  }
}

export const eventTargets: readonly Target[] = [
  decoder(decodeFormatDescription, [15], (event) => {
    const created = 5
    const changed = decodeFormatDescription(
      rewriteFormatDescription(event, { created, inUse: true }),
    )
    require(changed.created === created, 'a changed FORMAT_DESCRIPTION says what was changed')
  }),
  decoder(decodeGtidEvent, [33, 34, 42, 162], (event, checksum) => {
    const { gtid, transactionLength } = decodeGtidEvent(event, checksum)
    require(isGtidEvent(event[4] ?? 0), 'only a GTID event is read as one')
    require(Number.isSafeInteger(transactionLength), 'a length is a whole number')
    require(gtid === undefined || gtid.gno > 0n, 'no transaction has the number 0')
  }),
  decoder(decodeHeartbeat, [27, 41]),
  decoder(decodeTableMapHead, [19]),
  decoder(decodeRowEventHead, [30, 31, 32, 39]),
  decoder(rowEventFlagNames, [30, 31, 32, 39]),
  decoder(queryXid, [2]),
  {
    ...decoder((event, checksum) => decodeQueryHead(event, checksum, QUERY_TEXT_MOST), [2]),
    name: 'decodeQueryHead',
    covers: ['decodeQueryHead'],
  },
  decoder(decodePreviousGtids, [35, 163], (event, checksum) => {
    const set = decodePreviousGtids(event, checksum)
    require(isPreviousGtids(event[4] ?? 0), 'only what names GTIDs is read as that')
    if (event[4] === EventType.MARIADB_GTID_LIST) {
      const list = encodeGtidList(set, MAKING)
      require(decodePreviousGtids(list, 'CRC32').equals(set), 'a list says what was put in')
      return
    }
    const again = encodePreviousGtids(set, MAKING)
    require(decodePreviousGtids(again, 'CRC32').equals(set), 'a set is what its event says')
  }),
  decoder(decodeRotate, [4], (event, checksum) => {
    const { file, position } = decodeRotate(event, checksum)
    const again = decodeRotate(encodeRotate({ ...MAKING, file, position }), 'CRC32')
    require(again.position === position, 'a position is what its event says')
  }),
  decoder(decodeTransactionPayloadHeader, [40], (event, checksum) => {
    const { payloadOffset, payloadSize } = decodeTransactionPayloadHeader(event, checksum)
    const size = event.readUInt32LE(9)
    require(payloadOffset + payloadSize <= size, 'a payload lies in its event')
  }),
  {
    name: 'queryTextPrefix',
    covers: ['queryTextPrefix'],
    seeds: () => allEvents().filter((event) => event[4] === 2),
    run(input, random) {
      const whole = queryTextPrefix(input, input.length, 'CRC32')
      const prefix = input.subarray(0, random.between(0, input.length))
      const fromPrefix = queryTextPrefix(prefix, input.length, 'CRC32')
      require(fromPrefix === undefined || fromPrefix === whole, 'a prefix says the same or nothing')
    },
    repair: restamped,
  },
  {
    name: 'file-name',
    covers: ['nextFileName', 'fileNumber', 'compareFileNames'],
    seeds: () => ['binlog.000009', 'a.b.999999', 'x.1'].map((name) => Buffer.from(name)),
    run(input) {
      const name = input.toString('latin1')
      const next = nextFileName(name)
      const number = (of: string): bigint => BigInt(of.slice(of.lastIndexOf('.') + 1))
      require(number(next) === number(name) + 1n, 'the next name has the next number')
      require(BigInt(fileNumber(name)) === number(name), 'the number of a name is its number')
      require(compareFileNames(name, next) < 0, 'the next name comes behind')
    },
  },
  {
    name: 'event-header',
    covers: [
      'readEventHeader',
      'checksumMatches',
      'eventTypeName',
      'eventTypeSymbol',
      'isGtidEvent',
      'isPreviousGtids',
    ],
    seeds: allEvents,
    run(input, random) {
      const { size, type } = readEventHeader(
        input,
        random.chance(0.8) ? 0 : random.between(0, input.length),
      )
      const named = eventTypeName(type) !== '' && eventTypeSymbol(type) !== ''
      require(size >= 19 && named, 'an event has at least its header')
      checksumMatches(input)
    },
    repair: restamped,
  },
  {
    name: 'transaction-tracker',
    covers: ['TransactionTracker', 'isStandalone'],
    seeds: () => BINLOG_FIXTURES.map((name) => Buffer.concat(eventsOf(fixture(name)))),
    run(input) {
      const tracker = new TransactionTracker()
      for (const event of eventsOf(Buffer.concat([Buffer.alloc(4), input]))) {
        const { type, flags } = readEventHeader(event)
        const text = type === 2 ? (queryTextPrefix(event, event.length, 'CRC32') ?? '') : ''
        const standalone = type === EventType.MARIADB_GTID && isStandalone(event)
        const verdict = tracker.take(type, flags, text, standalone)
        require((verdict === 'inside') === tracker.inTransaction, 'a verdict agrees with the state')
      }
    },
  },
]
