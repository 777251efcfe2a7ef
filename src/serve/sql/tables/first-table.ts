import type { Cursor } from '../cursor.ts'

/** A table as it is written. */
export interface WrittenTable {
  readonly schema: string | undefined
  readonly name: string
  /** it has no schema and no back ticks, so it may be DUAL */
  readonly isPlain: boolean
}

/** The first table behind the FROM of a SELECT, ahead of everything that is read; undefined where none is named. */
export function firstTable(cursor: Cursor): WrittenTable | undefined {
  const tokens = [...cursor.outer()]
  const from = tokens.findIndex(({ kind, text }) => kind === 'word' && /^from$/i.test(text))
  if (from < 0) return undefined
  const [, first, point, second] = tokens.slice(from)
  if (first === undefined || (first.kind !== 'word' && first.kind !== 'quoted')) return undefined
  if (point?.text === '.' && second !== undefined) {
    return { schema: first.text, name: second.text, isPlain: false }
  }
  return { schema: undefined, name: first.text, isPlain: first.kind === 'word' }
}
