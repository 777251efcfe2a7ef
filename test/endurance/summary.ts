import Table from 'cli-table3'
import type { EnduranceResult } from './endurance-run.ts'
import type { MetricTrend } from './trends.ts'

const round = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : 1)

function row({ lifetime, metric, unit, kind, verdict, ...trend }: MetricTrend): string[] {
  const allowed = trend.tolerance.absolute + trend.tolerance.relative * trend.first
  return [
    String(lifetime + 1),
    metric,
    unit,
    `${trend.minutes.toFixed(0)} min, ${trend.points}`,
    round(trend.first),
    round(trend.last),
    round(trend.slopePerMinute),
    `+${round(allowed)}`,
    kind === 'control' ? `control: ${verdict}` : verdict.toUpperCase(),
  ]
}

/** The figures as a table, and what is to be said of them. */
export function summary(result: EnduranceResult): string {
  const table = new Table({
    head: [
      'process',
      'metric',
      'unit',
      'judged over',
      'first third',
      'last third',
      'slope/min',
      'allowed',
      'verdict',
    ],
    style: { head: [], border: [] },
  })
  table.push(...result.trends.filter(({ points }) => points > 0).map(row))
  const clients = Object.entries(result.clients).map(([name, count]) => `${count} ${name}`)
  return [
    table.toString(),
    `${result.committed} transactions and ${result.probes} probes committed`,
    `clients: ${clients.join(', ')}`,
    `${result.filesCompared} files compared byte by byte; older ones were ${result.purged ? '' : 'not '}purged`,
    ...result.faults.map((fault) => `FAULT ${fault}`),
  ].join('\n')
}

/**
 * Why the run fails, nothing when it passes; and what is to be known beside it. Too short a life is no reason
 * to fail, the table shows it as SHORT.
 */
export function conclusions({ trends, faults }: EnduranceResult): {
  failures: string[]
  notes: string[]
} {
  const growing = trends.filter(({ verdict }) => verdict === 'grows')
  const controls = growing.filter(({ kind }) => kind === 'control')
  const isExcused = ({ kind, lifetime }: MetricTrend): boolean =>
    kind === 'timed' && controls.some((control) => control.lifetime === lifetime)
  const words = ({ metric, lifetime }: MetricTrend): string =>
    `${metric} grows in the time of process ${lifetime + 1} of Kingbus`
  const own = growing.filter(({ kind }) => kind !== 'control')
  const missing = trends
    .filter(({ verdict }) => verdict === 'missing')
    .map(({ metric, lifetime }) => `${metric} was not measured of process ${lifetime + 1}`)
  return {
    failures: [...own.filter((trend) => !isExcused(trend)).map(words), ...missing, ...faults],
    notes: [
      ...controls.map((trend) => `${words(trend)}: the machine was busier at the end`),
      ...own.filter(isExcused).map((trend) => `${words(trend)}, and so does a control`),
    ],
  }
}
