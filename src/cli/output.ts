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
  table.push(...rows.map((row) => row.map((cell) => String(cell ?? '-'))))
  terminal.out(`${table.toString()}\n`)
}

/** Names and values below each other. */
export function printFacts(terminal: Terminal, facts: readonly (readonly [string, Cell])[]): void {
  const width = Math.max(...facts.map(([name]) => name.length))
  for (const [name, value] of facts) {
    const lines = String(value ?? '-').split('\n')
    const indent = `\n${' '.repeat(width + 2)}`
    terminal.out(`${name.padEnd(width)}  ${lines.join(indent)}\n`)
  }
}

export function printJson(terminal: Terminal, value: unknown): void {
  terminal.out(`${JSON.stringify(value, null, 2)}\n`)
}
