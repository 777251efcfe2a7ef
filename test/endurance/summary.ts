import Table from 'cli-table3'
import type { EnduranceResult } from './endurance-run.ts'
import type { MetricTrend } from './trends.ts'

const round = (value: number): string => value.toFixed(Math.abs(value) < 10 ? 2 : 1)

function row({ lifetime, metric, unit, isControl, verdict, ...trend }: MetricTrend): string[] {
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
    isControl ? `control: ${verdict}` : verdict.toUpperCase(),
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

/** Why the run fails; nothing when it passes. Too short a life is no reason, it is shown as SHORT. */
export function failures({ trends, faults }: EnduranceResult): string[] {
  const growing = trends.filter(({ verdict }) => verdict === 'grows')
  const controls = growing.filter(({ isControl }) => isControl).map(({ metric }) => metric)
  const busier =
    controls.length === 0
      ? ''
      : `; the machine was busier at the end, since these grew too: ${controls.join(', ')}`
  const reasons = growing
    .filter(({ isControl }) => !isControl)
    .map(({ metric, lifetime }) => `${metric} grows in process ${lifetime + 1} of Kingbus${busier}`)
  return [...reasons, ...faults]
}
