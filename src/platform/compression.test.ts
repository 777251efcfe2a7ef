import { deflateSync } from 'node:zlib'
import { describe, expect, test } from 'vitest'
import { Compressor, hasCompression } from './compression.ts'

const ALGORITHMS = (['zlib', 'zstd'] as const).filter(hasCompression)
const TEXT = Buffer.from('the same words again and again '.repeat(100))

describe.each(ALGORITHMS)('%s', (algorithm) => {
  const codec = new Compressor(2).codec(algorithm, 3)

  test('gives back what it was given, and less of it in between', async () => {
    const packed = await codec.compress(TEXT)
    expect(packed.length).toBeLessThan(TEXT.length / 10)
    expect(await codec.decompress(packed, TEXT.length)).toEqual(TEXT)
  })

  test('gives nothing for another size, for bytes that are cut and for bytes that are none', async () => {
    const packed = await codec.compress(TEXT)
    expect(await codec.decompress(packed, TEXT.length - 1)).toBeUndefined()
    expect(await codec.decompress(packed, TEXT.length + 1)).toBeUndefined()
    expect(await codec.decompress(packed, 0)).toBeUndefined()
    expect(await codec.decompress(packed.subarray(0, -5), TEXT.length)).toBeUndefined()
    expect(await codec.decompress(Buffer.from('no such bytes'), 13)).toBeUndefined()
  })
})

test('bytes that would grow beyond what was said are not grown', async () => {
  const bomb = deflateSync(Buffer.alloc(64 * 1024 * 1024))
  expect(await new Compressor(1).codec('zlib', 6).decompress(bomb, 1000)).toBeUndefined()
})

test('no more pieces are worked on at once than were said, and they end in their order', async () => {
  const codec = new Compressor(1).codec('zlib', 6)
  const order: number[] = []
  // The first is by far the largest: without a turn the others would overtake it.
  const sizes = [4 * 1024 * 1024, 100, 100]
  const jobs = sizes.map(async (size, index) => {
    await codec.compress(Buffer.alloc(size, index))
    order.push(index)
  })
  await Promise.all(jobs)
  expect(order).toEqual([0, 1, 2])
})
