import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, expect, test } from 'vitest'
import { readResults } from '../../benchmarks/results.ts'
import { scenarios } from '../../benchmarks/scenarios/all.ts'
import { endEverything } from './harness/child.ts'
import { makeRunFolder, projectFolder } from './harness/project.ts'

afterAll(endEverything)

// Tiny corpora and one round: the figures mean nothing, but each benchmark must still run and judge its goals.
test('every benchmark measures both sides and says which goals are met', async () => {
  const path = join(makeRunFolder('bench'), 'results.json')
  const tsx = join(projectFolder, 'node_modules', '.bin', 'tsx')
  const program = join(projectFolder, 'benchmarks', 'run.ts')
  const tiny = [
    '--corpus',
    'small',
    '--scale',
    '0.01',
    '--repeats',
    '1',
    '--no-wait',
    '--save',
    path,
  ]
  const { stdout } = await promisify(execFile)(tsx, [program, ...tiny])

  const { results, goals } = readResults(path)
  const possible = scenarios.filter(({ obstacle }) => obstacle?.() === undefined)
  for (const { name } of possible) {
    const rows = results.filter(({ scenario }) => scenario === name)
    const parties = new Set(rows.map(({ who }) => who))
    expect(parties.has('kingbus'), name).toBe(name !== 'client')
    expect(parties.size, name).toBeGreaterThan(name === 'client' ? 0 : 1)
  }
  const rates = results.flatMap(({ figures }) => figures.megabytesPerSecond?.least ?? [])
  expect(Math.min(...rates)).toBeGreaterThan(0)
  const commits = results.flatMap(({ figures }) => figures.transactionsPerSecond?.least ?? [])
  expect(Math.min(...commits)).toBeGreaterThan(0)
  const expected = possible.flatMap(({ goals: own }) => {
    return own.filter(({ shapes }) => shapes?.includes('small') ?? true).map(({ says }) => says)
  })
  expect(goals.map(({ says }) => says)).toEqual(expected)
  expect(stdout).toContain('| goal')
  expect(readFileSync(path, 'utf8')).toContain('"format": 2')
})
