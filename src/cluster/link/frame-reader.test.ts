import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { crc32, InvariantError, ProtocolError } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { LogRecord } from '../../store/index.ts'
import type { Message } from '../protocol/messages.ts'
import { encodeFrame, FRAME_BYTES_MAX, FRAME_HEADER_BYTES } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import { RECORDS_BYTES_MAX, RECORDS_MOST } from './index.ts'
import { type Carried, encodeMessage } from './message-codec.ts'
import { BODY_BYTES_MAX } from './record-body.ts'
import { bytesOf, recordOf, recordsMessage, SAMPLES } from './testing/sample-messages.ts'

const number = fc.maxSafeNat()
const text = fc.string({ unit: 'binary', maxLength: 20 })
const news = { committed: number, version: number, round: number }
const point = fc.record({ epoch: number, sequence: number })
const lineage = fc.array(point, { maxLength: 5 })
const member = fc.record({ node: text, store: text })
const tail = fc.record({ end: number, boundary: number })

const u32 = fc.nat(0xffffffff)
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const gtids = fc
  .array(fc.nat(1000), { maxLength: 5 })
  .map((all) => GtidSet.parse(all.map((gno) => `${uuid}:${gno + 1}`).join(',')))

const begin = fc.record({
  name: text,
  sourceUuid: text,
  sourceFile: text,
  sourcePosition: number,
  basePosition: number,
  purged: fc.option(gtids, { nil: undefined }),
})

/** What a record is besides its place. */
const drawn: fc.Arbitrary<Partial<LogRecord> & Pick<LogRecord, 'kind' | 'crc'>> = fc.oneof(
  fc
    .record({ bytes: fc.uint8Array({ minLength: 1, maxLength: 30 }), timestamp: u32 })
    .map(({ bytes, timestamp }) => {
      return { kind: 'bytes' as const, crc: crc32(bytes), bytes: Buffer.from(bytes), timestamp }
    }),
  fc
    .record({ bytes: fc.uint8Array({ maxLength: 30 }), timestamp: u32, crc: u32 })
    .map(({ bytes, ...rest }) => {
      return { kind: 'bytes' as const, ...rest, bytes: Buffer.from(bytes), isShort: true }
    }),
  fc.record({
    kind: fc.constant('file-begin' as const),
    crc: u32,
    fileBegin: fc.record({ begin, contact: gtids, held: gtids }),
  }),
  fc.record({ kind: fc.constant('epoch-start' as const), crc: u32 }),
  fc.record({ kind: fc.constant('purge' as const), crc: u32, upTo: text, floor: number }),
)

/** Records as a leader may send them. */
const records: fc.Arbitrary<Carried> = fc
  .record({
    first: fc.nat(2 ** 40),
    all: fc.array(fc.tuple(drawn, number, number), { minLength: 1, maxLength: 4 }),
    cut: fc.option(fc.option(fc.record({ start: number, crc: u32 }), { nil: undefined })),
  })
  .map(({ first, all, cut }) => {
    const made: LogRecord[] = all.map(([one, ...ends], at) => {
      const [boundary, end] = ends.toSorted((a, b) => a - b) as [number, number]
      return { ...one, sequence: first + at, epoch: 3, end, boundary }
    })
    if (cut !== null) {
      const sequence = first + made.length
      const divided = cut === undefined ? {} : { divided: cut }
      made.push({ sequence, epoch: 3, kind: 'cut', crc: 0, end: 4, boundary: 4, ...divided })
    }
    return recordsMessage(made)
  })

const ONE = Buffer.of(1)
const CUT: LogRecord = { sequence: 1, epoch: 4, kind: 'cut', crc: 0, end: 4, boundary: 4 }

const alone = fc
  .oneof(
    fc.record({
      kind: fc.constant('join' as const),
      cluster: fc.option(text, { nil: undefined }),
      member,
      incarnation: number,
      promised: number,
      lineage,
    }),
    fc.record({
      kind: fc.constant('shared' as const),
      ...news,
      cluster: text,
      epoch: number,
      point,
      digest: text,
    }),
    fc.record({
      kind: fc.constant('start-over' as const),
      ...news,
      cluster: text,
      epoch: number,
      lineage,
      base: fc.record({ epoch: number, sequence: number, digest: text, tail }),
    }),
    fc.record({ kind: fc.constant('known' as const), ...news }),
    fc.record({ kind: fc.constant('report' as const), end: number, round: number }),
    fc.constant<Message>({ kind: 'hand-over' }),
    fc.record({
      kind: fc.constant('refusal' as const),
      why: fc.constantFrom('not-leader' as const, 'other-cluster' as const),
    }),
  )
  .map((message): Carried => ({ message, records: [] }))

const carried = fc.oneof(alone, records)

function readAll(pieces: readonly Uint8Array[]): Carried[] {
  const received: Carried[] = []
  const reader = new FrameReader()
  for (const piece of pieces) received.push(...reader.take(piece))
  if (!reader.isBetweenFrames) throw new ProtocolError('a frame is not whole')
  return received
}

/** The bytes cut at these places, given as fractions of a thousand. */
function splitAt(bytes: Buffer, places: readonly number[]): Buffer[] {
  const cuts = places
    .map((place) => Math.floor((place * bytes.length) / 1000))
    .toSorted((a, b) => a - b)
  return [...cuts, bytes.length].map((end, at) => bytes.subarray(cuts[at - 1] ?? 0, end))
}

/** What was taken, and whether the rest was refused. */
function outcomeOf(pieces: readonly Uint8Array[]): { received: Carried[]; refused: boolean } {
  const received: Carried[] = []
  const reader = new FrameReader()
  try {
    for (const piece of pieces) {
      for (const one of reader.take(piece)) received.push(one)
    }
    return { received, refused: false }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return { received, refused: true }
  }
}

/** The frame with a checksum that is right again. */
function repaired(frame: Buffer): Buffer {
  const end = FRAME_HEADER_BYTES + frame.readUInt32LE(0)
  const crc = crc32(frame.subarray(FRAME_HEADER_BYTES, end), crc32(frame.subarray(0, 5)))
  frame.writeUInt32LE(crc, 5)
  return frame
}

const places = fc.array(fc.nat(1000), { maxLength: 12 })

describe('frames of a link', () => {
  test('give back the message and the bytes that were put in', () => {
    fc.assert(
      fc.property(fc.array(carried, { maxLength: 4 }), (all) => {
        const sent = Buffer.concat(all.map(bytesOf))
        const taken = readAll([sent])
        expect(taken).toEqual(all)
        // GTID sets keep to themselves what they are.
        expect(Buffer.concat(taken.map(bytesOf)).equals(sent)).toBe(true)
      }),
    )
    expect(readAll(SAMPLES.map(bytesOf))).toEqual(SAMPLES)
  })

  test('are not whole before their last byte', () => {
    for (const sample of SAMPLES) {
      const bytes = bytesOf(sample)
      for (let size = 1; size < bytes.length; size += 1) {
        expect(() => readAll([bytes.subarray(0, size)])).toThrow(ProtocolError)
      }
    }
  })

  test('come out the same however the bytes are split, and whatever they are', () => {
    const noise = fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes))
    const stream = fc.array(fc.oneof({ weight: 4, arbitrary: carried.map(bytesOf) }, noise), {
      maxLength: 4,
    })
    fc.assert(
      fc.property(stream, places, (parts, cuts) => {
        const bytes = Buffer.concat(parts)
        expect(outcomeOf(splitAt(bytes, cuts))).toEqual(outcomeOf([bytes]))
      }),
    )
  })

  test('with any byte changed are refused, or wait for more: no change passes for a message', () => {
    const spoilt = fc.tuple(carried, fc.nat(), fc.integer({ min: 1, max: 255 }))
    fc.assert(
      fc.property(spoilt, ([sample, at, difference]) => {
        const bytes = bytesOf(sample)
        const place = at % bytes.length
        bytes[place] = (bytes[place] ?? 0) ^ difference
        expect(outcomeOf([bytes]).received).toEqual([])
      }),
    )
  })

  test('say no more than their fields: any payload under a right checksum is a value or refused', () => {
    const kinds = fc.constantFrom(...SAMPLES.map(({ message }) => message.kind))
    fc.assert(
      fc.property(kinds, fc.uint8Array({ maxLength: 120 }), (kind, payload) => {
        outcomeOf([encodeFrame(kind, payload)])
      }),
    )
    const trailing = Buffer.concat([
      encodeMessage({ message: { kind: 'hand-over' }, records: [] }, []),
      Buffer.of(0),
    ])
    expect(() => readAll([encodeFrame('hand-over', trailing)])).toThrow(/1 bytes follow/)
  })
})

describe('the bounds of a frame', () => {
  test('one byte more is refused by the header alone, before anything of it is kept', () => {
    const header = encodeFrame('report', Buffer.alloc(0)).subarray(0, FRAME_HEADER_BYTES)
    header.writeUInt32LE(FRAME_BYTES_MAX + 1, 0)
    expect(() => readAll([header])).toThrow(/a report of 1048577 bytes is too long/)
    header.writeUInt32LE(FRAME_BYTES_MAX, 0)
    expect(() => readAll([header])).toThrow(/not whole/)
    expect(() => encodeFrame('report', Buffer.alloc(FRAME_BYTES_MAX + 1))).toThrow(InvariantError)
  })

  test('after a refusal nothing more is taken', () => {
    const reader = new FrameReader()
    expect(() => [...reader.take(Buffer.alloc(9, 0xff))]).toThrow(ProtocolError)
    expect(() => [...reader.take(bytesOf(SAMPLES[0] as Carried))]).toThrow(/before/)
  })

  test('more bytes of records than a receiver holds are refused on both sides', () => {
    const mebibyte = Buffer.alloc(1024 * 1024)
    const five = [1, 2, 3, 4, 5].map((sequence) => recordOf(sequence, mebibyte))
    expect(() => bytesOf(recordsMessage(five))).toThrow(InvariantError)
    expect(RECORDS_BYTES_MAX).toBe(4 * mebibyte.length)
    // Compared as bytes: to compare megabytes item by item takes a minute.
    const sent = bytesOf(recordsMessage(five.slice(1)))
    const [taken] = readAll([sent])
    expect(taken && bytesOf(taken).equals(sent)).toBe(true)
    // The row of the first record says one byte more than fits.
    const count = FRAME_HEADER_BYTES + 24
    sent.writeUInt32LE(mebibyte.length + 1, count + 2 + 8 + 8 + 1 + 1 + 4 + 8 + 8 + 4)
    expect(() => readAll([repaired(sent)])).toThrow(/record 2 of kind bytes has 1048577 bytes/)
  })

  test('more records than a frame has are refused on both sides', () => {
    const most = Array.from({ length: RECORDS_MOST }, (_, at) => recordOf(at + 1, ONE))
    const sent = bytesOf(recordsMessage(most))
    expect(readAll([sent])[0]?.records).toHaveLength(RECORDS_MOST)
    sent.writeUInt16LE(RECORDS_MOST + 1, FRAME_HEADER_BYTES + 24)
    expect(() => readAll([repaired(sent)])).toThrow(/1025 records in one frame/)
    expect(() => bytesOf(recordsMessage([...most, recordOf(1025, ONE)]))).toThrow(InvariantError)
  })

  test('a file may begin with far more GTIDs than other records have bytes, alone', () => {
    const gnos = Array.from({ length: 300_000 }, (_, at) => 2 * at + 1).join(':')
    const held = GtidSet.parse(`${uuid}:${gnos}`)
    const [sample] = SAMPLES.at(-2)?.records ?? []
    const { fileBegin, ...record } = sample as LogRecord
    const long = { ...record, fileBegin: { ...fileBegin, held } } as LogRecord
    const sent = bytesOf(recordsMessage([long]))
    expect(sent.length).toBeGreaterThan(RECORDS_BYTES_MAX)
    expect(sent.length).toBeLessThan(BODY_BYTES_MAX['file-begin'])
    expect(readAll([sent])[0]?.records[0]?.fileBegin?.held.equals(held)).toBe(true)
    const next = { ...recordOf(record.sequence + 1, Buffer.of(1)) }
    expect(() => bytesOf(recordsMessage([long, next]))).toThrow(InvariantError)
  })

  test.each<[string, LogRecord[], RegExp]>([
    ['a gap', [recordOf(1, ONE), recordOf(3, ONE)], /record 3 follows 1/],
    [
      'an epoch that goes back',
      [recordOf(1, ONE), { ...recordOf(2, ONE), epoch: 3 }],
      /epoch 3 follows 4/,
    ],
    ['something behind a cut', [CUT, recordOf(2, ONE)], /record 2 follows a cut/],
    ['a boundary behind the end', [{ ...recordOf(1, ONE), boundary: 901 }], /boundary/],
  ])('records with %s are refused', (_, all, why) => {
    expect(() => readAll([bytesOf(recordsMessage(all))])).toThrow(why)
  })

  test('a record that should have bytes and has none is refused on both sides', () => {
    const none = Buffer.alloc(0)
    expect(() => bytesOf(recordsMessage([recordOf(1, none)]))).toThrow(InvariantError)
    const sent = bytesOf(recordsMessage([{ ...recordOf(1, none), isShort: true }]))
    expect(readAll([sent])[0]?.records[0]).toMatchObject({ isShort: true, bytes: none })
    sent.writeUInt8(0, FRAME_HEADER_BYTES + 24 + 2 + 8 + 8 + 1)
    expect(() => readAll([repaired(sent)])).toThrow(/record 1 of kind bytes has no bytes/)
  })

  test('bytes that are not those of the record are refused, by its own checksum', () => {
    const record = { ...recordOf(8, Buffer.from('as it was stored')), crc: 1 }
    expect(() => readAll([bytesOf(recordsMessage([record]))])).toThrow(/bytes of record 8 fail/)
  })
})
