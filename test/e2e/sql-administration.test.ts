import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { type Connection, createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { mysqlProgram } from './harness/project.ts'
import { waitFor } from './harness/wait.ts'

/*
  A DBA with the mysql client, and no other tool, in front of a node.
*/

const DBA = { user: 'dba', password: 'd-s3cret' } as const

let source: Mysqld
let other: Mysqld
let kingbus: Kingbus
let rows = 0

beforeAll(async () => {
  ;[source, other] = await Promise.all([
    Mysqld.start({ serverId: 1 }),
    Mysqld.start({ serverId: 2 }),
  ])
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.request('POST', '/api/v1/users', {
    name: DBA.user,
    password: DBA.password,
    rights: ['monitor', 'administer'],
  })
  await waitFor({ what: 'the new user' }, async () => {
    const connection = await connect().catch(() => undefined)
    await connection?.end()
    return connection !== undefined
  })
})

afterAll(endEverything)

async function connect(account: { user: string; password: string } = DBA): Promise<Connection> {
  return await createConnection({ host: '127.0.0.1', port: kingbus.port, ...account })
}

interface Run {
  readonly stdout: string
  readonly stderr: string
}

/** What the real client prints for the statements. */
function mysql(sql: string, ...more: readonly string[]): Promise<Run> {
  const args = ['--no-defaults', '--host=127.0.0.1', `--port=${kingbus.port}`, `--user=${DBA.user}`]
  const environment = { ...process.env, MYSQL_PWD: DBA.password }
  return new Promise((resolve) => {
    const given = [...args, ...more, '-e', sql]
    const options = { timeout: 20_000, env: environment }
    execFile(mysqlProgram('mysql'), given, options, (_, stdout, stderr) => {
      resolve({ stdout, stderr: stderr.replace(/^\S+ \[Warning\].*\n/gm, '') })
    })
  })
}

/** The fields of the one row. */
async function replicaStatus(): Promise<Record<string, string>> {
  const { stdout, stderr } = await mysql('SHOW REPLICA STATUS', '--vertical')
  expect(stderr).toBe('')
  const fields = [...stdout.matchAll(/^ *(\w+): (.*)$/gm)]
  return Object.fromEntries(fields.map(([, name, value]) => [name ?? '', value ?? '']))
}

async function insert(): Promise<void> {
  rows += 1
  await source.sql(`INSERT INTO d.t VALUES (${rows})`)
}

test('the source is stopped, shown and started', async () => {
  expect(await mysql('STOP REPLICA')).toEqual({ stdout: '', stderr: '' })
  expect((await kingbus.status()).source.state).toBe('stopped')
  expect(await replicaStatus()).toMatchObject({
    Source_Host: '127.0.0.1',
    Source_Port: String(source.port),
    Source_User: replicationUser,
    Replica_IO_Running: 'No',
    Replica_SQL_Running: 'No',
  })
  await insert()
  expect(await mysql('START SLAVE')).toEqual({ stdout: '', stderr: '' })
  await kingbus.catchUpWith(source)
  const status = await replicaStatus()
  expect(status).toMatchObject({ Replica_IO_Running: 'Yes', Last_IO_Error: '' })
  expect(status['Source_UUID']).toBe(await source.value('SELECT @@server_uuid'))
  expect(status['Executed_Gtid_Set']).toBe(await source.gtidExecuted())
})

test('another server without what is stored here is refused, and the source followed on', async () => {
  const change = (port: number, more = ''): string =>
    `CHANGE REPLICATION SOURCE TO SOURCE_PORT=${port}, SOURCE_PASSWORD='${replicationPassword}'${more}`
  const { stderr } = await mysql(change(other.port))
  expect(stderr).toMatch(/ERROR 1105 .*E_SWITCH_REFUSED: .*E_SOURCE_OTHER/)
  await kingbus.waitForState('streaming')
  expect((await replicaStatus())['Source_Port']).toBe(String(source.port))
  expect((await mysql(change(source.port, ', SOURCE_SSL=1'))).stderr).toBe('')
  await kingbus.waitForState('streaming')
  expect(await kingbus.request('GET', '/api/v1/source')).toMatchObject({ tls: 'required' })
  await insert()
  await kingbus.catchUpWith(source)
})

test('what cannot be had is refused, and changes nothing', async () => {
  const before = await kingbus.request('GET', '/api/v1/source')
  const refusals = [
    ["CHANGE REPLICATION SOURCE TO SOURCE_LOG_FILE='x', SOURCE_LOG_POS=4", 'ERROR 1235'],
    ["CHANGE REPLICATION SOURCE TO SOURCE_HOST='elsewhere'", 'ERROR 1210'],
    ['START REPLICA SQL_THREAD', 'ERROR 1235'],
    ['FLUSH BINARY LOGS', 'ERROR 1235'],
    ['RESET BINARY LOGS AND GTIDS', 'ERROR 1235'],
    ["PURGE BINARY LOGS TO 'no-such-file'", 'ERROR 1373'],
  ] as const
  for (const [sql, error] of refusals) expect((await mysql(sql)).stderr).toContain(error)
  expect(await kingbus.request('GET', '/api/v1/source')).toMatchObject({
    address: (before as { address: string }).address,
    state: 'streaming',
  })
  const replica = await connect({ user: replicationUser, password: replicationPassword })
  await expect(replica.query('STOP REPLICA')).rejects.toMatchObject({ errno: 1227 })
  await replica.end()
})

test('a password is in no log, whatever becomes of the statement that it is in', async () => {
  const secret = 'never-to-be-seen'
  const change = `CHANGE REPLICATION SOURCE TO SOURCE_USER='who', SOURCE_PASSWORD='${secret}'`
  expect((await mysql(`${change}, SOURCE_NOTHING=1`)).stderr).toContain('ERROR 1064')
  expect((await mysql(`${change}, SOURCE_DELAY=1`)).stderr).toContain('SOURCE_DELAY')
  expect((await mysql(`STOP REPLICA; ${change}; START REPLICA`)).stderr).toBe('')
  await waitFor({ what: 'the login to be refused' }, async () => {
    return (await replicaStatus())['Last_IO_Error']?.startsWith('E_SOURCE_AUTH')
  })
  const account = `MASTER_USER='${replicationUser}', MASTER_PASSWORD='${replicationPassword}'`
  expect((await mysql(`CHANGE MASTER TO ${account}`)).stderr).toBe('')
  await kingbus.waitForState('streaming')
  const log = readFileSync(kingbus.logFile, 'utf8')
  expect(log).toContain('the settings of the source have changed')
  for (const word of [secret, replicationPassword]) expect(log).not.toContain(word)
})

test('files are purged by name and by age', async () => {
  for (let count = 0; count < 3; count += 1) {
    await insert()
    await source.sql('FLUSH BINARY LOGS')
  }
  const newest = (await source.binlogs()).at(-1)?.name
  await waitFor({ what: 'the newest file' }, async () => {
    return await Promise.resolve(kingbus.binlogs().at(-1)?.name === newest)
  })
  const names = kingbus.binlogs().map(({ name }) => name)
  const [, second = '', third = ''] = names
  expect((await mysql(`PURGE BINARY LOGS TO '${second}'`)).stderr).toBe('')
  expect(kingbus.binlogs().map(({ name }) => name)).toEqual(names.slice(1))
  expect((await mysql(`PURGE MASTER LOGS TO '${third}'`)).stderr).toBe('')
  expect((await mysql("PURGE BINARY LOGS BEFORE '2001-01-01 00:00:00'")).stderr).toBe('')
  expect(kingbus.binlogs().map(({ name }) => name)).toEqual(names.slice(2))
  expect((await mysql('PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY')).stderr).toBe('')
  expect(kingbus.binlogs().map(({ name }) => name)).toEqual(names.slice(-1))
})

test('another server that has what is stored here becomes the source', async () => {
  await other.sql(`SET GLOBAL gtid_purged = '+${await source.gtidExecuted()}'`)
  const change = (port: number): string =>
    `CHANGE REPLICATION SOURCE TO SOURCE_PORT=${port}, SOURCE_PASSWORD='${replicationPassword}'`
  expect((await mysql(change(other.port))).stderr).toBe('')
  await kingbus.waitForState('streaming')
  expect((await replicaStatus())['Source_UUID']).toBe(await other.value('SELECT @@server_uuid'))
  expect((await mysql(change(source.port))).stderr).toBe('')
  await kingbus.waitForState('streaming')
  await insert()
  await kingbus.catchUpWith(source)
})
