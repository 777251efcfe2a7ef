import { expect, test } from 'vitest'
import { formatGtid } from '../gtid/gtid.ts'
import { encodeGtidEvent } from '../testing/gtid-events.ts'
import { checksumMatches } from './checksum.ts'
import { encodeEvent } from './event.ts'
import { EventType } from './event-type.ts'
import { decodeGtidEvent } from './gtid-event.ts'

const UUID = '90b578d4-e6e1-11f1-82c0-02fc00000001'
const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex')

// Captured from a 9.7.4 server: written there first, and written again by a replica.
const FIRST_HAND = hex(
  '1a9e036b 21 01000000 4f000000 c9020000 0000 00 90b578d4e6e111f182c002fc00000001' +
    '0500000000000000 02 0200000000000000 0300000000000000 3cc338f3e76006 fc2901 50620100 eb32c66e',
)
const TAGGED_BODY = hex(
  '02 78 00 0000 02 4102d502f051039903850322c50309020103 04f103000000 02 0404 060a616c706861' +
    '0800 0a04 0c7f47e138f3e76006 10ad04 1283120b',
)

function tagged(body: Buffer): Buffer {
  const fields = { type: EventType.GTID_TAGGED, timestamp: 0, serverId: 1, logPos: 0, flags: 0 }
  return encodeEvent({ ...fields, body, checksum: true })
}

test('an event of a 9.7 server is read field by field', () => {
  expect(checksumMatches(FIRST_HAND)).toBe(true)
  expect(decodeGtidEvent(FIRST_HAND, 'CRC32')).toEqual({
    gtid: { origin: UUID, gno: 5n },
    transactionLength: 297,
    lastCommitted: 2n,
    sequenceNumber: 3n,
    immediateCommitMicros: 1795399194559292n,
    originalCommitMicros: 1795399194559292n,
  })
})

test('a tagged event of a 9.7 server is read field by field', () => {
  const facts = decodeGtidEvent(tagged(TAGGED_BODY), 'CRC32')
  expect(facts).toEqual({
    gtid: { origin: `${UUID}:alpha`, gno: 1n },
    transactionLength: 299,
    lastCommitted: 0n,
    sequenceNumber: 1n,
    immediateCommitMicros: 1795399194566983n,
    originalCommitMicros: 1795399194566983n,
  })
  expect(encodeGtidEvent(facts)).toEqual(tagged(TAGGED_BODY))
})

test.each([
  [25, { lastCommitted: 0n, sequenceNumber: 0n, immediateCommitMicros: 0n, transactionLength: 0 }],
  [42, { lastCommitted: 2n, sequenceNumber: 3n, immediateCommitMicros: 0n, transactionLength: 0 }],
  [49, { sequenceNumber: 3n, immediateCommitMicros: 1795399194559292n, transactionLength: 0 }],
])(
  'an event that an older server ended after %d bytes of body leaves the rest zero',
  (size, facts) => {
    const old = Buffer.from(FIRST_HAND.subarray(0, 19 + size))
    old.writeUInt32LE(old.length, 9)
    const decoded = decodeGtidEvent(old, 'NONE')
    expect(decoded).toMatchObject(facts)
    expect(decoded.gtid && formatGtid(decoded.gtid)).toBe(`${UUID}:5`)
  },
)

test('a number that no transaction has is refused', () => {
  for (const gno of [0n, 2n ** 63n - 1n, 2n ** 64n - 1n]) {
    const event = Buffer.from(FIRST_HAND)
    event.writeBigUInt64LE(gno, 36)
    expect(() => decodeGtidEvent(event, 'CRC32')).toThrow(/^gno \d+ is not 1 to /)
  }
})

test('a field of a newer server is skipped when the event says that it may be', () => {
  // One more field, number 12 (varint 18) with two bytes that nobody here understands.
  const longer = Buffer.concat([TAGGED_BODY, hex('18 ffff')])
  longer[1] = longer.length << 1
  expect(decodeGtidEvent(tagged(longer), 'CRC32').transactionLength).toBe(299)
  longer[2] = 12 << 1
  expect(() => decodeGtidEvent(tagged(longer), 'CRC32')).toThrow('unknown GTID_TAGGED field 12')
})

test('the same uuid gives the very same string, also after another one', () => {
  const other = Buffer.from(FIRST_HAND)
  other[20] = 0
  const first = decodeGtidEvent(FIRST_HAND, 'CRC32').gtid
  expect(decodeGtidEvent(other, 'CRC32').gtid?.origin).toBe(`00${UUID.slice(2)}`)
  expect(decodeGtidEvent(FIRST_HAND, 'CRC32').gtid).toEqual(first)
})
