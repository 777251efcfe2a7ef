import type { SourceConnection } from '../source-connection.ts'

/** Global variables that say how a source writes its binlog and names things: clients look for them where they read. */
const NAMES = [
  'binlog_format',
  'binlog_row_image',
  'binlog_row_metadata',
  'binlog_row_value_options',
  'binlog_rows_query_log_events',
  'binlog_transaction_compression',
  'character_set_server',
  'collation_server',
  'lower_case_table_names',
]

/** By name; those that the source does not have are absent. */
export type SourceVariables = Readonly<Record<string, string>>

export async function readVariables(connection: SourceConnection): Promise<SourceVariables> {
  const names = NAMES.map((name) => `'${name}'`).join(', ')
  const where = `WHERE Variable_name IN (${names})`
  return Object.fromEntries(await readPairs(connection, `SHOW GLOBAL VARIABLES ${where}`))
}

/** What SHOW VARIABLES or SHOW STATUS says, by name. */
export async function readPairs(
  connection: SourceConnection,
  sql: string,
): Promise<ReadonlyMap<string, string>> {
  const rows = await connection.query(sql)
  return new Map(rows.map((row) => [row['Variable_name'] ?? '', row['Value'] ?? '']))
}
