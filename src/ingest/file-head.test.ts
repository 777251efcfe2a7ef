import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { checksumMatches, decodePreviousGtids, GtidSet, readEventHeader } from '../mysql/index.ts'
import { fileHead } from './file-head.ts'

function formatOf(name: string): Buffer {
  const file = readFileSync(new URL(`../../test/fixtures/${name}`, import.meta.url))
  return file.subarray(4, 4 + readEventHeader(file, 4).size)
}

test.each([
  ['plain.000002', '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-10:tag:4'],
  ['mariadb-kinds.000001', '0-11-22,7-11-1'],
  ['mariadb-kinds.000001', ''],
])(
  'the head of a file that begins inside %s tells true positions and the set %j before it',
  (name, set) => {
    const before = GtidSet.parse(set)
    const format = formatOf(name)
    const head = fileHead(format, before)
    const first = readEventHeader(head)
    const second = readEventHeader(head, first.size)
    const previous = head.subarray(first.size)
    expect(first.logPos).toBe(4 + first.size)
    expect(second.logPos).toBe(4 + head.length)
    expect(second.size).toBe(previous.length)
    expect(checksumMatches(previous)).toBe(true)
    expect(decodePreviousGtids(previous, 'CRC32').equals(before)).toBe(true)
  },
)
