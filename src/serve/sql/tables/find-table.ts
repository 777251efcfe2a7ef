import type { Cursor } from '../cursor.ts'
import type { Scope } from '../scope.ts'
import { SqlError } from '../sql-error.ts'
import { firstTable } from './first-table.ts'
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
  const written = firstTable(cursor)
  if (written === undefined || (written.isPlain && /^dual$/i.test(written.name))) return NO_TABLE
  const database = written.schema ?? scope.session.database
  if (database === undefined) throw new SqlError(1046, '3D000', 'No database selected')
  const name = `${database}.${written.name}`
  const found = TABLES.get(name.toLowerCase())
  if (found !== undefined) return found
  const why = /^information_schema$/i.test(database)
    ? ' in a binlog server: which tables there are, only its source knows'
    : ''
  throw new SqlError(1146, '42S02', `Table '${name}' doesn't exist${why}`)
}
