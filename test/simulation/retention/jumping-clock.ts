import type { Clock } from '../../../src/platform/index.ts'

/** The clock of a machine whose wall time is set to something else now and then. */
export class JumpingClock implements Clock {
  readonly #inner: Clock
  readonly #wall: { readonly aheadMs: number }

  constructor(inner: Clock, wall: { readonly aheadMs: number }) {
    this.#inner = inner
    this.#wall = wall
  }

  nowMs(): number {
    return this.#inner.nowMs() + this.#wall.aheadMs
  }

  monotonicMs(): number {
    return this.#inner.monotonicMs()
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return this.#inner.sleep(ms, signal)
  }

  after(ms: number, then: () => void): () => void {
    return this.#inner.after(ms, then)
  }
}
