import type { Planted } from './planted.ts'
import { runWorld, type WorldResult } from './world.ts'

/** The command that shows a seed again, with everything that happens in it. */
export function replayCommand(seed: number): string {
  return `npm run soak -- cluster --seed ${seed} --trace`
}

export interface SeedRange {
  readonly from: number
  readonly count: number
  readonly step?: number
}

export interface SeedsResult {
  readonly seeds: number
  /** the first seed that showed something wrong */
  readonly failed: WorldResult | undefined
  /** of all seeds together */
  readonly counts: Map<string, number>
}

/** Runs seed after seed up to the first failure. @param goOn asked before each */
export function runSeeds(
  { from, count, step = 1 }: SeedRange,
  planted: Planted = {},
  goOn: () => boolean = () => true,
): SeedsResult {
  const counts = new Map<string, number>()
  let seeds = 0
  for (; seeds < count && goOn(); seeds += 1) {
    const result = runWorld({ seed: from + seeds * step, planted })
    for (const [name, times] of result.counts) counts.set(name, (counts.get(name) ?? 0) + times)
    if (result.violation !== undefined) return { seeds: seeds + 1, failed: result, counts }
  }
  return { seeds, failed: undefined, counts }
}
