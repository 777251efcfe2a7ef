/* Statements that need another privilege, or wait for locks of the source: they may be left open. */
import { OperationalError } from '../lib/index.ts'
import type { Row, SourceConnection } from './source-connection.ts'
import { clientErrorNumber } from './source-error.ts'

const SYNTAX_ERROR = 1064

/** Undefined where that may not be asked. */
export async function readIsReplica(connection: SourceConnection): Promise<boolean | undefined> {
  const rows = await rowsOf(connection, 'SHOW REPLICA STATUS', 'SHOW SLAVE STATUS')
  return rows === undefined ? undefined : rows.length > 0
}

/**
 * Undefined where the source refuses the statement, or does not answer it in time (it waits for a lock).
 * @param older how older sources call the statement
 */
export async function rowsOf(
  connection: SourceConnection,
  sql: string,
  older?: string,
): Promise<Row[] | undefined> {
  try {
    return await connection.query(sql)
  } catch (error) {
    if (error instanceof OperationalError && error.code === 'E_SOURCE_GONE_SILENT') return undefined
    const number = clientErrorNumber(error)
    if (number === undefined) throw error
    return number === SYNTAX_ERROR && older !== undefined
      ? await rowsOf(connection, older)
      : undefined
  }
}
