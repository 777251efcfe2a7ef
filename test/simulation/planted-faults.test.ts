import { describe, expect, it } from 'vitest'
import { PLANTED_FAULTS } from './sabotage.ts'
import { runWorld } from './world.ts'

/** A fault that so many seeds do not show is one that the checker misses. */
const SEEDS_MAX = 60

describe('a planted fault is noticed', () => {
  for (const { name, caughtBy, sabotage } of PLANTED_FAULTS) {
    it(`${name}: ${caughtBy.join(', ')}`, { timeout: 300_000 }, async () => {
      const found: string[] = []
      for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
        const { violation } = await runWorld({ seed, sabotage })
        if (violation === undefined) continue
        if (caughtBy.includes(violation.checker)) return
        found.push(violation.checker)
      }
      expect(found).toEqual(caughtBy)
    })
  }
})
