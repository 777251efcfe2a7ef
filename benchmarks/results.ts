/*
  What a run leaves as JSON; `--table` reads it again. `format` grows with every change that a reader would notice.

    machine      what it ran on
    corpora      what the binlogs held, counted in their files
    groups       what else the machine did before each benchmark
    results      a row for each measurement of each party: `figures` have the names of figures.ts; `byPeer` is
                 Kingbus's first figure (a rate) by that of the peer, medians
    goals        `value` against `least` or `most`; with `aim` these are no promise
*/
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { z } from 'zod'
import { projectFolder } from '../test/e2e/harness/project.ts'
import { type FigureName, figureUnits } from './figures.ts'
import type { Measured, Scenario } from './scenario.ts'
import { type Spread, spreadOf } from './spread.ts'

const spreadSchema = z.object({ median: z.number(), least: z.number(), most: z.number() })
const figureNames = Object.keys(figureUnits) as FigureName[]
const shape = z.string()
const scenario = z.string()

const resultSchema = z.object({
  scenario,
  shape,
  what: z.string(),
  who: z.string(),
  repeats: z.number().int().min(1),
  figures: z.partialRecord(z.enum(figureNames), spreadSchema),
  byPeer: z.record(z.string(), z.number()).optional(),
})

const goalSchema = z.object({
  scenario,
  shape,
  says: z.string(),
  value: z.number(),
  least: z.number().optional(),
  most: z.number().optional(),
  aim: z.boolean().optional(),
  met: z.boolean(),
})

const resultsSchema = z.object({
  format: z.literal(2),
  date: z.iso.datetime(),
  machine: z.object({
    cores: z.number(),
    processor: z.string(),
    memoryGb: z.number(),
    node: z.string(),
    mysqld: z.string(),
    commit: z.string(),
  }),
  scale: z.number(),
  repeats: z.number().int(),
  minutes: z.number(),
  corpora: z.array(
    z.object({
      shape,
      bytes: z.number(),
      events: z.number(),
      transactions: z.number(),
      bytesPerEvent: z.number(),
      eventsPerTransaction: z.number(),
    }),
  ),
  groups: z.array(
    z.object({
      scenario,
      shape,
      load1: z.number(),
      idle: z.number(),
      waitedSeconds: z.number(),
    }),
  ),
  results: z.array(resultSchema),
  goals: z.array(goalSchema),
})

export type Results = z.infer<typeof resultsSchema>
export type Result = z.infer<typeof resultSchema>
export type GoalResult = z.infer<typeof goalSchema>

const rates: readonly FigureName[] = ['megabytesPerSecond', 'transactionsPerSecond']

/** The rows of one benchmark on one corpus. */
export function summarize(
  scenario: string,
  shape: string,
  measured: readonly Measured[],
): Result[] {
  const results = measured.map(({ what, who, runs }): Result => {
    const figures: Partial<Record<FigureName, Spread>> = {}
    for (const name of figureNames) {
      const values = runs.flatMap((run) => run[name] ?? [])
      if (values.length > 0) figures[name] = spreadOf(values)
    }
    return { scenario, shape, what, who, repeats: runs.length, figures }
  })
  return results.map((result) => {
    const rate = rates.find((name) => result.figures[name] !== undefined)
    if (result.who !== 'kingbus' || rate === undefined) return result
    const peers = results.filter(({ what, who }) => what === result.what && who !== 'kingbus')
    const median = ({ figures }: Result): number => figures[rate]?.median ?? Number.NaN
    const ratios = peers.map((peer) => [peer.who, median(result) / median(peer)])
    return { ...result, byPeer: Object.fromEntries(ratios) }
  })
}

/** The goals of a benchmark held against its rows of one corpus. */
export function judge(
  { name, goals }: Scenario,
  shape: string,
  results: readonly Result[],
): GoalResult[] {
  const wanted = goals.filter(({ shapes }) => shapes?.some((one) => one === shape) ?? true)
  return wanted.map(({ what, says, figure, least, most, aim }) => {
    const value = figure((who, figureName) => {
      const result = results.find((row) => row.what === what && row.who === who)
      const spread = result?.figures[figureName]
      if (spread === undefined) throw new Error(`${what} has no ${figureName} of ${who}`)
      return spread
    })
    const met = (least === undefined || value >= least) && (most === undefined || value <= most)
    const bounds = {
      ...(least === undefined ? {} : { least }),
      ...(most === undefined ? {} : { most }),
      ...(aim === undefined ? {} : { aim }),
    }
    return { scenario: name, shape, says, value, ...bounds, met }
  })
}

/** Three digits: the fourth is noise. */
export function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

export function writeResults(path: string, results: Results): void {
  mkdirSync(dirname(path), { recursive: true })
  const short = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? rounded(value) : value
  const text = JSON.stringify(resultsSchema.parse(results), short, 2)
  writeFileSync(path, `${text}\n`)
}

export function readResults(path: string): Results {
  return resultsSchema.parse(JSON.parse(readFileSync(path, 'utf8')))
}

/** `NAME` stands for a file of today in benchmarks/results/; a path that ends in .json for itself. */
export function resultsPath(name: string, date: Date): string {
  if (name.endsWith('.json')) return name
  const file = `${date.toISOString().slice(0, 10)}-${name}.json`
  return join(projectFolder, 'benchmarks', 'results', file)
}
