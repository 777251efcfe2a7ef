import { expect, test } from 'vitest'
import { conclusions } from './summary.ts'
import type { Verdict } from './trend.ts'
import type { Kind, MetricTrend } from './trends.ts'

const trend = (metric: string, kind: Kind, verdict: Verdict): MetricTrend => ({
  lifetime: 0,
  metric,
  unit: '',
  kind,
  tolerance: { absolute: 0, relative: 0 },
  points: 40,
  minutes: 40,
  isMeasured: true,
  first: 1,
  last: 2,
  baseRise: 1,
  slopePerMinute: 1,
  verdict,
})

const conclude = (trends: readonly MetricTrend[], faults: string[] = []) =>
  conclusions({
    trends,
    faults,
    committed: 1,
    probes: 1,
    filesCompared: 1,
    purged: true,
    clients: {},
  })

test('a run fails for what grows, unless the machine slowed the control down too', () => {
  const memory = trend('memory', 'own', 'grows')
  const latency = trend('latency', 'timed', 'grows')
  const text = (metric: string): string => `${metric} grows in the time of process 1 of Kingbus`
  expect(conclude([memory, latency]).failures).toEqual([text('memory'), text('latency')])
  const busy = conclude([memory, latency, trend('control', 'control', 'grows')])
  expect(busy.failures).toEqual([text('memory')])
  expect(busy.notes).toHaveLength(2)
})

test('a run fails for what was not measured: it would be flat whatever happens', () => {
  expect(conclude([trend('memory', 'own', 'missing')]).failures).toEqual([
    'memory was not measured of process 1',
  ])
})

test('a run fails for any fault, and not for a life that was too short', () => {
  expect(conclude([trend('memory', 'own', 'short')], ['a gap']).failures).toEqual(['a gap'])
})
