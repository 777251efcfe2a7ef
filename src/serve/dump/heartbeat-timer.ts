import type { Clock } from '../../platform/index.ts'

export interface HeartbeatOptions {
  readonly clock: Clock
  /** 0: none are wanted */
  readonly periodMs: number
  /** monotonic; the first beat comes a period after it */
  readonly lastSentMs: () => number
  readonly beat: () => void
}

/** Beats while a dump waits at its end. */
export class HeartbeatTimer {
  readonly #options: HeartbeatOptions
  #cancel: (() => void) | undefined

  constructor(options: HeartbeatOptions) {
    this.#options = options
  }

  start(): void {
    const { clock, periodMs, lastSentMs } = this.#options
    if (periodMs === 0) return
    this.#arm(Math.max(0, lastSentMs() + periodMs - clock.monotonicMs()))
  }

  stop(): void {
    this.#cancel?.()
    this.#cancel = undefined
  }

  #arm(ms: number): void {
    this.#cancel = this.#options.clock.after(ms, () => {
      this.#options.beat()
      this.#arm(this.#options.periodMs)
    })
  }
}
