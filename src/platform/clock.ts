/** Time as the rest of Kingbus sees it; tests and the simulation put their own in its place. */
export interface Clock {
  /** wall clock, milliseconds since 1970; may jump */
  nowMs(): number
  /** monotonic, milliseconds since some moment; never jumps */
  monotonicMs(): number
  /** Resolves after `ms`, or at once when the signal fires; never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>
  /** Calls `then` once after `ms`, unless the returned function was called before. */
  after(ms: number, then: () => void): () => void
}

export const systemClock: Clock = {
  nowMs: () => Date.now(),
  monotonicMs: () => performance.now(),
  sleep(ms, signal) {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const timer = setTimeout(done, ms)
      signal?.addEventListener('abort', done, { once: true })
    })
  },
  after(ms, then) {
    const timer = setTimeout(then, ms)
    return () => clearTimeout(timer)
  },
}

/** Lets everything else that waits for its turn run first: sockets, timers, other sessions. */
export function yieldTurn(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve)
  })
}
