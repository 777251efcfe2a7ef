import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { GtidSet } from '../gtid/gtid-set.ts'
import { requireCalmOnAnyBytes, requireRefusedPrefixes } from '../testing/codec-properties.ts'
import { anyGtids, gtidSets, mariadbStates } from '../testing/gtid-arbitraries.ts'
import { encodeGtidEvent } from '../testing/gtid-events.ts'
import { Writer } from '../wire/writer.ts'
import { type ChecksumAlgorithm, checksumMatches } from './checksum.ts'
import { encodeEvent, eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import { decodeFormatDescription } from './format-description.ts'
import { decodeGtidEvent } from './gtid-event.ts'
import { encodeGtidList } from './gtid-list.ts'
import { readEventHeader } from './header.ts'
import { decodeHeartbeat, encodeHeartbeat } from './heartbeat.ts'
import { decodePreviousGtids, encodePreviousGtids } from './previous-gtids.ts'
import { decodeRotate, encodeRotate } from './rotate.ts'
import { decodeTransactionPayloadHeader } from './transaction-payload.ts'

const u32 = fc.nat(0xffffffff)
const checksum = fc.constantFrom<ChecksumAlgorithm>('NONE', 'CRC32')
const file = fc.stringMatching(/^[a-zA-Z0-9_.-]{1,40}$/)
const micros = fc.bigInt({ min: 0n, max: 2n ** 55n - 1n })
const clock = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })

interface EventCodec<T> {
  readonly name: string
  readonly type: number
  readonly values: fc.Arbitrary<T>
  readonly encode: (value: T) => Buffer
  readonly decode: (event: Buffer, checksum: ChecksumAlgorithm) => unknown
  /** what decode answers for the event of a value */
  readonly answer: (value: T) => unknown
}

const codec = <T>(given: EventCodec<T>): EventCodec<never> => given as unknown as EventCodec<never>

const tail = { serverId: u32, checksum }

function heartbeatCodec(name: 'HEARTBEAT' | 'HEARTBEAT_V2', version: 1 | 2, positionMost: bigint) {
  return codec({
    name,
    type: EventType[name],
    values: fc.record({
      version: fc.constant(version),
      file,
      position: fc.bigInt({ min: 4n, max: positionMost }),
      ...tail,
    }),
    encode: encodeHeartbeat,
    decode: decodeHeartbeat,
    answer: (value) => ({ file: value.file, position: value.position }),
  })
}

/** Sizes as the server writes them: each field in the fewest bytes. */
function payloadBody(sizes: { uncompressedSize: number; payloadSize: number }): Buffer {
  const field = (writer: Writer, id: number, value: number): Writer =>
    writer.lenenc(id).lenencBytes(new Writer().lenenc(value).finish())
  const writer = field(new Writer(), 2, 0)
  field(writer, 3, sizes.uncompressedSize)
  return field(writer, 1, sizes.payloadSize).lenenc(0).zeros(sizes.payloadSize).finish()
}

function formatDescription(facts: { created: number; types: number; algorithm: number }): Buffer {
  const body = new Writer().u16(4).string('9.7.4-2').zeros(43).u32(facts.created).u8(19)
  body.zeros(facts.types).u8(facts.algorithm)
  return eventOf(EventType.FORMAT_DESCRIPTION, body.finish(), true)
}

function eventOf(type: number, body: Uint8Array, hasChecksum: boolean): Buffer {
  const zero = { timestamp: 0, serverId: 1, logPos: 0, flags: 0 }
  return encodeEvent({ type, body, checksum: hasChecksum, ...zero })
}

const gtidFacts = fc.record({
  gtid: fc.option(anyGtids, { nil: undefined }),
  transactionLength: fc.maxSafeNat(),
  lastCommitted: clock,
  sequenceNumber: clock,
  immediateCommitMicros: micros,
  originalCommitMicros: micros,
})

const CODECS = [
  codec({
    name: 'ROTATE',
    type: EventType.ROTATE,
    values: fc.record({
      file,
      position: fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }),
      timestamp: u32,
      logPos: u32,
      flags: fc.constantFrom(0, 0x20),
      ...tail,
    }),
    encode: encodeRotate,
    decode: decodeRotate,
    answer: (value) => ({ file: value.file, position: value.position }),
  }),
  heartbeatCodec('HEARTBEAT', 1, 2n ** 32n - 1n),
  heartbeatCodec('HEARTBEAT_V2', 2, 2n ** 53n - 1n),
  codec({
    name: 'PREVIOUS_GTIDS',
    type: EventType.PREVIOUS_GTIDS,
    values: fc.record({ set: gtidSets, timestamp: u32, logPos: u32, ...tail }),
    encode: ({ set, ...fields }) => encodePreviousGtids(set, fields),
    decode: (event, algorithm) => decodePreviousGtids(event, algorithm).toString(),
    answer: (value: { set: GtidSet }) => value.set.toString(),
  }),
  codec({
    name: 'GTID_LIST',
    type: EventType.MARIADB_GTID_LIST,
    values: fc.record({
      set: mariadbStates,
      timestamp: u32,
      logPos: u32,
      flags: fc.constantFrom(0, 0x20),
      ...tail,
    }),
    encode: ({ set, ...fields }) => encodeGtidList(set, fields),
    decode: (event, algorithm) => decodePreviousGtids(event, algorithm).toString(),
    answer: (value: { set: GtidSet }) => value.set.toString(),
  }),
  codec({
    name: 'GTID, ANONYMOUS_GTID and GTID_TAGGED',
    type: EventType.GTID_TAGGED,
    values: gtidFacts.map((facts) => ({ ...facts, checksum: 'CRC32' as const })),
    encode: encodeGtidEvent,
    decode: decodeGtidEvent,
    answer: ({ checksum: _checksum, ...facts }) => facts,
  }),
  codec({
    name: 'TRANSACTION_PAYLOAD',
    type: EventType.TRANSACTION_PAYLOAD,
    values: fc.record({ uncompressedSize: fc.maxSafeNat(), payloadSize: fc.nat(300), checksum }),
    encode: (value) =>
      eventOf(EventType.TRANSACTION_PAYLOAD, payloadBody(value), value.checksum === 'CRC32'),
    decode: (event, algorithm) => {
      eventBody(event, algorithm, [EventType.TRANSACTION_PAYLOAD])
      return decodeTransactionPayloadHeader(event, algorithm)
    },
    answer: ({ uncompressedSize, payloadSize }) => ({
      compression: 'ZSTD',
      uncompressedSize,
      payloadOffset: 19 + payloadBody({ uncompressedSize, payloadSize }).length - payloadSize,
      payloadSize,
    }),
  }),
  codec({
    name: 'FORMAT_DESCRIPTION',
    type: EventType.FORMAT_DESCRIPTION,
    values: fc.record({
      created: u32,
      types: fc.nat(200),
      algorithm: fc.nat(1),
      checksum: fc.constant<ChecksumAlgorithm>('CRC32'),
    }),
    encode: formatDescription,
    decode: decodeFormatDescription,
    answer: ({ created, types, algorithm }) => ({
      binlogVersion: 4,
      serverVersion: '9.7.4-2',
      created,
      headerLength: 19,
      checksum: algorithm === 0 ? 'NONE' : 'CRC32',
      flavor: types < EventType.MARIADB_GTID_LIST ? 'mysql' : 'mariadb',
      postHeaderLengths: Buffer.alloc(types),
    }),
  }),
]

describe.each(CODECS)('$name', ({ type, values, encode, decode, answer }) => {
  const encoded = (values as fc.Arbitrary<{ checksum: ChecksumAlgorithm }>).map((value) => ({
    value: value as never,
    event: encode(value as never),
    checksum: value.checksum,
  }))

  test('is decoded to what was encoded, with a right size and checksum', () => {
    fc.assert(
      fc.property(encoded, ({ value, event, checksum: algorithm }) => {
        expect(decode(event, algorithm)).toEqual(answer(value))
        expect(readEventHeader(event).size).toBe(event.length)
        if (algorithm === 'CRC32') expect(checksumMatches(event)).toBe(true)
      }),
    )
  })

  test('is refused when any of its end is missing', () => {
    fc.assert(
      fc.property(encoded, ({ event, checksum: algorithm }) => {
        requireRefusedPrefixes((bytes) => decode(bytes, algorithm), event)
      }),
      { numRuns: 20 },
    )
  })

  test('is refused under the type of another event', () => {
    fc.assert(
      fc.property(encoded, ({ event, checksum: algorithm }) => {
        event[4] = EventType.STOP
        expect(() => decode(event, algorithm)).toThrow(/^event type 3 is not /)
      }),
      { numRuns: 10 },
    )
  })

  test('is answered with a value or a ProtocolError whatever its body is', () => {
    const samples = fc.sample(encoded, 20)
    const bodies = samples.map(({ event }) => event.subarray(19))
    for (const algorithm of ['NONE', 'CRC32'] as const) {
      requireCalmOnAnyBytes(
        (bytes) => decode(bytes, algorithm),
        samples.map(({ event }) => event),
      )
      const types = new Set([type, ...samples.map(({ event }) => readEventHeader(event).type)])
      for (const each of types) {
        requireCalmOnAnyBytes((body) => decode(eventOf(each, body, false), algorithm), bodies)
      }
    }
  })
})
