import type { Sample } from './sampler.ts'
import {
  judge,
  median,
  type Point,
  type Tolerance,
  type Trend,
  trendOf,
  type Verdict,
} from './trend.ts'

/** Milliseconds of one cycle. */
export interface CycleLatency {
  readonly cycle: number
  readonly lifetime: number
  readonly minute: number
  /** a party was restarted in it */
  readonly disturbed: boolean
  readonly probes: number
  readonly commitP50: number
  readonly viaSourceP50: number
  readonly viaSourceP99: number
  readonly viaKingbusP50: number
  readonly viaKingbusP99: number
  readonly addedP50: number
  readonly addedP99: number
}

/**
 * `own`: of Kingbus alone. `control`: of the machine and the source, without Kingbus. `timed`: of Kingbus, but a
 * machine that others use slows it down too; what grows together with a control says nothing of Kingbus.
 */
export type Kind = 'own' | 'timed' | 'control'

export interface MetricTrend extends Trend {
  readonly lifetime: number
  readonly metric: string
  readonly unit: string
  readonly kind: Kind
  readonly tolerance: Tolerance
  readonly verdict: Verdict
}

const MiB = 2 ** 20

interface Watched<T> {
  readonly metric: string
  readonly unit: string
  /** own where it is not given */
  readonly kind?: Kind
  readonly of: (from: T) => number
  readonly tolerance: Tolerance
}

/** The least of a cycle says more of a heap than its middle: what is left when garbage was collected. */
const ofProcess: readonly (Watched<Sample> & { readonly pick: 'least' | 'middle' })[] = [
  {
    metric: 'memory (RSS)',
    unit: 'MiB',
    of: ({ rss }) => rss / MiB,
    pick: 'middle',
    tolerance: { absolute: 16, relative: 0 },
  },
  {
    metric: 'heap used',
    unit: 'MiB',
    of: ({ heapUsed }) => heapUsed / MiB,
    pick: 'least',
    tolerance: { absolute: 8, relative: 0 },
  },
  {
    metric: 'memory outside the heap',
    unit: 'MiB',
    of: ({ external }) => external / MiB,
    pick: 'least',
    tolerance: { absolute: 8, relative: 0 },
  },
  {
    metric: 'file descriptors',
    unit: '',
    of: ({ fds }) => fds,
    pick: 'middle',
    tolerance: { absolute: 4, relative: 0 },
  },
  {
    metric: 'threads',
    unit: '',
    of: ({ threads }) => threads,
    pick: 'middle',
    tolerance: { absolute: 0, relative: 0 },
  },
  {
    metric: 'lines of /metrics',
    unit: '',
    of: ({ metricLines }) => metricLines,
    pick: 'middle',
    tolerance: { absolute: 8, relative: 0 },
  },
  {
    metric: 'event loop delay, p99',
    unit: 'ms',
    kind: 'timed',
    of: ({ loopDelayP99Ms }) => loopDelayP99Ms,
    pick: 'middle',
    tolerance: { absolute: 10, relative: 0.5 },
  },
  {
    metric: 'files on disk',
    unit: 'MiB',
    of: ({ diskBytes }) => diskBytes / MiB,
    pick: 'least',
    tolerance: { absolute: 32, relative: 0.1 },
  },
]

const ofLatency: readonly Watched<CycleLatency>[] = [
  {
    metric: 'commit at the source, p50',
    unit: 'ms',
    kind: 'control',
    of: ({ commitP50 }) => commitP50,
    tolerance: { absolute: 3, relative: 0.5 },
  },
  {
    metric: 'to a client of the source, p50',
    unit: 'ms',
    kind: 'control',
    of: ({ viaSourceP50 }) => viaSourceP50,
    tolerance: { absolute: 3, relative: 0.5 },
  },
  {
    metric: 'to a client of the source, p99',
    unit: 'ms',
    kind: 'control',
    of: ({ viaSourceP99 }) => viaSourceP99,
    tolerance: { absolute: 100, relative: 1 },
  },
  {
    metric: 'the two p50 to clients, ratio',
    unit: '',
    of: ({ viaKingbusP50, viaSourceP50 }) => viaKingbusP50 / viaSourceP50,
    tolerance: { absolute: 0.5, relative: 0 },
  },
  {
    metric: 'to a client of Kingbus, p50',
    unit: 'ms',
    kind: 'timed',
    of: ({ viaKingbusP50 }) => viaKingbusP50,
    tolerance: { absolute: 3, relative: 0.5 },
  },
  {
    metric: 'to a client of Kingbus, p99',
    unit: 'ms',
    kind: 'timed',
    of: ({ viaKingbusP99 }) => viaKingbusP99,
    tolerance: { absolute: 100, relative: 1 },
  },
  {
    metric: "Kingbus's part of it, p50",
    unit: 'ms',
    kind: 'timed',
    of: ({ addedP50 }) => addedP50,
    tolerance: { absolute: 1, relative: 0.5 },
  },
  {
    metric: "Kingbus's part of it, p99",
    unit: 'ms',
    kind: 'timed',
    of: ({ addedP99 }) => addedP99,
    tolerance: { absolute: 50, relative: 1 },
  },
]

/** The first part of a process's life, while its caches fill and its code is compiled. */
const warmUpShare = 0.15
const warmUpMinutesLeast = 2

/** Every metric over the life of every process of Kingbus, the warm-up left out. */
export function trendsOf(
  samples: readonly Sample[],
  latencies: readonly CycleLatency[],
): MetricTrend[] {
  const lifetimes = [...new Set(samples.map(({ lifetime }) => lifetime))]
  return lifetimes.flatMap((lifetime) => {
    const lived = samples.filter((sample) => sample.lifetime === lifetime)
    const warm = Math.max(warmUpMinutesLeast, (lived.at(-1)?.minute ?? 0) * warmUpShare)
    const taken = lived.filter(({ minute }) => minute >= warm)
    const windows = latencies.filter(
      (window) => window.lifetime === lifetime && window.minute >= warm && !window.disturbed,
    )
    return [
      ...ofProcess.map((watched) => trendRow(lifetime, watched, perCycle(taken, watched))),
      ...ofLatency.map((watched) => {
        const series = windows.map((window) => ({
          minute: window.minute,
          value: watched.of(window),
        }))
        return trendRow(lifetime, watched, series)
      }),
    ]
  })
}

function trendRow<T>(
  lifetime: number,
  { metric, unit, kind = 'own', tolerance }: Watched<T>,
  series: readonly Point[],
): MetricTrend {
  const trend = trendOf(series)
  return {
    lifetime,
    metric,
    unit,
    kind,
    tolerance,
    ...trend,
    verdict: judge(trend, tolerance),
  }
}

/** One point per cycle, so that the phases of the load are in every one of them. */
function perCycle(
  samples: readonly Sample[],
  { of, pick }: { of: (sample: Sample) => number; pick: 'least' | 'middle' },
): Point[] {
  const cycles = [...new Set(samples.map(({ cycle }) => cycle))]
  return cycles.map((cycle) => {
    const taken = samples.filter((sample) => sample.cycle === cycle)
    const values = taken.map(of)
    return {
      minute: median(taken.map(({ minute }) => minute)),
      value: pick === 'least' ? Math.min(...values) : median(values),
    }
  })
}
