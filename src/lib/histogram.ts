/** How often something took how long, or was how large: what a Prometheus histogram shows. */
export class Histogram {
  /** upper bounds, rising; what is above the last is in `count` alone */
  readonly bounds: readonly number[]
  readonly #counts: number[]
  #count = 0
  #sum = 0

  constructor(bounds: readonly number[]) {
    this.bounds = bounds
    this.#counts = bounds.map(() => 0)
  }

  observe(value: number): void {
    const at = this.bounds.findIndex((bound) => value <= bound)
    if (at >= 0) this.#counts[at] = (this.#counts[at] ?? 0) + 1
    this.#count += 1
    this.#sum += value
  }

  get count(): number {
    return this.#count
  }

  get sum(): number {
    return this.#sum
  }

  /** For each bound, how many were no more than it. */
  cumulative(): readonly number[] {
    let total = 0
    return this.#counts.map((count) => {
      total += count
      return total
    })
  }

  /** The bound that this fraction of all lies within; undefined before the first one, Infinity above the last bound. */
  quantile(fraction: number): number | undefined {
    if (this.#count === 0) return undefined
    const at = this.cumulative().findIndex((total) => total >= fraction * this.#count)
    return this.bounds[at] ?? Number.POSITIVE_INFINITY
  }
}

/** Bounds for what a disk takes, in seconds: a quick one's 0.1 ms to one that hangs for a minute. */
export const DISK_SECONDS: readonly number[] = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
  30, 60,
]
