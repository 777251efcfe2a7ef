/*
  A run's results as Markdown, for the terminal and for docs/internals/performance.md.
*/
import { type FigureName, figureUnits } from './figures.ts'
import { wasQuiet } from './quiet.ts'
import { type GoalResult, type Result, type Results, rounded } from './results.ts'
import type { Spread } from './spread.ts'

function markdown(table: readonly (readonly string[])[]): string {
  const [head = [], ...rows] = table
  const widths = head.map((_, at) => Math.max(3, ...table.map((row) => row[at]?.length ?? 0)))
  const line = (row: readonly string[]): string =>
    `| ${widths.map((width, at) => (row[at] ?? '').padEnd(width)).join(' | ')} |`
  const rule = `| ${widths.map((width) => '-'.repeat(width)).join(' | ')} |`
  return [line(head), rule, ...rows.map(line)].join('\n')
}

function cell(spread: Spread | undefined): string {
  if (spread === undefined) return ''
  const [median, least, most] = [spread.median, spread.least, spread.most].map(rounded)
  return least === most ? `${median}` : `${median} [${least}..${most}]`
}

function comparison({ byPeer }: Result): string {
  const parts = Object.entries(byPeer ?? {}).map(([peer, ratio]) => `${rounded(ratio)} of ${peer}`)
  return parts.join(', ')
}

/** The rows of one benchmark, with the figures that any of them has. */
function scenarioTable(rows: readonly Result[]): string {
  const names = (Object.keys(figureUnits) as FigureName[]).filter((name) =>
    rows.some(({ figures }) => figures[name] !== undefined),
  )
  const compared = rows.some(({ byPeer }) => byPeer !== undefined)
  const head = ['corpus', 'what', 'who', ...names.map((name) => figureUnits[name])]
  const body = rows.map((row) => [
    row.shape,
    row.what,
    row.who,
    ...names.map((name) => cell(row.figures[name])),
    ...(compared ? [comparison(row)] : []),
  ])
  return markdown([[...head, ...(compared ? ['its rate is'] : [])], ...body])
}

function goalRow({ shape, says, value, least, most, aim, met }: GoalResult): string[] {
  const bound = least === undefined ? `at most ${most}` : `at least ${least}`
  const figure = `${rounded(value)}`
  if (aim) return [says, shape, figure, `aim: ${bound}`, met ? 'reached' : 'not reached']
  return [says, shape, figure, bound, met ? 'met' : '**missed**']
}

function quietness({ groups }: Results): string {
  const busy = groups.filter((group) => !wasQuiet(group))
  if (busy.length === 0) return 'The machine was quiet before each group.'
  const loads = groups.map(({ load1 }) => load1)
  return (
    `**The machine was not quiet** before ${busy.length} of ${groups.length} groups ` +
    `(load ${rounded(Math.min(...loads))} to ${rounded(Math.max(...loads))}).`
  )
}

function heading(results: Results): string {
  const { machine, date, scale, repeats, minutes } = results
  const { cores, processor, memoryGb, node, mysqld, commit } = machine
  return [
    `${date.slice(0, 10)}, commit ${commit}: scale ${scale}, medians of ${repeats} [least..most],`,
    `${minutes} minutes. ${cores} cores (${processor}), ${memoryGb} GB; Node ${node}, mysqld ${mysqld}.`,
    quietness(results),
  ].join('\n')
}

function corporaTable({ corpora }: Results): string {
  const head = ['corpus', 'MB', 'events', 'transactions', 'bytes/event', 'events/transaction']
  const rows = corpora.map((corpus) => [
    corpus.shape,
    (corpus.bytes / 1e6).toFixed(0),
    `${corpus.events}`,
    `${corpus.transactions}`,
    `${corpus.bytesPerEvent}`,
    `${corpus.eventsPerTransaction}`,
  ])
  return markdown([head, ...rows])
}

/** @param measures what each benchmark measures, by its name */
export function resultsMarkdown(results: Results, measures: ReadonlyMap<string, string>): string {
  const measured = new Set(results.results.map(({ scenario }) => scenario))
  const names = [...measures.keys()].filter((name) => measured.has(name))
  const gone = [...measured].filter((name) => !measures.has(name))
  const parts = [...names, ...gone].map((name) => {
    const rows = results.results.filter(({ scenario }) => scenario === name)
    return `**${name}**: ${measures.get(name) ?? 'not among the benchmarks any more'}.\n\n${scenarioTable(rows)}`
  })
  const goals = [['goal', 'corpus', 'figure', 'wanted', ''], ...results.goals.map(goalRow)]
  const goalsPart = results.goals.length === 0 ? [] : [markdown(goals)]
  return [heading(results), ...goalsPart, corporaTable(results), ...parts].join('\n\n')
}
