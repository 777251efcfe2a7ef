import type { Column, Row } from '../../mysql/index.ts'
import { type Answer, columnOf, integerColumn, refuseTooLong, rows } from './answer.ts'
import type { Cursor } from './cursor.ts'
import { type Expression, ExpressionParser } from './expression.ts'
import { type RowLimit, readLimit } from './row-limit.ts'
import type { RowScope, Scope } from './scope.ts'
import { SqlError } from './sql-error.ts'
import { findTable } from './tables/find-table.ts'
import { NO_TABLE, rowScope, type Table } from './tables/table.ts'
import { compare, textOf, truthOf, type Value } from './value.ts'

interface SelectItem {
  readonly name: string
  /** undefined for COUNT(*) */
  readonly expression: Expression | undefined
  readonly hasAlias: boolean
}

interface Order {
  readonly expression: Expression
  readonly descends: boolean
}

interface Query {
  readonly table: Table
  /** rows that are alike are shown once */
  readonly isDistinct: boolean
  readonly items: readonly SelectItem[]
  readonly condition: Expression | undefined
  readonly order: readonly Order[]
  readonly limit: RowLimit
}

/**
 * SELECT of expressions, without a table or of one of those in tables/: [FROM table] [WHERE ...] [ORDER BY ...]
 * [LIMIT ...]. Functions that wait are waited for first, so that nothing else is evaluated before its time.
 */
export function select(cursor: Cursor, scope: Scope): Answer | Promise<Answer> {
  const table = findTable(cursor, scope)
  const parser = new ExpressionParser(cursor, { mayWait: true })
  let isDistinct = false
  while (cursor.isWord('ALL', 'DISTINCT', 'SQL_NO_CACHE')) {
    isDistinct ||= cursor.next().text.toUpperCase() === 'DISTINCT'
  }
  const items = readItems(cursor, parser, table)
  if (cursor.takeWord('FROM')) passTable(cursor)
  const condition = cursor.takeWord('WHERE') ? parser.parse() : undefined
  const order = readOrder(cursor, parser, items)
  const query = { table, isDistinct, items, condition, order, limit: readLimit(cursor) }
  cursor.expectEnd()
  if (parser.waits.length === 0) return evaluate(query, scope)
  return waited(query, parser, scope)
}

async function waited(query: Query, parser: ExpressionParser, scope: Scope): Promise<Answer> {
  for (const wait of parser.waits) await wait(scope)
  return evaluate(query, scope)
}

function evaluate(query: Query, scope: Scope): Answer {
  const { table, isDistinct, items, condition, order, limit } = query
  const found: RowScope[] = table
    .rows(scope)
    .map((row) => rowScope(table, row))
    .filter((row) => condition === undefined || truthOf(condition(scope, row)) === true)
  const isCount = items.some(({ expression }) => expression === undefined)
  const chosen = isCount ? [found[0]] : sorted(found, order, scope)
  const valueOf = ({ expression }: SelectItem, row: RowScope | undefined): Value => {
    if (expression === undefined) return BigInt(found.length)
    if (table === NO_TABLE) return expression(scope)
    return row === undefined ? null : expression(scope, row)
  }
  const values = chosen.map((row) => items.map((item) => valueOf(item, row)))
  const texts = values.map((row) => row.map(textOf))
  refuseTooLong(texts.flat())
  const first = values[0] ?? items.map((item) => valueOf(item, undefined))
  const columns = items.map((item, index) => columnOfItem(item, table, first[index] ?? null))
  const unlike = isDistinct ? withoutTwins(texts) : texts
  return rows(columns, unlike.slice(limit.skipped, limit.skipped + limit.count))
}

function withoutTwins(found: readonly Row[]): Row[] {
  return [...new Map(found.map((row) => [JSON.stringify(row), row])).values()]
}

function columnOfItem(
  { name, expression, hasAlias }: SelectItem,
  table: Table,
  value: Value,
): Column {
  if (expression === undefined) return integerColumn(name)
  const column = table.columns.find((each) => each.name.toLowerCase() === expression.column)
  if (column !== undefined) return { ...column, name: hasAlias ? name : column.name }
  return expression.shape?.(name, value) ?? columnOf(name, value)
}

function sorted(found: RowScope[], order: readonly Order[], scope: Scope): RowScope[] {
  return found.toSorted((one, other) => {
    for (const { expression, descends } of order) {
      const difference = compare(expression(scope, one), expression(scope, other)) ?? 0
      if (difference !== 0) return descends ? -difference : difference
    }
    return 0
  })
}

function readItems(cursor: Cursor, parser: ExpressionParser, table: Table): SelectItem[] {
  if (cursor.takeSymbol('*')) {
    if (table === NO_TABLE) throw new SqlError(1096, 'HY000', 'No tables used')
    return table.columns.map(({ name }) => ({
      name,
      expression: columnReference(name),
      hasAlias: false,
    }))
  }
  const items: SelectItem[] = []
  do items.push(readItem(cursor, parser))
  while (cursor.takeSymbol(','))
  return items
}

function columnReference(name: string): Expression {
  const column = name.toLowerCase()
  return Object.assign((_: Scope, row?: RowScope) => row?.(column) ?? null, { column })
}

function readItem(cursor: Cursor, parser: ExpressionParser): SelectItem {
  const { start } = cursor.token
  const expression = takeCount(cursor) ? undefined : parser.parse()
  const written = cursor.sql.slice(start, cursor.lastEnd)
  const alias = readAlias(cursor)
  const name = alias ?? expression?.title ?? written
  return { name, expression, hasAlias: alias !== undefined }
}

/** COUNT(*), the only one that looks at all rows. */
function takeCount(cursor: Cursor): boolean {
  const start = cursor.index
  if (!cursor.takeWord('COUNT')) return false
  if (cursor.takeSymbol('(') && cursor.takeSymbol('*') && cursor.takeSymbol(')')) return true
  cursor.back(start)
  return false
}

function readAlias(cursor: Cursor): string | undefined {
  const { kind } = cursor.token
  if (cursor.takeWord('AS')) {
    return cursor.token.kind === 'string' ? cursor.next().text : cursor.expectName()
  }
  if (kind === 'string' || kind === 'quoted') return cursor.next().text
  if (kind === 'word' && !cursor.isWord(...CLAUSES)) return cursor.next().text
  return undefined
}

const CLAUSES = [
  'FROM',
  'WHERE',
  'LIMIT',
  'INTO',
  'UNION',
  'FOR',
  'ORDER',
  'GROUP',
  'HAVING',
  'LOCK',
]

/** Past the name, which was read before, and an alias. */
function passTable(cursor: Cursor): void {
  cursor.expectName()
  if (cursor.takeSymbol('.')) cursor.expectName()
  readAlias(cursor)
}

function readOrder(
  cursor: Cursor,
  parser: ExpressionParser,
  items: readonly SelectItem[],
): Order[] {
  const order: Order[] = []
  if (!cursor.takeWord('ORDER')) return order
  cursor.expectWord('BY')
  do {
    const number = cursor.token.kind === 'number' ? cursor.token.text : undefined
    let expression: Expression | undefined = parser.parse()
    // A bare number is the place of an item.
    if (number !== undefined && cursor.isEndOf('ASC', 'DESC', 'LIMIT')) {
      expression = items[Number(number) - 1]?.expression
    }
    if (expression === undefined) {
      throw new SqlError(1054, '42S22', `Unknown column '${number}' in 'order clause'`)
    }
    order.push({ expression, descends: cursor.takeWord('DESC') })
    cursor.takeWord('ASC')
  } while (cursor.takeSymbol(','))
  return order
}
