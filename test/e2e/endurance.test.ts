import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runEndurance } from '../endurance/endurance-run.ts'
import { endEverything } from './harness/child.ts'
import { makeRunFolder } from './harness/project.ts'

afterAll(endEverything)

// The hour, with its thresholds: npm run soak -- endurance --minutes 60
test('mixed load, clients that come and go, and a restart of each party leave everything equal', async () => {
  const lines: string[] = []
  const samplesFile = join(makeRunFolder('endurance'), 'samples.jsonl')
  const result = await runEndurance({
    seed: 20_261_124,
    cycles: 5,
    cycleMs: 3_000,
    binlogSize: '1M',
    retentionSize: '16MiB',
    bigTransactions: 1,
    bigMegabytes: 6,
    sampleMs: 500,
    probeMs: 50,
    churnRestMs: 20,
    samplesFile,
    say: (line) => lines.push(line),
  })
  expect(result.faults, lines.join('\n')).toEqual([])
  expect(result.committed).toBeGreaterThan(100)
  expect(result.probes).toBeGreaterThan(50)
  expect(result.filesCompared).toBeGreaterThan(3)
  expect(result.purged).toBe(true)
  // Every kind of client came.
  expect(Object.keys(result.clients)).toHaveLength(13)
  const samples = readFileSync(samplesFile, 'utf8').trimEnd().split('\n')
  expect(samples.length).toBeGreaterThan(20)
})
