import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checksumMatches, decodePreviousGtids, GtidSet, readEventHeader } from '../mysql/index.ts'
import { fileHead } from './file-head.ts'

const file = readFileSync(new URL('../../test/fixtures/plain.000002', import.meta.url))
const format = file.subarray(4, 4 + readEventHeader(file, 4).size)

test('the head of a file that begins inside the source’s tells true positions and the set before it', () => {
  const before = GtidSet.parse('3e11fa47-71ca-11e1-9e33-c80aa9429562:1-10:tag:4')
  const head = fileHead(format, before)
  const first = readEventHeader(head)
  const second = readEventHeader(head, first.size)
  const previous = head.subarray(first.size)
  expect(first.logPos).toBe(4 + first.size)
  expect(second.logPos).toBe(4 + head.length)
  expect(second.size).toBe(previous.length)
  expect(checksumMatches(previous)).toBe(true)
  expect(decodePreviousGtids(previous, 'CRC32').equals(before)).toBe(true)
})
