import { Counter, collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import { present } from '../lib/index.ts'
import { METRICS, type MetricName, type MetricSpec } from './metric-table.ts'

/** One series of a metric. Labels are those of the table, in any order. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What is known at one moment; a metric that is absent, or has no samples, shows no series. */
export type Samples = Readonly<Partial<Record<MetricName, number | readonly Sample[]>>>

export interface MetricsPage {
  readonly contentType: string
  /** the Prometheus text format */
  render(): Promise<string>
}

/**
 * All metrics, taken from `read` when they are asked for: nothing is counted on the way of the data.
 * @param read must be cheap and may wait
 */
export function createMetrics(read: () => Promise<Samples>): MetricsPage {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  const names = Object.keys(METRICS) as MetricName[]
  const metrics = new Map(names.map((name) => [name, makeMetric(name, METRICS[name], registry)]))
  return {
    contentType: registry.contentType,
    async render() {
      const samples = await read()
      for (const name of names) fill(present(metrics.get(name), name), METRICS[name], samples[name])
      return await registry.metrics()
    },
  }
}

function makeMetric(
  name: MetricName,
  { kind, help, labels }: MetricSpec,
  registry: Registry,
): Gauge | Counter {
  const settings = { name, help, labelNames: [...labels], registers: [registry] }
  return kind === 'gauge' ? new Gauge(settings) : new Counter(settings)
}

function fill(
  metric: Gauge | Counter,
  { labels }: MetricSpec,
  given: number | readonly Sample[] | undefined,
): void {
  metric.reset()
  // After a reset prom-client shows 0 for a metric without labels, which is a lie when it is unknown.
  if (labels.length === 0) metric.remove()
  const samples = typeof given === 'number' ? [{ labels: {}, value: given }] : (given ?? [])
  for (const { labels, value } of samples) metric.inc(labels, value)
}
