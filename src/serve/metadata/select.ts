/*
  The form of SELECT that is passed on, from tables of information_schema that are listed here

    SELECT [DISTINCT] item, ... FROM table { join } [WHERE condition] [GROUP BY value, ...]
    [ORDER BY value [ASC|DESC], ...] [LIMIT count [, count | OFFSET count]]

    item   * | name.* | value [[AS] alias]
    table  [information_schema.]name [[AS] alias]
    join   , table | [INNER|CROSS|LEFT [OUTER]] JOIN table [ON condition | USING (name, ...)]
*/
import type { Cursor } from '../sql/cursor.ts'
import { firstTable } from '../sql/tables/first-table.ts'
import type { ConditionReader } from './condition.ts'
import type { Rendering } from './rendering.ts'

const SCHEMA = 'INFORMATION_SCHEMA'

const TABLES: readonly string[] = [
  'COLUMNS',
  'TABLES',
  'SCHEMATA',
  'KEY_COLUMN_USAGE',
  'STATISTICS',
  // Maxwell joins it to find the character set of a table.
  'COLLATION_CHARACTER_SET_APPLICABILITY',
]

/** Words behind a table or an item that are no alias of it. */
const NO_ALIAS =
  'FROM WHERE GROUP ORDER LIMIT JOIN INNER CROSS LEFT ON USING INTO UNION FOR HAVING'.split(' ')

/** Is this a SELECT whose first table is one of those of information_schema? */
export function selectsMetadata(cursor: Cursor, database: string | undefined): boolean {
  if (!cursor.isWord('SELECT')) return false
  const written = firstTable(cursor)
  return isListed(written?.schema ?? database, written?.name)
}

function isListed(database: string | undefined, table: string | undefined): boolean {
  return database?.toUpperCase() === SCHEMA && TABLES.includes(table?.toUpperCase() ?? '')
}

/** Reads one SELECT, and returns whether it needs a default database. */
export class SelectReader {
  readonly #rendering: Rendering
  readonly #conditions: ConditionReader
  readonly #database: string | undefined
  #needsDatabase = false

  constructor(
    { rendering, conditions }: { rendering: Rendering; conditions: ConditionReader },
    database: string | undefined,
  ) {
    this.#rendering = rendering
    this.#conditions = conditions
    this.#database = database
  }

  read(): boolean {
    const rendering = this.#rendering
    rendering.expectWord('SELECT')
    rendering.takeWord('DISTINCT')
    do this.#item()
    while (rendering.takeSymbol(','))
    rendering.expectWord('FROM')
    this.#table()
    while (this.#takeJoin()) continue
    if (rendering.takeWord('WHERE')) this.#conditions.condition()
    if (rendering.takeWord('GROUP')) {
      rendering.expectWord('BY')
      this.#conditions.values()
    }
    if (rendering.takeWord('ORDER')) this.#order()
    if (rendering.takeWord('LIMIT')) {
      rendering.expectNumber()
      if (rendering.takeSymbol(',') || rendering.takeWord('OFFSET')) rendering.expectNumber()
    }
    return this.#needsDatabase
  }

  #item(): void {
    const rendering = this.#rendering
    if (rendering.takeSymbol('*')) return
    if (this.#isAllOfTable()) {
      rendering.expectName()
      rendering.expectSymbol('.')
      rendering.expectSymbol('*')
      return
    }
    this.#conditions.value()
    this.#takeAlias()
  }

  #isAllOfTable(): boolean {
    const { cursor } = this.#rendering
    const { index } = cursor
    cursor.next()
    const isAll = cursor.takeSymbol('.') && cursor.isSymbol('*')
    cursor.back(index)
    return isAll
  }

  #takeAlias(): void {
    const rendering = this.#rendering
    const isAlias = rendering.takeWord('AS')
    if (rendering.cursor.token.kind === 'string') {
      rendering.expectString()
      return
    }
    const isName =
      rendering.cursor.token.kind === 'quoted' || rendering.cursor.token.kind === 'word'
    if (isAlias || (isName && !rendering.cursor.isWord(...NO_ALIAS))) rendering.expectName()
  }

  #table(): void {
    const rendering = this.#rendering
    const names = rendering.expectQualifiedName()
    const [database, table] = names.length === 2 ? names : [this.#database, names[0]]
    if (!isListed(database, table)) throw rendering.cursor.error()
    this.#needsDatabase ||= names.length === 1
    this.#takeAlias()
  }

  #takeJoin(): boolean {
    const rendering = this.#rendering
    if (rendering.takeSymbol(',')) {
      this.#table()
      return true
    }
    const isKind = rendering.takeWord('INNER', 'CROSS', 'LEFT')
    if (isKind) rendering.takeWord('OUTER')
    if (!isKind && !rendering.cursor.isWord('JOIN')) return false
    rendering.expectWord('JOIN')
    this.#table()
    if (rendering.takeWord('ON')) this.#conditions.condition()
    else if (rendering.takeWord('USING')) {
      rendering.expectSymbol('(')
      do rendering.expectName()
      while (rendering.takeSymbol(','))
      rendering.expectSymbol(')')
    }
    return true
  }

  #order(): void {
    const rendering = this.#rendering
    rendering.expectWord('BY')
    do {
      this.#conditions.value()
      rendering.takeWord('ASC', 'DESC')
    } while (rendering.takeSymbol(','))
  }
}
