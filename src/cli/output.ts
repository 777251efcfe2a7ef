import Table from 'cli-table3'
import type { Terminal } from './terminal.ts'

const NO_BORDERS = {
  top: '',
  'top-mid': '',
  'top-left': '',
  'top-right': '',
  bottom: '',
  'bottom-mid': '',
  'bottom-left': '',
  'bottom-right': '',
  left: '',
  'left-mid': '',
  mid: '',
  'mid-mid': '',
  right: '',
  'right-mid': '',
  middle: '  ',
} as const

export type Cell = string | number | null | undefined

// Files, replicas and sources say what they like, and a terminal would obey it.
const CONTROLS = /\p{Cc}+/gu
const CONTROLS_BUT_LINES = /(?:(?!\n)\p{Cc})+/gu

/** The text in one line, with nothing that could command a terminal. */
export function oneLine(text: string): string {
  return text.replaceAll(CONTROLS, ' ')
}

/** The same with the lines that it has. */
function linesOf(value: Cell): string {
  return String(value ?? '-').replaceAll(CONTROLS_BUT_LINES, ' ')
}

/** A table with a head and no lines; numbers stand at the right. */
export function printTable(
  terminal: Terminal,
  head: readonly string[],
  rows: readonly (readonly Cell[])[],
): void {
  const first = rows[0] ?? []
  const table = new Table({
    head: [...head],
    colAligns: head.map((_, at) => (typeof first[at] === 'number' ? 'right' : 'left')),
    chars: NO_BORDERS,
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  })
  table.push(...rows.map((row) => row.map(linesOf)))
  terminal.out(`${table.toString()}\n`)
}

/** Names and values below each other. */
export function printFacts(terminal: Terminal, facts: readonly (readonly [string, Cell])[]): void {
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) {
    const lines = linesOf(value).split('\n')
    const indent = `\n${' '.repeat(width + 2)}`
    terminal.out(`${name.padEnd(width)}  ${lines.join(indent)}\n`)
  }
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}
