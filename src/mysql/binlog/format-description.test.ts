import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { ProtocolError } from '../../lib/index.ts'
import { checksumMatches, restamp } from './checksum.ts'
import { decodeFormatDescription, rewriteFormatDescription } from './format-description.ts'
import { EventFlag, readEventHeader } from './header.ts'

const SIZE = 123
const file = readFileSync(new URL('../../../test/fixtures/active-in-use.bin', import.meta.url))
const inUse = file.subarray(4, 4 + SIZE)

test('a file that is in use has a right checksum, and one after the flag is cleared', () => {
  expect(readEventHeader(inUse).flags).toBe(EventFlag.BINLOG_IN_USE)
  expect(checksumMatches(inUse)).toBe(true)
  const closed = rewriteFormatDescription(inUse, { inUse: false })
  expect(readEventHeader(closed).flags).toBe(0)
  expect(checksumMatches(closed)).toBe(true)
  expect(closed.subarray(-4)).toEqual(inUse.subarray(-4))
  expect(rewriteFormatDescription(closed, { inUse: true })).toEqual(inUse)
})

test('a rewritten one differs in the named fields and the checksum only', () => {
  const before = Buffer.from(inUse)
  const changed = rewriteFormatDescription(inUse, { logPos: 0, created: 7 })
  expect(inUse).toEqual(before)
  expect(checksumMatches(changed)).toBe(true)
  expect(readEventHeader(changed)).toEqual({ ...readEventHeader(inUse), logPos: 0 })
  expect(decodeFormatDescription(changed)).toEqual({
    ...decodeFormatDescription(inUse),
    created: 7,
  })
  expect(rewriteFormatDescription(changed, { logPos: 127, created: 0 })).toEqual(inUse)
})

test.each([
  ['binlog version 3', 19, 3],
  ['a header length of 20', 75, 20],
  ['checksum algorithm 255', SIZE - 5, 255],
])('%s is refused', (_what, offset, value) => {
  const event = Buffer.from(inUse)
  event[offset] = value
  restamp(event)
  expect(() => decodeFormatDescription(event)).toThrow(ProtocolError)
  expect(() => rewriteFormatDescription(event, { created: 0 })).toThrow(ProtocolError)
})
