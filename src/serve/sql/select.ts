import { type Answer, columnOf, refuseTooLong, rows } from './answer.ts'
import type { Cursor } from './cursor.ts'
import { type Expression, ExpressionParser } from './expression.ts'
import type { Scope } from './scope.ts'
import { SqlError } from './sql-error.ts'
import { textOf, truthOf } from './value.ts'

interface SelectItem {
  readonly name: string
  readonly expression: Expression
}

/**
 * SELECT of expressions without a table: [FROM DUAL] [WHERE ...] [LIMIT ...]. Every table is one that
 * does not exist here, which clients understand, and never an empty one, which they would believe.
 */
export function select(cursor: Cursor, scope: Scope): Answer {
  refuseTables(cursor, scope)
  const parser = new ExpressionParser(cursor)
  while (cursor.takeWord('ALL', 'DISTINCT', 'SQL_NO_CACHE')) continue
  if (cursor.isSymbol('*')) throw new SqlError(1096, 'HY000', 'No tables used')
  const items: SelectItem[] = []
  do items.push(readItem(cursor, parser))
  while (cursor.takeSymbol(','))
  if (cursor.takeWord('FROM')) cursor.expectWord('DUAL')
  const condition = cursor.takeWord('WHERE') ? parser.parse() : undefined
  const limit = cursor.takeWord('LIMIT') ? readLimit(cursor) : 1
  cursor.expectEnd()
  const values = items.map(({ expression }) => expression(scope))
  const row = values.map(textOf)
  refuseTooLong(row)
  const columns = items.map(({ name }, index) => columnOf(name, values[index] ?? null))
  const shown = limit > 0 && (condition === undefined || truthOf(condition(scope)) === true)
  return rows(columns, shown ? [row] : [])
}

function readItem(cursor: Cursor, parser: ExpressionParser): SelectItem {
  const { start } = cursor.token
  const expression = parser.parse()
  const written = cursor.sql.slice(start, cursor.lastEnd)
  return { name: readAlias(cursor) ?? written, expression }
}

function readAlias(cursor: Cursor): string | undefined {
  const { kind } = cursor.token
  if (cursor.takeWord('AS')) {
    return cursor.token.kind === 'string' ? cursor.next().text : cursor.expectName()
  }
  if (kind === 'string' || kind === 'quoted') return cursor.next().text
  if (
    kind === 'word' &&
    !cursor.isWord('FROM', 'WHERE', 'LIMIT', 'INTO', 'UNION', 'FOR', 'ORDER')
  ) {
    return cursor.next().text
  }
  return undefined
}

/** How many rows may be shown of the one that there is: LIMIT n, LIMIT skip, n, LIMIT n OFFSET skip. */
function readLimit(cursor: Cursor): number {
  const first = readCount(cursor)
  const isSkip = cursor.takeSymbol(',')
  if (!isSkip && !cursor.takeWord('OFFSET')) return first
  const second = readCount(cursor)
  const [count, skipped] = isSkip ? [second, first] : [first, second]
  return skipped > 0 ? 0 : count
}

function readCount(cursor: Cursor): number {
  if (cursor.token.kind !== 'number') throw cursor.error()
  return Number(cursor.next().text)
}

function refuseTables(cursor: Cursor, scope: Scope): void {
  const tokens = [...cursor.outer()]
  const from = tokens.findIndex(({ kind, text }) => kind === 'word' && /^from$/i.test(text))
  const first = from < 0 ? undefined : tokens[from + 1]
  if (first === undefined || (first.kind !== 'word' && first.kind !== 'quoted')) return
  const second = tokens[from + 2]?.text === '.' ? tokens[from + 3]?.text : undefined
  if (second === undefined && first.kind === 'word' && /^dual$/i.test(first.text)) return
  const database = second === undefined ? scope.session.database : first.text
  if (database === undefined) throw new SqlError(1046, '3D000', 'No database selected')
  throw new SqlError(1146, '42S02', `Table '${database}.${second ?? first.text}' doesn't exist`)
}
