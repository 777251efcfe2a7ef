import { expect, test } from 'vitest'
import { Histogram } from '../lib/index.ts'
import { METRICS } from './metric-table.ts'
import { createMetrics } from './metrics.ts'

const series = (page: string, name: string): string[] =>
  page
    .split('\n')
    .filter((line) => line === name || line.startsWith(`${name}{`) || line.startsWith(`${name} `))

test('a metric without a value shows no series, and one with labels one series each', async () => {
  const page = await createMetrics(async () => ({
    kingbus_binlog_files: 3,
    kingbus_source_state: [
      { labels: { state: 'streaming' }, value: 1 },
      { labels: { state: 'failed' }, value: 0 },
    ],
  })).render()
  expect(series(page, 'kingbus_binlog_files')).toEqual(['kingbus_binlog_files 3'])
  expect(series(page, 'kingbus_source_state')).toHaveLength(2)
  expect(series(page, 'kingbus_source_lag_seconds')).toEqual([])
})

test('a series that is gone at the next reading is no longer shown, and values are not summed', async () => {
  let files: number | undefined = 3
  const page = createMetrics(async () =>
    files === undefined ? {} : { kingbus_binlog_files: files },
  )
  await page.render()
  expect(series(await page.render(), 'kingbus_binlog_files')).toEqual(['kingbus_binlog_files 3'])
  files = undefined
  expect(series(await page.render(), 'kingbus_binlog_files')).toEqual([])
})

test('every metric of the table is on the page with its help', async () => {
  const page = await createMetrics(async () => ({})).render()
  for (const [name, { help, kind }] of Object.entries(METRICS)) {
    expect(page).toContain(`# HELP ${name} ${help}\n# TYPE ${name} ${kind}\n`)
  }
})

test('a histogram is shown with as many as each bound holds, and not before it is known', async () => {
  const histogram = new Histogram([0.001, 1])
  for (const seconds of [0.00048828125, 0.5, 2]) histogram.observe(seconds)
  const page = await createMetrics(async () => ({ kingbus_disk_sync_seconds: histogram })).render()
  expect(page).toContain(
    [
      'kingbus_disk_sync_seconds_bucket{le="0.001"} 1',
      'kingbus_disk_sync_seconds_bucket{le="1"} 2',
      'kingbus_disk_sync_seconds_bucket{le="+Inf"} 3',
      'kingbus_disk_sync_seconds_sum 2.50048828125',
      'kingbus_disk_sync_seconds_count 3',
    ].join('\n'),
  )
  expect(series(page, 'kingbus_durable_seconds_count')).toEqual([])
})
