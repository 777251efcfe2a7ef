import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { requireCalmOnAnyBytes } from '../testing/codec-properties.ts'
import { Writer } from '../wire/writer.ts'
import { encodeEvent } from './event.ts'
import { EventType } from './event-type.ts'
import { QUERY_PREFIX_BYTES, queryTextPrefix } from './query.ts'

const queries = fc.record({
  database: fc.stringMatching(/^[a-z]{0,64}$/),
  statusSize: fc.oneof(fc.nat(200), fc.constant(0xffff)),
  text: fc.stringMatching(/^[ -~]{0,60}$/),
  checksum: fc.constantFrom('NONE' as const, 'CRC32' as const),
})

function encodeQuery(query: typeof queries extends fc.Arbitrary<infer T> ? T : never): Buffer {
  const body = new Writer().u32(9).u32(0).u8(query.database.length).u16(0).u16(query.statusSize)
  body.zeros(query.statusSize).nulString(query.database).string(query.text)
  const fields = { type: EventType.QUERY, timestamp: 1, serverId: 1, logPos: 0, flags: 0 }
  return encodeEvent({ ...fields, body: body.finish(), checksum: query.checksum === 'CRC32' })
}

test('the first 32 characters are found, and never any of the checksum', () => {
  fc.assert(
    fc.property(queries, (query) => {
      const event = encodeQuery(query)
      const prefix = event.subarray(0, QUERY_PREFIX_BYTES)
      expect(queryTextPrefix(prefix, event.length, query.checksum)).toBe(query.text.slice(0, 32))
    }),
  )
})

test('a prefix gives the whole answer or none', () => {
  fc.assert(
    fc.property(queries, (query) => {
      const event = encodeQuery({ ...query, statusSize: 20 })
      for (let size = 0; size <= event.length; size += 1) {
        const found = queryTextPrefix(event.subarray(0, size), event.length, query.checksum)
        expect([undefined, query.text.slice(0, 32)]).toContain(found)
      }
    }),
    { numRuns: 20 },
  )
})

test('an event too short for what its fields say is refused', () => {
  const event = encodeQuery({ database: 'app', statusSize: 10, text: '', checksum: 'NONE' })
  expect(queryTextPrefix(event, event.length, 'NONE')).toBe('')
  expect(() => queryTextPrefix(event, event.length, 'CRC32')).toThrow(/beyond its end/)
  expect(() => queryTextPrefix(event, 31, 'NONE')).toThrow(/shorter than its fixed fields/)
  requireCalmOnAnyBytes((bytes) => queryTextPrefix(bytes, bytes.length, 'CRC32'), [event])
})
