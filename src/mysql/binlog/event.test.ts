import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../lib/index.ts'
import { requireCalmOnAnyBytes } from '../testing/codec-properties.ts'
import { checksumMatches, restamp } from './checksum.ts'
import { encodeEvent } from './event.ts'
import { EventType, eventTypeName } from './event-type.ts'
import { EVENT_HEADER_SIZE, readEventHeader } from './header.ts'

const u8 = fc.nat(0xff)
const u32 = fc.nat(0xffffffff)
const fields = fc.record({
  type: u8,
  timestamp: u32,
  serverId: u32,
  logPos: u32,
  flags: fc.nat(0xffff),
  body: fc.uint8Array({ maxLength: 100 }),
  checksum: fc.boolean(),
})

test('a header is read as it was written, at any offset', () => {
  fc.assert(
    fc.property(fields, fc.nat(20), ({ body, checksum, ...header }, offset) => {
      const event = encodeEvent({ ...header, body, checksum })
      const size = EVENT_HEADER_SIZE + body.length + (checksum ? 4 : 0)
      const bytes = Buffer.concat([Buffer.alloc(offset), event])
      expect(readEventHeader(bytes, offset)).toEqual({ ...header, size })
      expect(readEventHeader(new Uint8Array(bytes), offset)).toEqual({ ...header, size })
    }),
  )
})

test('a header with bytes missing, or with a size below its own, is refused', () => {
  const event = encodeEvent({
    type: EventType.STOP,
    timestamp: 1,
    serverId: 1,
    logPos: 23,
    flags: 0,
    body: Buffer.alloc(0),
    checksum: false,
  })
  for (let size = 0; size < EVENT_HEADER_SIZE; size += 1) {
    expect(() => readEventHeader(event.subarray(0, size))).toThrow(ProtocolError)
  }
  event.writeUInt32LE(EVENT_HEADER_SIZE - 1, 9)
  expect(() => readEventHeader(event)).toThrow(ProtocolError)
  requireCalmOnAnyBytes((bytes) => readEventHeader(bytes), [event])
})

test('a position beyond 4 GiB is written modulo 2^32', () => {
  const event = encodeEvent({
    type: EventType.STOP,
    timestamp: 1,
    serverId: 1,
    logPos: 2 ** 32 + 7,
    flags: 0,
    body: Buffer.alloc(0),
    checksum: false,
  })
  expect(readEventHeader(event).logPos).toBe(7)
})

test('a changed bit anywhere breaks the checksum, and restamp mends it', () => {
  const flip = fc.tuple(fields, fc.nat(), fc.nat(7))
  fc.assert(
    fc.property(flip, ([found, place, bit]) => {
      const event = encodeEvent({ ...found, type: EventType.QUERY, checksum: true })
      expect(checksumMatches(event)).toBe(true)
      const at = place % event.length
      event[at] = (event[at] ?? 0) ^ (1 << bit)
      expect(checksumMatches(event)).toBe(false)
      restamp(event)
      expect(checksumMatches(event)).toBe(true)
    }),
  )
})

test('an event too short for a checksum is refused, not read past its end', () => {
  for (let size = 0; size < EVENT_HEADER_SIZE + 4; size += 1) {
    expect(() => checksumMatches(Buffer.alloc(size))).toThrow(ProtocolError)
    expect(() => restamp(Buffer.alloc(size))).toThrow(ProtocolError)
  }
})

test('every type code has its own name but the two heartbeats and what MariaDB named alike', () => {
  const names = Object.values(EventType).map(eventTypeName)
  expect(new Set(names).size).toBe(names.length - 2)
  expect(eventTypeName(33)).toBe('Gtid')
  expect(eventTypeName(255)).toBe('Unknown')
})
