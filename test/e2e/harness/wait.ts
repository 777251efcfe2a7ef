/** Resolves after `ms`; for the steps of a poll and for load, never in place of a condition. */
export function pause(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms))
}

export interface Patience {
  /** what is waited for, as the end of "waited in vain for ..." */
  readonly what: string
  readonly timeoutMs?: number
  readonly stepMs?: number
  /** what to say beside it when it never came */
  readonly explain?: () => string | Promise<string>
}

/** Polls until `attempt` gives something that is neither undefined nor false, and returns it. */
export async function waitFor<T>(
  patience: Patience,
  attempt: () => Promise<T | undefined | false>,
): Promise<T> {
  const deadline = performance.now() + (patience.timeoutMs ?? 30_000)
  for (;;) {
    const got = await attempt()
    if (got !== undefined && got !== false) return got
    if (performance.now() > deadline) {
      const why = (await patience.explain?.()) ?? ''
      throw new Error(`waited in vain for ${patience.what} ${why}`.trim())
    }
    await pause(patience.stepMs ?? 50)
  }
}
