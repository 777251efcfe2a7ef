/** One value of a series. */
export interface Point {
  /** since the process began */
  readonly minute: number
  readonly value: number
}

/** How a series runs from its first third to its last one. */
export interface Trend {
  readonly points: number
  /** from the first point to the last one */
  readonly minutes: number
  /** whether every point has a value */
  readonly isMeasured: boolean
  /** the median of the first third */
  readonly first: number
  /** the median of the last third */
  readonly last: number
  /** by how much the lower quartile of the last third is above that of the first one */
  readonly baseRise: number
  /** the median of the slopes between all pairs of points (Theil and Sen) */
  readonly slopePerMinute: number
}

/** A series is said to grow when it does so by more than `absolute + relative * first`. */
export interface Tolerance {
  readonly absolute: number
  readonly relative: number
}

/**
 * `short`: so few points or minutes that a slow leak would not be told from noise. `missing`: something was not
 * measured, such as a metric that has another name now, so that nothing can be said of it.
 */
export type Verdict = 'flat' | 'grows' | 'short' | 'missing'

const pointsLeast = 12
const minutesLeast = 12

export function median(values: readonly number[]): number {
  return quantile(values, 0.5)
}

/** The value that this share of the values does not exceed; NaN when there are none. */
export function quantile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN
}

/** Both measures shrug off single points, so that one slow moment or one collection is not a trend. */
export function trendOf(series: readonly Point[]): Trend {
  const third = Math.max(1, Math.floor(series.length / 3))
  const values = series.map(({ value }) => value)
  const [early, late] = [values.slice(0, third), values.slice(-third)]
  const slopes = series.flatMap((from, index) =>
    series.slice(index + 1).map((to) => (to.value - from.value) / (to.minute - from.minute)),
  )
  return {
    points: series.length,
    minutes: (series.at(-1)?.minute ?? 0) - (series[0]?.minute ?? 0),
    isMeasured: values.every(Number.isFinite),
    first: median(early),
    last: median(late),
    baseRise: quantile(late, 0.25) - quantile(early, 0.25),
    slopePerMinute: slopes.length === 0 ? 0 : median(slopes),
  }
}

/**
 * Grows when the base has risen by more than the tolerance and the slope tells the same: the first alone is
 * a single step that stays (a cache that filled), the second alone may be noise. The lower quartile and not
 * the median, since collections make memory a sawtooth whose feet stay where they are unless it leaks.
 */
export function judge(trend: Trend, tolerance: Tolerance): Verdict {
  if (trend.points < pointsLeast || trend.minutes < minutesLeast) return 'short'
  if (!trend.isMeasured) return 'missing'
  const allowed = tolerance.absolute + tolerance.relative * trend.first
  // The middles of the outer thirds are two thirds of the time apart.
  const slopeRise = (trend.slopePerMinute * trend.minutes * 2) / 3
  return trend.baseRise > allowed && slopeRise > allowed / 2 ? 'grows' : 'flat'
}
