export interface Spread {
  readonly median: number
  readonly least: number
  readonly most: number
}

const ascending = (values: readonly number[]): number[] =>
  values.toSorted((one, other) => one - other)

/** The median of some repeats, and how far they lie apart. */
export function spreadOf(values: readonly number[]): Spread {
  const sorted = ascending(values)
  const at = (index: number): number => sorted[index] ?? Number.NaN
  const middle = (sorted.length - 1) / 2
  const median = (at(Math.floor(middle)) + at(Math.ceil(middle))) / 2
  return { median, least: at(0), most: at(sorted.length - 1) }
}

export interface Percentiles {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Each is the smallest sample that so many are not above. */
export function percentilesOf(samplesMs: readonly number[]): Percentiles {
  const sorted = ascending(samplesMs)
  const at = (share: number): number => {
    return sorted[Math.max(0, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN
  }
  return { p50Ms: at(0.5), p99Ms: at(0.99), maxMs: at(1) }
}
