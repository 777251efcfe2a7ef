import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, totalmem } from 'node:os'
import { join } from 'node:path'
import { mysqlProgram, projectFolder } from '../test/e2e/harness/project.ts'
import { type Spread, spreadOf } from './spread.ts'

/** Repeats of one measurement of one server; absent where it was not measured. */
export interface Measured {
  readonly shape: string
  /** `ingest`, `serve 1`, `serve 8` */
  readonly what: string
  readonly who: string
  readonly runs: readonly Readonly<Record<string, number>>[]
}

export interface Result {
  readonly shape: string
  readonly what: string
  readonly who: string
  readonly repeats: number
  /** Kingbus's median rate by that of the peer beside it; only for Kingbus */
  readonly byPeer?: Readonly<Record<string, number>>
  readonly figures: Readonly<Record<string, Spread>>
}

export function machineFacts(): Record<string, string | number> {
  const [processor] = cpus()
  const version = execFileSync(mysqlProgram('mysqld'), ['--version'], { encoding: 'utf8' })
  return {
    cores: cpus().length,
    processor: processor?.model ?? 'unknown',
    memoryGb: Math.round(totalmem() / 1e9),
    node: process.versions.node,
    mysqld: /\d+\.\d+\.\d+/.exec(version)?.[0] ?? 'unknown',
    commit: execFileSync('git', ['describe', '--always', '--dirty'], { cwd: projectFolder })
      .toString()
      .trim(),
    load1: Number((loadavg()[0] ?? 0).toFixed(2)),
  }
}

export function summarize(measured: readonly Measured[]): Result[] {
  const results = measured.map(({ shape, what, who, runs }) => {
    const names = Object.keys(runs[0] ?? {})
    const figures = names.map((name) => [name, spreadOf(runs.map((run) => run[name] ?? 0))])
    const repeats = runs.length
    return { shape, what, who, repeats, figures: Object.fromEntries(figures) } satisfies Result
  })
  return results.map((result) => {
    if (result.who !== 'kingbus') return result
    const peers = results.filter(
      ({ shape, what, who }) => shape === result.shape && what === result.what && who !== 'kingbus',
    )
    const ratios = peers.map((peer) => [peer.who, rounded(rateOf(result) / rateOf(peer))])
    return { ...result, byPeer: Object.fromEntries(ratios) }
  })
}

function rateOf(result: Result): number {
  return result.figures['megabytesPerSecond']?.median ?? Number.NaN
}

/** Three digits: the fourth is noise. */
function rounded(value: number): number {
  return Number(value.toPrecision(3))
}

function cell(spread: Spread | undefined): string {
  if (spread === undefined) return ''
  const [median, least, most] = [spread.median, spread.least, spread.most].map(rounded)
  return `${median} [${least}..${most}]`
}

/** The results as a Markdown table. */
export function tableOf(results: readonly Result[]): string {
  const columns = ['corpus', 'what', 'who', 'MB/s', 'CPU s/GB', 'client CPU s/GB', 'peak MB']
  const rows = results.map(({ shape, what, who, figures, byPeer }) => [
    shape,
    what,
    who,
    cell(figures['megabytesPerSecond']),
    cell(figures['cpu'] ?? figures['serverCpu']),
    cell(figures['clientCpu']),
    cell(figures['peakMegabytes']),
    Object.entries(byPeer ?? {})
      .map(([peer, ratio]) => `${ratio} of ${peer}`)
      .join(', '),
  ])
  const table = [[...columns, 'Kingbus is'], ...rows]
  const widths = columns
    .concat('')
    .map((_, at) => Math.max(...table.map((row) => row[at]?.length ?? 0)))
  const lines = table.map((row) => {
    return `| ${row.map((text, at) => text.padEnd(widths[at] ?? 0)).join(' | ')} |`
  })
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [lines[0], rule, ...lines.slice(1)].join('\n')
}

/** Writes the results beside this program; the file's path. */
export function saveResults(what: string, content: object): string {
  const folder = join(projectFolder, 'benchmarks', 'results')
  mkdirSync(folder, { recursive: true })
  const path = join(folder, `${new Date().toISOString().slice(0, 10)}-${what}.json`)
  const short = (_: string, value: unknown): unknown =>
    typeof value === 'number' && !Number.isInteger(value) ? rounded(value) : value
  writeFileSync(path, `${JSON.stringify(content, short, 2)}\n`)
  return path
}
