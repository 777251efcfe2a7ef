import { describe, expect, it } from 'vitest'
import { PLANTED_MONTHS } from './retention/sabotage.ts'
import { runMonth } from './retention/world.ts'
import { runSeeds, shownFailure } from './seeds.ts'

const SEEDS = 8
/** A fault that so many seeds do not show is one that the checker misses. */
const PLANTED_SEEDS_MAX = 20

/** What can befall the node in a month; none may be missing. */
const EVENTS = [
  'session',
  'made anew',
  'purge',
  'purge by hand',
  'purge by force',
  'purge refused',
  'disk at its limit',
  'given up',
  'clock jump',
  'clock set right',
  'stop',
  'kill',
  'power cut',
]

describe('a month of retention', () => {
  it('keeps what is needed and nothing else', { timeout: 600_000 }, async () => {
    const range = { from: 1, count: SEEDS }
    const result = await runSeeds((seed) => runMonth({ seed }), range)
    expect(shownFailure('retention-month', result)).toBeUndefined()
    expect(EVENTS.filter((name) => !result.counts.has(name))).toEqual([])
  })

  it('is the same again with the same seed', { timeout: 120_000 }, async () => {
    const run = async (seed: number) => (await runMonth({ seed, days: 2 })).digest
    const first = await run(3)
    expect(await run(3)).toBe(first)
    expect(await run(4)).not.toBe(first)
  })
})

describe('a planted fault of retention is noticed', () => {
  for (const { name, caughtBy, sabotage } of PLANTED_MONTHS) {
    it(`${name}: ${caughtBy}`, { timeout: 300_000 }, async () => {
      const found: string[] = []
      for (let seed = 1; seed <= PLANTED_SEEDS_MAX; seed += 1) {
        const { violation } = await runMonth({ seed, sabotage })
        if (violation?.checker === caughtBy) return
        if (violation !== undefined) found.push(violation.checker)
      }
      expect(found).toEqual([caughtBy])
    })
  }
})
