import { describe, expect, it } from 'vitest'
import { runSeeds, shownFailure } from './seeds.ts'
import { runWorld } from './world.ts'

/** How many seeds each of the parts runs; together they are the 500 of `npm test`. */
const PART_SEEDS = 125
const PARTS = 4

/** Everything that can befall the node, and what it answers; none may be missing from 500 seeds. */
const FAULTS = [
  'read fails',
  'write fails',
  'sync fails',
  'bit flips on read',
  'disk full',
  'disk gone',
  'a stored byte is damaged',
  'power cut',
  'process killed',
  'died by kill at an operation',
  'died by power cut at an operation',
  'index damaged while down',
  'index lost while down',
  'connection cut',
  'bad checksum',
  'silence',
  'refused',
  'source crashed',
  'source stopped',
  'source purges what is safe',
  'source loses its end',
  'refused a source that has lost its end',
  'failed and started again',
  'went on behind a failure of its disk',
  'acknowledged',
]

describe('a simulated node keeps its promises', () => {
  const met = new Set<string>()
  for (let part = 0; part < PARTS; part += 1) {
    const from = 1 + part * PART_SEEDS
    it(`with the seeds from ${from} on`, { timeout: 600_000 }, async () => {
      const result = await runSeeds((seed) => runWorld({ seed }), { from, count: PART_SEEDS })
      for (const name of result.counts.keys()) met.add(name)
      expect(shownFailure('simulation', result)).toBeUndefined()
    })
  }

  it('and meets every kind of fault', () => {
    expect(FAULTS.filter((name) => !met.has(name))).toEqual([])
  })

  it('and does the same again with the same seed', { timeout: 60_000 }, async () => {
    for (const seed of [3, 4]) {
      const first = await runWorld({ seed })
      expect((await runWorld({ seed })).digest).toBe(first.digest)
      expect((await runWorld({ seed: seed + 1 })).digest).not.toBe(first.digest)
    }
  })
})
