import type { Cursor } from './cursor.ts'

/** Which of the rows are shown: none of the first `skipped`, and `count` at most. */
export interface RowLimit {
  readonly skipped: number
  readonly count: number
}

/** LIMIT n, LIMIT skipped, n, LIMIT n OFFSET skipped; all of them where none is given. */
export function readLimit(cursor: Cursor): RowLimit {
  if (!cursor.takeWord('LIMIT')) return { skipped: 0, count: Number.POSITIVE_INFINITY }
  const first = readCount(cursor)
  if (cursor.takeSymbol(',')) return { skipped: first, count: readCount(cursor) }
  return { skipped: cursor.takeWord('OFFSET') ? readCount(cursor) : 0, count: first }
}

function readCount(cursor: Cursor): number {
  if (cursor.token.kind !== 'number') throw cursor.error()
  return Number(cursor.next().text)
}
