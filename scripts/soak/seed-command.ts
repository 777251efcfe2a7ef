import { fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { Command } from 'commander'
import { replayCommand, runSeeds, type SeedResult } from '../../test/simulation/seeds.ts'

interface Options {
  readonly seed?: string
  readonly trace?: boolean
  readonly seeds: string
  readonly from: string
  readonly minutes?: string
  readonly workers: string
}

/** A simulation that a seed decides. */
export interface SeedSuite {
  readonly name: string
  readonly description: string
  /** `import.meta.url` of the module that calls `runShareOf`: workers run it */
  readonly module: string
  readonly run: (seed: number, say: (line: string) => void) => SeedResult | Promise<SeedResult>
}

/** What a worker is given: every so many seeds from one on. */
interface Share {
  readonly from: number
  readonly count: number
  readonly step: number
  readonly untilMs: number
}

type Word =
  | { readonly kind: 'done'; readonly seeds: number; readonly counts: [string, number][] }
  | { readonly kind: 'failed'; readonly seed: number; readonly what: string }

/** Seeds that a worker runs between two words to its parent. */
const BATCH_SEEDS = 50

async function runOne(suite: SeedSuite, seed: number, trace: boolean): Promise<void> {
  const say = trace ? (line: string) => console.log(line) : () => {}
  const { violation, digest } = await suite.run(seed, say)
  console.log(`seed ${seed}: ${violation === undefined ? 'PASS' : 'FAIL'}, trace ${digest}`)
  if (violation === undefined) return
  console.log(`${violation.checker}: ${violation.message}`)
  process.exitCode = 1
}

async function runMany(suite: SeedSuite, options: Options): Promise<void> {
  const workers = Number(options.workers)
  const count = Number(options.seeds)
  const began = performance.now()
  const minutes = options.minutes === undefined ? Number.POSITIVE_INFINITY : Number(options.minutes)
  const untilMs = Math.min(Date.now() + minutes * 60_000, Number.MAX_SAFE_INTEGER)
  const counts = new Map<string, number>()
  let seeds = 0
  let said = 0
  const shares = Array.from({ length: workers }, (_, index) => ({
    from: Number(options.from) + index,
    count: Math.ceil((count - index) / workers),
    step: workers,
    untilMs,
  }))
  const children = shares.map((share) => {
    const child = fork(fileURLToPath(suite.module), [JSON.stringify(share)])
    child.on('message', (word: Word) => {
      if (word.kind === 'failed') {
        console.log(`FAIL seed ${word.seed}: ${word.what}`)
        console.log(`run it again: ${replayCommand(suite.name, word.seed)}`)
        process.exitCode = 1
        for (const other of children) other.kill()
        return
      }
      seeds += word.seeds
      for (const [name, times] of word.counts) counts.set(name, (counts.get(name) ?? 0) + times)
      const seconds = Math.round((performance.now() - began) / 1000)
      if (seconds >= said + 10) console.log(`${seeds} seeds, ${seconds} s`)
      if (seconds >= said + 10) said = seconds
    })
    return child
  })
  const codes = await Promise.all(
    children.map(
      (child) => new Promise<number>((resolve) => child.once('exit', (code) => resolve(code ?? 1))),
    ),
  )
  if (codes.some((code) => code !== 0)) process.exitCode = 1
  const seconds = Math.round((performance.now() - began) / 1000)
  for (const [name, times] of [...counts].sort(byName))
    console.log(`${String(times).padStart(8)} ${name}`)
  console.log(`${process.exitCode === 1 ? 'FAIL' : 'PASS'}, ${seeds} seeds, ${seconds} s`)
}

const byName = ([a]: [string, number], [b]: [string, number]): number => (a < b ? -1 : 1)

/** The part of a worker. */
async function runShare(suite: SeedSuite, share: Share): Promise<void> {
  const { from, count, step, untilMs } = share
  const tell = (word: Word): void => void process.send?.(word)
  const quietly = (seed: number) => suite.run(seed, () => {})
  for (let done = 0; done < count && Date.now() < untilMs; done += BATCH_SEEDS) {
    const batch = { from: from + done * step, count: Math.min(BATCH_SEEDS, count - done), step }
    const { seeds, failed, counts } = await runSeeds(quietly, batch, () => Date.now() < untilMs)
    tell({ kind: 'done', seeds, counts: [...counts] })
    if (failed?.violation === undefined) continue
    const { checker, message } = failed.violation
    tell({ kind: 'failed', seed: failed.seed, what: `${checker}: ${message}` })
    process.exitCode = 1
    break
  }
  process.disconnect?.()
}

/** `npm run soak -- NAME`: one seed, or any number of them. */
export function seedCommand(suite: SeedSuite): Command {
  return new Command(suite.name)
    .description(`${suite.description}: any number of seeds`)
    .option('--seed <n>', 'this one alone')
    .option('--trace', 'with --seed: print everything that happens')
    .option('--seeds <n>', 'how many', '10000')
    .option('--from <n>', 'the first one', '1')
    .option('--minutes <n>', 'end after this time')
    .option('--workers <n>', 'processes at a time', '2')
    .action(async (options: Options) => {
      if (options.seed === undefined) await runMany(suite, options)
      else await runOne(suite, Number(options.seed), options.trace ?? false)
    })
}

/** The part of a worker, when this process is one of the suite's. */
export async function runShareOf(suite: SeedSuite): Promise<void> {
  const [, main = '', share] = process.argv
  if (process.send === undefined || main !== fileURLToPath(suite.module)) return
  if (share?.startsWith('{')) await runShare(suite, JSON.parse(share) as Share)
}
