import { expect, test } from 'vitest'
import { runBits } from './bit-run.ts'

const SEED = 20_261

test('any bit that flips is found, named and never served, while the store is open and when it opens', async () => {
  const { bits, problems } = await runBits({ seed: SEED, bitsEach: 50, say: () => {} })
  expect(problems).toEqual([])
  expect(bits).toBeGreaterThan(200)
}, 60_000)
