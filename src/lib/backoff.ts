/** Bounds of a wait between attempts, in milliseconds. */
export interface BackoffLimits {
  readonly firstMs: number
  readonly mostMs: number
}

/**
 * Waits that double from `firstMs` to `mostMs`, each shortened by up to half at random, so that many
 * who lost the same peer do not all come back at once. `random` gives numbers in [0, 1).
 */
export class Backoff {
  readonly #limits: BackoffLimits
  readonly #random: () => number
  #attempts = 0

  constructor(limits: BackoffLimits, random: () => number) {
    this.#limits = limits
    this.#random = random
  }

  get attempts(): number {
    return this.#attempts
  }

  nextMs(): number {
    const whole = Math.min(
      this.#limits.mostMs,
      this.#limits.firstMs * 2 ** Math.min(this.#attempts, 30),
    )
    this.#attempts += 1
    return Math.round(whole * (1 - this.#random() / 2))
  }

  reset(): void {
    this.#attempts = 0
  }
}
