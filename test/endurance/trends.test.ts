import { expect, test } from 'vitest'
import type { Sample } from './sampler.ts'
import { trendsOf } from './trends.ts'

const MiB = 2 ** 20

/** What a process that lives so long shows every five seconds. */
function life(lifetime: number, minutes: number, changes: (minute: number) => Partial<Sample>) {
  return Array.from({ length: minutes * 12 }, (_, index): Sample => {
    const minute = index / 12
    return {
      lifetime,
      minute,
      cycle: lifetime * 100 + Math.floor(minute),
      rss: 160 * MiB,
      heapUsed: (30 + (index % 7)) * MiB,
      external: 10 * MiB,
      fds: 30,
      threads: 11,
      cpuSeconds: minute,
      loopDelayP99Ms: 12,
      metricLines: 200,
      replicas: 3,
      lagBytesMost: 0,
      files: 16,
      diskBytes: 256 * MiB,
      ...changes(minute),
    }
  })
}

const growing = (samples: readonly Sample[]): string[] =>
  trendsOf(samples, [])
    .filter(({ verdict }) => verdict === 'grows')
    .map(({ lifetime, metric }) => `${lifetime} ${metric}`)

test('a leak is found in the process that has it, and named', () => {
  const samples = [
    ...life(0, 20, () => ({})),
    ...life(1, 45, (minute) => ({ rss: (160 + minute) * MiB, metricLines: 200 + minute })),
    ...life(2, 45, (minute) => ({ fds: 30 + Math.floor(minute / 3) })),
    ...life(3, 45, (minute) => ({ heapUsed: (30 + minute / 2) * MiB })),
  ]
  expect(growing(samples)).toEqual([
    '1 memory (RSS)',
    '1 lines of /metrics',
    '2 file descriptors',
    '3 heap used',
  ])
})

test('what a process takes up while it warms up is no leak', () => {
  const warming = (minute: number): Partial<Sample> => ({
    rss: Math.min(200, 100 + 40 * minute) * MiB,
  })
  expect(growing(life(0, 45, warming))).toEqual([])
})

test('latency is judged by the cycles that nothing disturbed', () => {
  const cycles = Array.from({ length: 45 }, (_, cycle) => {
    const disturbed = cycle % 2 === 0
    const slow = disturbed ? 1_000 * cycle : 0
    return {
      cycle,
      lifetime: 0,
      minute: cycle + 1,
      disturbed,
      probes: 600,
      commitP50: 3,
      viaSourceP50: 4,
      viaSourceP99: 100,
      viaKingbusP50: 6 + slow + cycle / 10,
      viaKingbusP99: 300 + slow,
      addedP50: 2 + slow + cycle / 5,
      addedP99: 200 + slow,
    }
  })
  const found = trendsOf(
    life(0, 46, () => ({})),
    cycles,
  ).filter(({ verdict }) => verdict !== 'flat')
  expect(found.map(({ metric, verdict }) => [metric, verdict])).toEqual([
    ['the two p50 to clients, ratio', 'grows'],
    ["Kingbus's part of it, p50", 'grows'],
  ])
})
