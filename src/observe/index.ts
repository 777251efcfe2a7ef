/*
  observe: log lines and metrics; the only importer of pino and prom-client. Promises that every metric
  stands in one table, and that a log line is written when the call returns. Knows nothing of what the
  lines and numbers mean.
*/
export { createLogger, type LoggerOptions } from './logger.ts'
export { METRICS, type MetricName } from './metric-table.ts'
export { createMetrics, type MetricsPage, type Sample, type Samples } from './metrics.ts'
