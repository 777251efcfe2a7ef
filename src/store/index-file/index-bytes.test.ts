import { expect, test } from 'vitest'
import { IndexWriter } from './index-bytes.ts'

test('every kind of field is kept whole where the buffer grows in front of it', () => {
  const fields: readonly [number, (writer: IndexWriter) => void, readonly number[]][] = [
    [256, (writer) => writer.u8(7), [7]],
    [255, (writer) => writer.u32(0x04030201), [1, 2, 3, 4]],
    [250, (writer) => writer.u64(513), [1, 2, 0, 0, 0, 0, 0, 0]],
    [254, (writer) => writer.raw(Buffer.from([9, 8, 7])), [9, 8, 7]],
  ]
  for (const [before, write, expected] of fields) {
    const writer = new IndexWriter()
    writer.raw(Buffer.alloc(before, 1))
    write(writer)
    expect([...writer.content().subarray(before)]).toEqual(expected)
  }
})
