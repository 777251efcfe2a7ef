/*
  npm run bench -- --help

  Kingbus beside a real MySQL on one binlog. How it is measured: docs/internals/performance.md.
*/
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { InvalidArgumentError, program } from 'commander'
import { endEverything } from '../test/e2e/harness/child.ts'
import { cacheFolder } from '../test/e2e/harness/project.ts'
import { ClientPool } from './client/client-pool.ts'
import { makeCorpus, type Shape, shapes, startEmptySource } from './corpus.ts'
import { machineFacts } from './machine.ts'
import { rewritePage } from './performance-page.ts'
import { QuietGate } from './quiet.ts'
import { judge, type Results, resultsPath, summarize, writeResults } from './results.ts'
import type { Scenario } from './scenario.ts'
import { measures, scenarios } from './scenarios/all.ts'
import { Stage } from './stage.ts'
import { resultsMarkdown } from './tables.ts'

interface Options {
  readonly only?: readonly Scenario[]
  readonly corpus?: readonly Shape[]
  readonly scale: number
  readonly repeats: number
  readonly wait: boolean
  readonly save?: string
  readonly table?: string
}

const bytesAtScale1: Record<Shape, number> = { big: 500e6, small: 290e6, mixed: 174e6 }
const maximumScale = 2

/** Parses a comma-separated choice of these. */
function choice<T>(all: readonly T[], nameOf: (one: T) => string): (text: string) => T[] {
  return (text) =>
    text.split(',').map((name) => {
      const found = all.find((one) => nameOf(one) === name)
      if (found !== undefined) return found
      throw new InvalidArgumentError(`'${name}' is none of ${all.map(nameOf).join(', ')}`)
    })
}

/** Parses a number of `least` or more. */
function numberFrom(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (text !== '' && value >= least && value <= most) return value
    throw new InvalidArgumentError(`it must be a number from ${least} to ${most}`)
  }
}

const nameOf = ({ name }: Scenario): string => name
const list = scenarios
  .map(({ name, shapes: on }) => `  ${name} (${on.join(', ')})\n      ${measures.get(name)}`)
  .join('\n')

program
  .name('npm run bench --')
  .description(
    'Measures Kingbus beside a real MySQL: same machine, same binlog, same client, by turns.',
  )
  .option('--only <names>', 'benchmarks, comma-separated (default: all)', choice(scenarios, nameOf))
  .option('--corpus <shapes>', 'corpora (default: big,small,mixed)', choice(shapes, String))
  .option('--scale <number>', 'size of the corpora', numberFrom(0.001, maximumScale), 1)
  .option('--repeats <number>', 'rounds that count', numberFrom(1, 100), 3)
  .option('--no-wait', 'do not wait until the machine is quiet')
  .option('--save <name>', 'write benchmarks/results/DATE-NAME.json, or the path NAME.json')
  .option('--table <file>', 'measure nothing: put the tables of a saved run into the documentation')
  .addHelpText('after', `\nBenchmarks (and the corpora they run on):\n${list}`)
  .parse()
const options = program.opts<Options>()

const began = performance.now()
const secondsSince = (): number => (performance.now() - began) / 1000
function say(text: string): void {
  console.log(`${secondsSince().toFixed(0).padStart(4)} s  ${text}`)
}

/** All benchmarks that run on this corpus, one after another; what they show is added to `results`. */
async function measure(shape: Shape, pool: ClientPool, gate: QuietGate, results: Results) {
  const { repeats, scale } = options
  const chosen = (options.only ?? scenarios).filter((scenario) => scenario.shapes.includes(shape))
  if (chosen.length === 0) return
  const source = await startEmptySource()
  const corpus = await makeCorpus(source, shape, bytesAtScale1[shape] * scale)
  results.corpora.push({ shape, ...corpus.facts })
  say(`${shape}: the source has ${(corpus.bytes / 1e6).toFixed(1)} MB`)
  const stage = new Stage({ corpus, pool, repeats, scale, folder })
  for (const scenario of chosen) {
    const obstacle = scenario.obstacle?.()
    if (obstacle !== undefined) {
      say(`${shape}: ${scenario.name} is left out: ${obstacle}`)
      continue
    }
    const quietness = await gate.pass()
    results.groups.push({ scenario: scenario.name, shape, ...quietness })
    const rows = summarize(scenario.name, shape, await scenario.run(stage))
    results.results.push(...rows)
    results.goals.push(...judge(scenario, shape, rows))
    say(`${shape}: ${scenario.name} measured`)
  }
  await stage.removeKingbus()
  await source.stop()
}

async function measureAll(): Promise<Results> {
  const { repeats, scale } = options
  const date = new Date().toISOString()
  const machine = machineFacts()
  const empty = { corpora: [], groups: [], results: [], goals: [] }
  const results: Results = { format: 2, date, machine, scale, repeats, minutes: 0, ...empty }
  const pool = new ClientPool()
  const gate = new QuietGate(options.wait, say)
  try {
    for (const shape of options.corpus ?? shapes) await measure(shape, pool, gate, results)
  } finally {
    pool.close()
    await endEverything()
  }
  results.minutes = Number((secondsSince() / 60).toFixed(1))
  return results
}

// A data directory in memory would make the disk look endlessly fast.
const folder = join(cacheFolder, 'bench')
mkdirSync(folder, { recursive: true })
process.env['KINGBUS_TEST_FOLDER'] = folder

if (options.table !== undefined) {
  console.log(rewritePage(options.table))
} else {
  const results = await measureAll()
  if (results.results.length === 0)
    throw new Error('none of the chosen benchmarks runs on the chosen corpora')
  console.log(`\n${resultsMarkdown(results, measures)}`)
  if (options.save !== undefined) {
    const path = resultsPath(options.save, new Date(results.date))
    writeResults(path, results)
    console.log(`\nsaved as ${path}`)
  }
}
