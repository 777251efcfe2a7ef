import type { Cursor } from '../cursor.ts'
import type { Scope } from '../scope.ts'
import { SqlError } from '../sql-error.ts'
import { PERFORMANCE_PROCESSLIST, PROCESSLIST } from './process-list.ts'
import { NO_TABLE, type Table } from './table.ts'

const TABLES: ReadonlyMap<string, Table> = new Map([
  ['information_schema.processlist', PROCESSLIST],
  ['performance_schema.processlist', PERFORMANCE_PROCESSLIST],
])

/**
 * The table behind FROM, which is looked for before anything else is read: one that is not here is said not to
 * exist, which clients understand, whatever is asked of it. It is never an empty one, which they would believe.
 */
export function findTable(cursor: Cursor, scope: Scope): Table {
  const tokens = [...cursor.outer()]
  const from = tokens.findIndex(({ kind, text }) => kind === 'word' && /^from$/i.test(text))
  const first = from < 0 ? undefined : tokens[from + 1]
  if (first === undefined || (first.kind !== 'word' && first.kind !== 'quoted')) return NO_TABLE
  const second = tokens[from + 2]?.text === '.' ? tokens[from + 3]?.text : undefined
  if (second === undefined && first.kind === 'word' && /^dual$/i.test(first.text)) return NO_TABLE
  const database = second === undefined ? scope.session.database : first.text
  if (database === undefined) throw new SqlError(1046, '3D000', 'No database selected')
  const name = `${database}.${second ?? first.text}`
  const found = TABLES.get(name.toLowerCase())
  if (found !== undefined) return found
  const why = /^information_schema$/i.test(database)
    ? ' in a binlog server: which tables there are, only its source knows'
    : ''
  throw new SqlError(1146, '42S02', `Table '${name}' doesn't exist${why}`)
}
