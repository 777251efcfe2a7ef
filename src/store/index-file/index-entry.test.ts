import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { GtidSet } from '../../mysql/index.ts'
import { BadIndexBytes, readOrNothing } from './index-bytes.ts'
import {
  decodeDetached,
  decodeEntry,
  encodeEntry,
  firstState,
  type IndexEntry,
  type IndexState,
} from './index-entry.ts'
import { decodeHead, encodeHead, type IndexHead } from './index-header.ts'

const number = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
const crc = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const time = fc.integer({ min: 0, max: 2 ** 32 - 1 })
const digest = fc.uint8Array({ minLength: 32, maxLength: 32 }).map((bytes) => Buffer.from(bytes))
const set = fc.constantFrom('', '11111111-2222-3333-4444-555555555555:1-7:9:tag:1-3')
const state: fc.Arbitrary<IndexState> = fc.record({
  check: crc,
  sequence: fc.integer({ min: 0, max: 2 ** 40 }),
  epoch: fc.integer({ min: 0, max: 300 }),
  end: fc.integer({ min: 5000, max: 2 ** 45 }),
  boundary: fc.integer({ min: 4, max: 5000 }),
  timestamp: time,
  firstTimestamp: time,
})

/** An entry that may stand behind the state. */
function entryBehind(before: IndexState): fc.Arbitrary<IndexEntry> {
  const epoch = fc.integer({ min: 0, max: 300 })
  const end = fc.integer({ min: before.end + 1, max: before.end + 1024 * 1024 })
  return fc.oneof(
    fc.record({
      kind: fc.constant('bytes' as const),
      epoch,
      end,
      boundary: fc.integer({ min: before.boundary, max: before.end }),
      crc,
      timestamp: time,
    }),
    fc.record({
      kind: fc.constant('file-begin' as const),
      epoch,
      begin: fc.record({
        name: fc.string(),
        sourceUuid: fc.string(),
        sourceFile: fc.string(),
        sourcePosition: number,
        basePosition: number,
        purged: fc.option(
          set.map((text) => GtidSet.parse(text)),
          { nil: undefined },
        ),
      }),
    }),
    fc.record({ kind: fc.constant('epoch-start' as const), epoch }),
    fc.record({
      kind: fc.constant('cut' as const),
      epoch,
      to: fc.constant(before.end - 1),
      start: fc.constant(4),
      crc,
    }),
    fc.record({ kind: fc.constant('purge' as const), epoch, upTo: fc.string() }),
    fc.record({ kind: fc.constant('set' as const), position: number, encoded: digest }),
    fc.record({
      kind: fc.constant('checkpoint' as const),
      previousDistance: number,
      setDistance: number,
      state,
      digest,
      cut: fc.option(fc.record({ start: number, crc }), { nil: undefined }),
    }),
    fc.constant({ kind: 'cut-done' as const }),
    fc.record({
      kind: fc.constant('closed' as const),
      lastCheckpoint: number,
      size: number,
      sequence: number,
      epoch: number,
      firstTimestamp: time,
      timestamp: time,
    }),
  )
}

const placed = state.chain((before) => fc.tuple(fc.constant(before), entryBehind(before)))

describe('an entry of the index', () => {
  it('is decoded as it was encoded, and leaves the same state behind', () => {
    fc.assert(
      fc.property(placed, fc.boolean(), ([before, entry], isSyncedBefore) => {
        const writing = { ...before }
        const reading = { ...before }
        const { bytes, recordCrc } = encodeEntry(entry, writing, isSyncedBefore)
        const decoded = decodeEntry(bytes, 0, reading)
        const expected =
          entry.kind === 'checkpoint'
            ? { ...entry, state: { ...entry.state, check: writing.check } }
            : entry
        expect(decoded).toEqual({ entry: expected, next: bytes.length, recordCrc, isSyncedBefore })
        expect(reading).toEqual(writing)
      }),
    )
  })

  it('is refused when it is not whole, and the state stays', () => {
    fc.assert(
      fc.property(placed, ([before, entry]) => {
        const { bytes } = encodeEntry(entry, { ...before })
        for (let size = 0; size < bytes.length; size += 1) {
          const reading = { ...before }
          const decode = () => decodeEntry(bytes.subarray(0, size), 0, reading)
          expect(decode).toThrow(BadIndexBytes)
          expect(reading).toEqual(before)
        }
      }),
    )
  })

  it('is refused with one bit changed', () => {
    fc.assert(
      fc.property(placed, fc.nat(), ([before, entry], at) => {
        const { bytes } = encodeEntry(entry, { ...before })
        const bit = at % (8 * bytes.length)
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) ^ (1 << (bit & 7))
        expect(() => decodeEntry(bytes, 0, { ...before })).toThrow(BadIndexBytes)
      }),
      { numRuns: 500 },
    )
  })

  it('is refused behind another entry than its own', () => {
    fc.assert(
      fc.property(placed, crc, ([before, entry], check) => {
        fc.pre(check !== before.check)
        const { bytes } = encodeEntry(entry, { ...before })
        expect(() => decodeEntry(bytes, 0, { ...before, check })).toThrow(BadIndexBytes)
      }),
    )
  })

  it('is never more than refused, whatever the bytes', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 80 }), state, (bytes, before) => {
        readOrNothing(() => decodeEntry(Buffer.from(bytes), 0, before))
        readOrNothing(() => decodeDetached(Buffer.from(bytes)))
        readOrNothing(() => decodeHead(Buffer.from(bytes)))
      }),
      { numRuns: 1000 },
    )
  })

  it('of a record of 400 bytes takes at most 20', () => {
    const before = { ...firstState(7, 1), end: 9_000_000_000, timestamp: 1_800_000_000 }
    const entry = {
      kind: 'bytes',
      epoch: 0,
      end: before.end + 400,
      boundary: before.end + 400,
      crc: 0xffffffff,
      timestamp: 1_800_000_100,
    } as const
    expect(encodeEntry(entry, before).bytes.length).toBeLessThanOrEqual(20)
  })
})

describe('the head of an index', () => {
  const head: IndexHead = {
    storeId: 'c0ffee00-0000-4000-8000-000000000001',
    firstSequence: 4711,
    rebuilt: true,
    digest: Buffer.alloc(32, 9),
    contact: GtidSet.parse('11111111-2222-3333-4444-555555555555:1-7'),
  }

  it('is decoded as it was encoded', () => {
    const { bytes, check } = encodeHead(head)
    expect(decodeHead(bytes)).toEqual({ head, check })
  })

  it('is refused when it is not whole', () => {
    const { bytes } = encodeHead(head)
    for (let size = 0; size < bytes.length; size += 1) {
      expect(() => decodeHead(bytes.subarray(0, size))).toThrow(BadIndexBytes)
    }
  })
})
