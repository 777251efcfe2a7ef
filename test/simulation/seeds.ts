import { runWorld, type WorldResult } from './world.ts'

/** The command that shows a seed again, with everything that happens in it. */
export function replayCommand(seed: number): string {
  return `npm run soak -- simulation --seed ${seed} --trace`
}

export interface SeedsResult {
  readonly seeds: number
  /** the first seed that showed something wrong */
  readonly failed: WorldResult | undefined
  /** of all seeds together */
  readonly counts: Map<string, number>
}

export interface SeedRange {
  readonly from: number
  readonly count: number
  readonly step?: number
}

/** Runs seed after seed up to the first failure. @param goOn asked before each */
export async function runSeeds(
  { from, count, step = 1 }: SeedRange,
  goOn: (done: number) => boolean = () => true,
): Promise<SeedsResult> {
  const counts = new Map<string, number>()
  let seeds = 0
  for (; seeds < count && goOn(seeds); seeds += 1) {
    const result = await runWorld({ seed: from + seeds * step })
    addCounts(counts, result.counts)
    if (result.violation !== undefined) return { seeds: seeds + 1, failed: result, counts }
  }
  return { seeds, failed: undefined, counts }
}

function addCounts(to: Map<string, number>, from: Iterable<readonly [string, number]>): void {
  for (const [name, count] of from) to.set(name, (to.get(name) ?? 0) + count)
}
