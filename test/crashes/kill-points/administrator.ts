import { type Connection, createConnection } from 'mysql2/promise'
import type { Kingbus } from '../../e2e/harness/kingbus.ts'

const DBA = { user: 'dba', password: 'dba-local' } as const

/** All but the last two files, if somebody answers. */
export async function purge(kingbus: Kingbus): Promise<void> {
  const upTo = kingbus.binlogs().at(-2)?.name
  if (upTo === undefined) return
  let connection: Connection | undefined
  try {
    connection = await createConnection({ host: '127.0.0.1', port: kingbus.port, ...DBA })
    connection.on('error', () => {})
    await connection.query(`PURGE BINARY LOGS TO '${upTo}'`)
  } catch {
    // It is not there, has died, or somebody reads the file: the next time comes soon.
  } finally {
    connection?.destroy()
  }
}

export async function addAdministrator(kingbus: Kingbus): Promise<void> {
  const { user: name, password } = DBA
  await kingbus.request('POST', '/api/v1/users', { name, password, rights: ['administer'] })
}
