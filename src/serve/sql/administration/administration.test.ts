import { describe, expect, test } from 'vitest'
import { OperationalError } from '../../../lib/index.ts'
import { FakeAdministration } from '../../testing/fake-administration.ts'
import { outcomeOf, runStatement } from '../../testing/run-statement.ts'
import { makeScope } from '../../testing/scope.ts'
import type { Scope } from '../scope.ts'
import { refusalOf, SqlError } from '../sql-error.ts'

interface Desk {
  readonly scope: Scope
  readonly asked: FakeAdministration['asked']
  readonly administration: FakeAdministration
}

function desk(rights: Scope['session']['rights'] = ['administer']): Desk {
  const administration = new FakeAdministration()
  const scope = { ...makeScope({ rights }), administration }
  return { scope, administration, asked: administration.asked }
}

/** What the daemon is asked to set, or the error's code and words. */
async function wishes(options: string): Promise<unknown> {
  const { scope, asked } = desk()
  const found = await runStatement(`CHANGE REPLICATION SOURCE TO ${options}`, scope)
  return found instanceof SqlError ? `${found.code} ${found.message}` : asked
}

describe('CHANGE REPLICATION SOURCE', () => {
  test('hands on what is named, and nothing else', async () => {
    expect(
      await wishes(
        "SOURCE_HOST='db2', SOURCE_PORT = 3307, SOURCE_USER='r', SOURCE_PASSWORD='p''w'",
      ),
    ).toEqual([['set', { host: 'db2', port: 3307, user: 'r', password: "p'w" }]])
    expect(await wishes("source_host = 'db2' FOR CHANNEL ''")).toEqual([['set', { host: 'db2' }]])
    expect(await wishes('SOURCE_AUTO_POSITION = 1, GET_SOURCE_PUBLIC_KEY = 1')).toEqual([
      ['set', {}],
    ])
  })

  test('understands the older words', async () => {
    const { scope, asked } = desk()
    const sql = "CHANGE MASTER TO MASTER_HOST = 'db2', MASTER_SSL = 1, GET_MASTER_PUBLIC_KEY = 1"
    expect(await outcomeOf(sql, scope)).toBe('OK')
    expect(asked).toEqual([['set', { host: 'db2', tls: 'required' }]])
  })

  test.each([
    ['SOURCE_SSL = 0', { tls: 'disabled' }],
    ['SOURCE_SSL = 1', { tls: 'required' }],
    ["SOURCE_SSL = 1, SOURCE_SSL_CA = '/ca.pem'", { tls: 'verify-ca', caFile: '/ca.pem' }],
    ["SOURCE_SSL_CA = '/ca.pem'", { tls: 'verify-ca', caFile: '/ca.pem' }],
    ["SOURCE_SSL_CA = ''", { caFile: null }],
    ['SOURCE_SSL = 1, SOURCE_SSL_VERIFY_SERVER_CERT = 1', { tls: 'verify-identity' }],
    ['SOURCE_SSL_VERIFY_SERVER_CERT = 0', { tls: 'required' }],
  ])('%s is a way to use TLS', async (options, expected) => {
    expect(await wishes(options)).toEqual([['set', expected]])
  })

  test.each([
    ["SOURCE_LOG_FILE = 'binlog.000001', SOURCE_LOG_POS = 4", 1235, 'SOURCE_LOG_FILE: where'],
    ['MASTER_CONNECT_RETRY = 10', 1235, 'MASTER_CONNECT_RETRY: Kingbus tries again'],
    ['SOURCE_AUTO_POSITION = 0', 1235, 'SOURCE_AUTO_POSITION = 0'],
    ['GET_SOURCE_PUBLIC_KEY = 0', 1235, 'GET_SOURCE_PUBLIC_KEY = 0'],
    ["SOURCE_SSL_CERT = 'x'", 1235, 'SOURCE_SSL_CERT'],
    ["SOURCE_HOST = 'a' FOR CHANNEL 'other'", 3074, "'other' does not exist"],
    ["SOURCE_HOSTS = 'a'", 1064, "near 'SOURCE_HOSTS"],
    ["SOURCE_PORT = 'a'", 1064, "near ''a''"],
    ['SOURCE_HOST = 5', 1064, "near '5'"],
    ["SOURCE_HOST 'a'", 1064, "near ''a''"],
    ['', 1064, "near ''"],
    ["SOURCE_HOST = 'a' SOURCE_PORT = 1", 1064, "near 'SOURCE_PORT"],
  ])('%s is refused, and says which part', async (options, code, words) => {
    const found = String(await wishes(options))
    expect(found).toContain(`${code} `)
    expect(found).toContain(words)
  })
})

test.each<[string, FakeAdministration['asked']]>([
  ['START REPLICA', ['start']],
  ['STOP REPLICA', ['stop']],
  ['START SLAVE IO_THREAD', ['start']],
  ["STOP SLAVE IO_THREAD, SQL_THREAD FOR CHANNEL ''", ['stop']],
  ["PURGE BINARY LOGS TO 'binlog.000004'", [['purge', 'binlog.000004']]],
  ["purge master logs to 'binlog.000004'", [['purge', 'binlog.000004']]],
  ["PURGE BINARY LOGS TO 'binlog.000002'", []],
])('%s is done by the daemon', async (sql, expected) => {
  const { scope, asked } = desk()
  expect(await outcomeOf(sql, scope)).toBe('OK')
  expect(asked).toEqual(expected)
})

test.each([
  ["START REPLICA UNTIL SOURCE_LOG_FILE = 'x', SOURCE_LOG_POS = 4", 1235],
  ["START REPLICA USER = 'a' PASSWORD = 'b'", 1235],
  ['STOP REPLICA SQL_THREAD', 1235],
  ["STOP REPLICA FOR CHANNEL 'x'", 3074],
  ['STOP REPLICA NOW', 1064],
  ["PURGE BINARY LOGS TO 'binlog.000099'", 1373],
  ['PURGE BINARY LOGS TO 7', 1064],
  ["PURGE BINARY LOGS BEFORE 'yesterday'", 1525],
  ['PURGE BINARY LOGS BEFORE NOW() - INTERVAL 3 MOONS', 1064],
  ['FLUSH BINARY LOGS', 1235],
  ['RESET BINARY LOGS AND GTIDS', 1235],
  ['RESET REPLICA ALL', 1235],
  ['CHANGE REPLICATION FILTER REPLICATE_DO_DB = (a)', 1235],
])('%s is refused', async (sql, code) => {
  const { scope, asked } = desk()
  expect(await outcomeOf(sql, scope)).toBe(code)
  expect(asked).toEqual([])
})

test.each([
  "CHANGE REPLICATION SOURCE TO SOURCE_HOST = 'a'",
  'START REPLICA',
  'STOP SLAVE',
  "PURGE BINARY LOGS TO 'binlog.000004'",
  'PURGE BINARY LOGS BEFORE NOW()',
  'FLUSH BINARY LOGS',
  'RESET REPLICA',
])('%s needs the right to administer', async (sql) => {
  const { scope, asked } = desk(['replicate', 'monitor'])
  expect(await outcomeOf(sql, scope)).toBe(1227)
  expect(asked).toEqual([])
})

describe('PURGE BINARY LOGS BEFORE', () => {
  const dated = (scope: Scope): Scope => {
    const days = [
      '2026-04-28',
      '2026-04-29',
      '2026-04-30',
      '2026-05-01',
      '2026-05-01',
      '2026-05-01',
    ]
    const files = scope.binlogs.files().map((file, index) => ({
      ...file,
      lastTimestamp: Date.parse(`${days[index]}T00:00:00Z`) / 1000,
    }))
    return { ...scope, binlogs: { ...scope.binlogs, files: () => files } }
  }

  // Now is 2026-05-01 10:11:12.
  test.each<[string, string | undefined]>([
    ["'2026-04-30 00:00:00'", 'binlog.000004'],
    ["'2026-04-30'", 'binlog.000004'],
    ['NOW() - INTERVAL 2 DAY', 'binlog.000004'],
    ['DATE_SUB(NOW(), INTERVAL 24 HOUR)', 'binlog.000005'],
    ["DATE_ADD('2026-04-29 00:00:00', INTERVAL 1 SECOND)", 'binlog.000004'],
    ['NOW() - INTERVAL 1 WEEK + INTERVAL 1 MINUTE', undefined],
    ['NOW()', 'binlog.000007'],
  ])('%s removes the files whose events are all older', async (moment, upTo) => {
    const { scope, asked } = desk()
    expect(await outcomeOf(`PURGE BINARY LOGS BEFORE ${moment}`, dated(scope))).toBe('OK')
    expect(asked).toEqual(upTo === undefined ? [] : [['purge', upTo]])
  })
})

test('what keeps the node from it comes back as it is, for the session to say', async () => {
  const { scope, administration } = desk()
  administration.startSource = () =>
    Promise.reject(new OperationalError('E_SOURCE_UNCONFIGURED', 'there is no source'))
  await expect(outcomeOf('START REPLICA', scope)).rejects.toThrow('there is no source')
})

test.each([
  ['E_SOURCE_UNCONFIGURED', 1200],
  ['E_CONFIG_INVALID', 1210],
  ['E_FILE_IN_USE', 1378],
  ['E_NOT_LEADER', 1105],
] as const)('%s is error %i for a client, with its own code in front', (code, number) => {
  const refusal = refusalOf(new OperationalError(code, 'why it is so'))
  expect(refusal).toMatchObject({ code: number, message: `${code}: why it is so` })
})

describe('SHOW REPLICA STATUS', () => {
  async function status(sql: string, change = {}): Promise<Record<string, string | null>> {
    const { scope, administration } = desk(['monitor'])
    administration.view = { ...administration.view, ...change }
    const found = await runStatement(sql, scope)
    if (typeof found !== 'object' || !('rows' in found)) throw new Error(String(found))
    expect(found.columns).toHaveLength(60)
    const values = found.rows[0] ?? []
    return Object.fromEntries(found.columns.map(({ name }, at) => [name, values[at] ?? null]))
  }

  test('is a row about the link to the source', async () => {
    expect(await status("SHOW REPLICA STATUS FOR CHANNEL ''")).toMatchObject({
      Replica_IO_State: 'Waiting for source to send event',
      Source_Host: 'db1',
      Source_Port: '3307',
      Source_User: 'repl',
      Source_Log_File: 'binlog.000002',
      Read_Source_Log_Pos: '4711',
      Exec_Source_Log_Pos: '4711',
      Replica_IO_Running: 'Yes',
      Replica_SQL_Running: 'Yes',
      Source_SSL_Allowed: 'Yes',
      Source_SSL_CA_File: '/etc/ca.pem',
      Seconds_Behind_Source: '0',
      Source_Server_Id: '3',
      Source_UUID: 'aaaaaaaa-0000-4000-8000-000000000001',
      Last_IO_Errno: '0',
      Auto_Position: '1',
      SQL_Remaining_Delay: null,
      Channel_Name: '',
    })
  })

  test('has the older names for the older word', async () => {
    const found = await status('SHOW SLAVE STATUS', { lagSeconds: null })
    expect(found).toMatchObject({
      Slave_IO_State: 'Waiting for source to send event',
      Master_Host: 'db1',
      Master_Log_File: 'binlog.000002',
      Relay_Master_Log_File: 'binlog.000002',
      Slave_IO_Running: 'Yes',
      Seconds_Behind_Master: null,
      Master_UUID: expect.any(String),
      Get_master_public_key: '1',
    })
    expect(Object.keys(found).filter((name) => /source|replica_/i.test(name))).toEqual([])
  })

  test.each([
    ['waiting', 'Connecting', 'Yes'],
    ['connecting', 'Connecting', 'Yes'],
    ['paused', 'Yes', 'Yes'],
    ['stopped', 'No', 'No'],
    ['failed', 'No', 'No'],
  ])('says of a link that is %s whether it runs', async (state, io, sql) => {
    const error = { code: 'E_SOURCE_UNREACHABLE', message: 'no way to db1' }
    expect(await status('SHOW REPLICA STATUS', { state, error })).toMatchObject({
      Replica_IO_Running: io,
      Replica_SQL_Running: sql,
      Last_IO_Errno: '2003',
      Last_IO_Error: 'E_SOURCE_UNREACHABLE: no way to db1',
      Last_IO_Error_Timestamp: '260501 10:00:00',
    })
  })

  test('has no row without a source, and none for those without a right', async () => {
    const { scope, administration } = desk(['monitor'])
    administration.view = { ...administration.view, state: 'unconfigured' }
    expect(await outcomeOf('SHOW REPLICA STATUS', scope)).toEqual([])
    expect(await outcomeOf('SHOW REPLICA STATUS', desk([]).scope)).toBe(1227)
    expect(await outcomeOf("SHOW REPLICA STATUS FOR CHANNEL 'x'", scope)).toBe(3074)
  })
})
