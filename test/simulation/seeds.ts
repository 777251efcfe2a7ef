import type { Violation } from './violation.ts'

/** What a seed has shown. */
export interface SeedResult {
  readonly seed: number
  readonly violation: Violation | undefined
  /** equal for equal seeds */
  readonly digest: string
  /** how often each kind of thing happened */
  readonly counts: ReadonlyMap<string, number>
}

export interface SeedsResult {
  readonly seeds: number
  /** the first seed that showed something wrong */
  readonly failed: SeedResult | undefined
  /** of all seeds together */
  readonly counts: Map<string, number>
}

export interface SeedRange {
  readonly from: number
  readonly count: number
  readonly step?: number
}

/** The command that shows a seed again, with everything that happens in it. @param suite its name in `npm run soak` */
export function replayCommand(suite: string, seed: number): string {
  return `npm run soak -- ${suite} --seed ${seed} --trace`
}

/** Runs seed after seed up to the first failure. @param goOn asked before each */
export async function runSeeds(
  run: (seed: number) => SeedResult | Promise<SeedResult>,
  { from, count, step = 1 }: SeedRange,
  goOn: () => boolean = () => true,
): Promise<SeedsResult> {
  const counts = new Map<string, number>()
  let seeds = 0
  for (; seeds < count && goOn(); seeds += 1) {
    const result = await run(from + seeds * step)
    for (const [name, times] of result.counts) counts.set(name, (counts.get(name) ?? 0) + times)
    if (result.violation !== undefined) return { seeds: seeds + 1, failed: result, counts }
  }
  return { seeds, failed: undefined, counts }
}

/** What a test shows of a seed that failed: how to run it again, and what was wrong. */
export function shownFailure(suite: string, { failed }: SeedsResult): string | undefined {
  const { checker, message } = failed?.violation ?? {}
  return failed && `${replayCommand(suite, failed.seed)}\n${checker}: ${message}`
}
