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

const ofCluster = ['cluster-ingest', 'cluster-commits']
const ofClusterInTrouble = ['geo', 'take-over']
const named = (names: readonly string[]) => scenarios.filter(({ name }) => names.includes(name))
const notNamed = (names: readonly string[]) => scenarios.filter(({ name }) => !names.includes(name))

/** Less than a test may take, so that one that takes too long is told with how far it has come. */
const MS_MOST = 200_000

// Tiny corpora and one round: the figures mean nothing, but each benchmark must still run and judge its goals.
test.each([
  ['of one node', notNamed([...ofCluster, ...ofClusterInTrouble])],
  ['of a cluster', named(ofCluster)],
  ['of a cluster far apart, or without its leader', named(ofClusterInTrouble)],
])('every benchmark %s measures both sides and says which goals are met', async (_, chosen) => {
  const path = join(makeRunFolder('bench'), 'results.json')
  const tsx = join(projectFolder, 'node_modules', '.bin', 'tsx')
  const program = join(projectFolder, 'benchmarks', 'run.ts')
  const only = chosen.map(({ name }) => name).join(',')
  const tiny = ['--corpus', 'small', '--scale', '0.01', '--repeats', '1', '--no-wait']
  const argv = [program, '--only', only, ...tiny, '--save', path]
  const run = promisify(execFile)(tsx, argv, { timeout: MS_MOST })
  const { stdout } = await run.catch((thrown: unknown) => {
    const { stdout: told = '' } = thrown as { stdout?: string }
    throw new Error(`the benchmarks have not ended well; they said:\n${told}`, { cause: thrown })
  })

  const { results, goals } = readResults(path)
  const possible = chosen.filter(({ obstacle }) => obstacle?.() === undefined)
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
