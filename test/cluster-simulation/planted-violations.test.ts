import { describe, expect, it } from 'vitest'
import { runSeeds } from '../simulation/seeds.ts'
import { PLANTED_VIOLATIONS } from './sabotage.ts'
import { VARIANTS } from './variants.ts'
import { runWorld } from './world.ts'

/** A violation that so many seeds do not show is one that the checks miss. */
const SEEDS_MAX = 6000
const VARIANT_SEEDS = 60

describe('a planted violation is noticed', () => {
  for (const planted of PLANTED_VIOLATIONS) {
    const { name, rule, caughtBy, seed } = planted
    it(`rule ${rule}: ${name}`, { timeout: 300_000 }, () => {
      const found: string[] = []
      const seeds = [seed, ...Array.from({ length: SEEDS_MAX }, (_, index) => index + 1)]
      for (const each of seeds) {
        const { violation } = runWorld({ seed: each, planted })
        if (violation === undefined) continue
        if (caughtBy.includes(violation.checker)) return
        found.push(`${each}: ${violation.checker}`)
        if (found.length > 20) break
      }
      expect(found).toEqual(caughtBy)
    })
  }
})

describe('what the rules do not need may be otherwise', () => {
  for (const variant of VARIANTS) {
    it(variant.name, { timeout: 60_000 }, async () => {
      const run = (seed: number) => runWorld({ seed, planted: variant })
      const { failed } = await runSeeds(run, { from: 1, count: VARIANT_SEEDS })
      expect(failed?.violation?.message).toBeUndefined()
    })
  }
})
