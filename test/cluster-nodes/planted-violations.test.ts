import { describe, expect, it } from 'vitest'
import { PLANTED_VIOLATIONS } from './sabotage.ts'
import { runWorld } from './world.ts'

/** A violation that so many seeds do not show is one that the checks miss. */
const SEEDS_MAX = 60

describe('a planted violation is noticed', () => {
  for (const { name, caughtBy, sabotage } of PLANTED_VIOLATIONS) {
    it(name, { timeout: 300_000 }, async () => {
      const found: string[] = []
      for (let seed = 1; seed <= SEEDS_MAX; seed += 1) {
        const { violation } = await runWorld({ seed, sabotage })
        if (violation === undefined) continue
        if (caughtBy.includes(violation.checker)) return
        found.push(`${seed}: ${violation.checker}: ${violation.message}`)
      }
      expect(found).toEqual(caughtBy)
    })
  }
})
