import { expect, test } from 'vitest'
import { runBits } from './bit-run.ts'
import { runLogBits } from './log-run.ts'

const SEED = 20_261

test('any bit that flips is found, named and never served, while the store is open and when it opens', async () => {
  const { bits, problems } = await runBits({ seed: SEED, bitsEach: 35, say: () => {} })
  expect(problems).toEqual([])
  expect(bits).toBeGreaterThan(200)
}, 180_000)

test('any bit that flips in a file of a node in a cluster is named and never served, and had again', async () => {
  const { bits, problems } = await runLogBits({ seed: SEED, bitsEach: 25, say: () => {} })
  expect(problems).toEqual([])
  expect(bits).toBeGreaterThan(200)
}, 180_000)
