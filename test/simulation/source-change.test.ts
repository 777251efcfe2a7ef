import { describe, expect, it } from 'vitest'
import { runSeeds, shownFailure } from './seeds.ts'
import { PLANTED_CHANGES } from './source-change/sabotage.ts'
import { runSourceChange } from './source-change/world.ts'

const SEEDS = 30
/** A fault that so many seeds do not show is one that the checker misses. */
const PLANTED_SEEDS_MAX = 20

/** What can come of a change of source; none may be missing. */
const EVENTS = [
  'a copy of its data directory',
  'a replica that has everything',
  'a replica that lacks the tail',
  'a diverged replica',
  'itself with files made anew',
  'itself with its files removed',
  'refused: a replica that lacks the tail',
  'refused: a diverged replica',
  'kill',
  'power cut',
  'cut',
  'client cut',
]

describe('a node whose source changes', () => {
  it('loses nothing, has nothing twice, and refuses in words', { timeout: 600_000 }, async () => {
    const range = { from: 1, count: SEEDS }
    const result = await runSeeds((seed) => runSourceChange({ seed }), range)
    expect(shownFailure('source-change', result)).toBeUndefined()
    expect(EVENTS.filter((name) => !result.counts.has(name))).toEqual([])
  })

  it('is the same again with the same seed', { timeout: 120_000 }, async () => {
    const run = async (seed: number) => (await runSourceChange({ seed })).digest
    const first = await run(3)
    expect(await run(3)).toBe(first)
    expect(await run(4)).not.toBe(first)
  })
})

describe('a planted fault at a change of source is noticed', () => {
  for (const { name, caughtBy, sabotage } of PLANTED_CHANGES) {
    it(`${name}: ${caughtBy.join(', ')}`, { timeout: 300_000 }, async () => {
      const found: string[] = []
      for (let seed = 1; seed <= PLANTED_SEEDS_MAX; seed += 1) {
        const { violation } = await runSourceChange({ seed, sabotage })
        if (violation === undefined) continue
        if (caughtBy.includes(violation.checker)) return
        found.push(violation.checker)
      }
      expect(found).toEqual(caughtBy)
    })
  }
})
