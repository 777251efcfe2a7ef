import {
  Counter,
  collectDefaultMetrics,
  Gauge,
  Histogram as PromHistogram,
  Registry,
} from 'prom-client'
import { Histogram, present } from '../lib/index.ts'
import { METRICS, type MetricName, type MetricSpec } from './metric-table.ts'

/** One series of a metric. Labels are those of the table, in any order. */
export interface Sample {
  readonly labels: Readonly<Record<string, string>>
  readonly value: number
}

/** What is known at one moment; a metric that is absent, or has no samples, shows no series. */
export type Samples = Readonly<Partial<Record<MetricName, number | readonly Sample[] | Histogram>>>

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

type Shown = Gauge | Counter | ShownHistogram

function makeMetric(
  name: MetricName,
  { kind, help, labels }: MetricSpec,
  registry: Registry,
): Shown {
  const settings = { name, help, labelNames: [...labels], registers: [registry] }
  switch (kind) {
    case 'gauge':
      return new Gauge(settings)
    case 'counter':
      return new Counter(settings)
    case 'histogram':
      return new ShownHistogram(settings)
  }
}

function fill(metric: Shown, { labels }: MetricSpec, given: Samples[MetricName]): void {
  if (metric instanceof ShownHistogram) {
    metric.shown = given instanceof Histogram ? given : undefined
    return
  }
  metric.reset()
  // After a reset prom-client shows 0 for a metric without labels, which is a lie when it is unknown.
  if (labels.length === 0) metric.remove()
  for (const { labels, value } of samplesOf(given)) metric.inc(labels, value)
}

function samplesOf(given: Samples[MetricName]): readonly Sample[] {
  if (typeof given === 'number') return [{ labels: {}, value: given }]
  return given === undefined || given instanceof Histogram ? [] : given
}

/** A histogram that is kept elsewhere; prom-client's own can only be observed. */
class ShownHistogram extends PromHistogram {
  readonly #settings: { readonly name: string; readonly help: string }
  shown: Histogram | undefined

  constructor(settings: ConstructorParameters<typeof PromHistogram>[0]) {
    super(settings)
    this.#settings = settings
  }

  /** What the registry asks each metric for. */
  async getForPromString() {
    const { name, help } = this.#settings
    return {
      name,
      help,
      type: 'histogram',
      values: this.shown === undefined ? [] : series(name, this.shown),
    }
  }
}

function series(name: string, shown: Histogram) {
  const totals = shown.cumulative()
  const buckets = shown.bounds.map((bound, at) => ({ le: String(bound), value: totals[at] ?? 0 }))
  return [
    ...[...buckets, { le: '+Inf', value: shown.count }].map(({ le, value }) => ({
      metricName: `${name}_bucket`,
      labels: { le },
      value,
    })),
    { metricName: `${name}_sum`, labels: {}, value: shown.sum },
    { metricName: `${name}_count`, labels: {}, value: shown.count },
  ]
}
