import type { Clock } from '../../../platform/index.ts'

/** Time that passes only when the test says so. */
export class FakeClock implements Clock {
  #ms = 0
  readonly #timers = new Set<{ at: number; fire: () => void }>()

  nowMs(): number {
    return 1_800_000_000_000 + this.#ms
  }

  monotonicMs(): number {
    return this.#ms
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.after(ms, done)
      signal?.addEventListener('abort', done)
    })
  }

  after(ms: number, then: () => void): () => void {
    const timer = { at: this.#ms + ms, fire: then }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  /** Lets time pass, and each timer fire at its time. */
  pass(ms: number): void {
    const end = this.#ms + ms
    for (;;) {
      const [next] = [...this.#timers].filter(({ at }) => at <= end).sort((a, b) => a.at - b.at)
      if (next === undefined) break
      this.#timers.delete(next)
      this.#ms = Math.max(this.#ms, next.at)
      next.fire()
    }
    this.#ms = end
  }

  get timers(): number {
    return this.#timers.size
  }
}
