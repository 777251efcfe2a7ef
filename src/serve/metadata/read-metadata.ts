import type { Cursor } from '../sql/cursor.ts'
import { SqlError } from '../sql/sql-error.ts'
import { ConditionReader } from './condition.ts'
import type { MetadataStatement } from './metadata-source.ts'
import { Rendering } from './rendering.ts'
import { SelectReader, selectsMetadata } from './select.ts'
import { readDescribe, readShow, SHOWN } from './show.ts'

/**
 * The questions about tables that are asked here, as they may go to the source: one, or several with semicolons
 * between them (canal asks so). Undefined, with the cursor where it was, when something else is asked.
 * @throws SqlError for a question that is begun so and goes on in a way that is not passed on
 */
export function readMetadata(
  cursor: Cursor,
  database: string | undefined,
): readonly MetadataStatement[] | undefined {
  if (!begins(cursor, database)) return undefined
  const statements: MetadataStatement[] = []
  do statements.push(readStatement(cursor, database))
  while (cursor.takeSymbol(';'))
  cursor.expectEnd()
  return statements
}

function begins(cursor: Cursor, database: string | undefined): boolean {
  if (cursor.isWord('DESC', 'DESCRIBE') || selectsMetadata(cursor, database)) return true
  const { index } = cursor
  const isShow = cursor.takeWord('SHOW')
  cursor.takeWord('EXTENDED')
  cursor.takeWord('FULL')
  const isShown = isShow && cursor.isWord(...SHOWN)
  cursor.back(index)
  return isShown
}

function readStatement(cursor: Cursor, database: string | undefined): MetadataStatement {
  const rendering = new Rendering(cursor)
  const conditions = new ConditionReader(rendering)
  const needsDatabase = readForm({ rendering, conditions }, database) || conditions.usesDatabase
  if (needsDatabase && database === undefined) {
    throw new SqlError(1046, '3D000', 'No database selected')
  }
  return { sql: rendering.text, database: needsDatabase ? database : undefined }
}

function readForm(
  reading: { rendering: Rendering; conditions: ConditionReader },
  database: string | undefined,
): boolean {
  const { cursor } = reading.rendering
  if (cursor.isWord('SELECT')) return new SelectReader(reading, database).read()
  return cursor.isWord('SHOW') ? readShow(reading) : readDescribe(reading)
}
