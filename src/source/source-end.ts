import type { SourcePlace } from './holdings.ts'
import type { Row, SourceConnection } from './source-connection.ts'
import { clientErrorNumber } from './source-error.ts'

const SYNTAX_ERROR = 1064

/**
 * Where the source's binlog ends, asked by the statement of 8.2 and later or, where that is unknown, by the older
 * one. It can wait for ever behind a rotation that waits for us: never on the connection of a dump.
 */
export async function readEnd(connection: SourceConnection): Promise<SourcePlace | undefined> {
  let rows: Row[]
  try {
    rows = await connection.query('SHOW BINARY LOG STATUS')
  } catch (error) {
    if (clientErrorNumber(error) !== SYNTAX_ERROR) throw error
    rows = await connection.query('SHOW MASTER STATUS')
  }
  const { File: file, Position: position } = rows[0] ?? {}
  if (file === undefined || file === null) return undefined
  return { file, position: Number(position) }
}
