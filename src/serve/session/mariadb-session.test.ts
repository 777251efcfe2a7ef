import { afterEach, describe, expect, test } from 'vitest'
import { encodeComBinlogDump, encodeOk, formatGtid } from '../../mysql/index.ts'
import { SqlError } from '../sql/sql-error.ts'
import { FACTS, type FakeServer, MARIADB_FACTS, startFakeServer } from '../testing/fake-server.ts'
import { RawClient } from '../testing/raw-client.ts'
import { outcomeOf, type Rows, runStatement } from '../testing/run-statement.ts'
import { makeScope } from '../testing/scope.ts'
import { readDumpCommand } from './dump-command.ts'

let server: FakeServer | undefined
afterEach(async () => {
  await server?.close()
  server = undefined
})

const scope = { ...makeScope(), facts: MARIADB_FACTS }

async function answer(sql: string): Promise<Rows | 'OK'> {
  const found = await runStatement(sql, scope)
  if (found instanceof SqlError) throw found
  return found
}

async function columnsOf(sql: string): Promise<string[]> {
  const found = await answer(sql)
  return found === 'OK' ? [] : found.columns.map(({ name }) => name)
}

test('the greeting is one of a MariaDB server, in the words that its replicas look for', async () => {
  server = await startFakeServer({ facts: MARIADB_FACTS })
  const client = await RawClient.connect(server.port)
  const { version, authPlugin } = await client.readGreeting()
  expect(version).toBe('5.5.5-10.11.18-MariaDB-kingbus')
  expect(authPlugin).toBe('mysql_native_password')
  client.stream.destroy()
})

test('a dump is closed without a word when the server goes down, so that nobody takes it for finished', async () => {
  server = await startFakeServer({ facts: MARIADB_FACTS })
  const client = await RawClient.connect(server.port)
  expect(await client.login('repl', 'plain secret')).toEqual(encodeOk())
  client.send(encodeComBinlogDump({ position: 4, flags: 0, serverId: 9, file: 'binlog.000001' }))
  await expect.poll(() => server?.requests.length).toBe(1)
  await server.close()
  expect(await client.read()).toBeUndefined()
})

describe('what a MariaDB replica asks', () => {
  test.each<[string, unknown]>([
    ['SELECT VERSION()', [['10.11.18-MariaDB-kingbus']]],
    ['SELECT @@GLOBAL.gtid_domain_id', [['0']]],
    ['SELECT @@global.gtid_binlog_pos', [['0-12-23,7-11-1']]],
    ['SELECT @@global.gtid_binlog_state', [['0-11-22,0-12-23,7-11-1']]],
    ["SELECT binlog_gtid_pos('binlog.000002', 4)", [[null]]],
    ["SET @slave_connect_state='0-11-4'", 'OK'],
    ['SET @slave_gtid_strict_mode=0, @slave_gtid_ignore_duplicates=0', 'OK'],
    ['SET @mariadb_slave_capability=4', 'OK'],
    ["SHOW VARIABLES LIKE 'gtid_mode'", []],
  ])('%s', async (sql, rows) => {
    expect(await outcomeOf(sql, scope)).toEqual(rows)
  })

  test('is answered in MariaDB’s columns', async () => {
    const status = ['File', 'Position', 'Binlog_Do_DB', 'Binlog_Ignore_DB']
    expect(await columnsOf('SHOW MASTER STATUS')).toEqual(status)
    expect(await outcomeOf('SHOW MASTER STATUS', scope)).toEqual([
      ['binlog.000002', '4711', '', ''],
    ])
    expect(await columnsOf('SHOW BINARY LOGS')).toEqual(['Log_name', 'File_size'])
    const hosts = ['Server_id', 'Host', 'Port', 'Master_id']
    expect(await columnsOf('SHOW SLAVE HOSTS')).toEqual(hosts)
    expect(await columnsOf('SHOW REPLICA HOSTS')).toEqual(hosts)
    expect(await outcomeOf('SELECT @@gtid_executed', scope)).toBe(1193)
    expect(await outcomeOf('SELECT @@gtid_binlog_pos', makeScope())).toBe(1193)
  })
})

describe('COM_BINLOG_DUMP of a MariaDB replica', () => {
  const payload = Buffer.from('120400000002000c000000', 'hex')
  const request = (variables: Record<string, string>, facts = MARIADB_FACTS) => {
    const userVariables = new Map(Object.entries(variables))
    return readDumpCommand(payload, makeScope({ userVariables }).session, facts)
  }

  test('goes by the GTIDs that it has said, by file and position when it has said none', () => {
    const byGtids = request({ slave_connect_state: '0-11-4,7-11-1' })
    expect(byGtids).toMatchObject({ from: undefined, held: undefined, heartbeatVersion: 1 })
    const state = 'connectState' in byGtids ? byGtids.connectState : undefined
    expect(state?.map(formatGtid)).toEqual(['0-11-4', '7-11-1'])
    expect(request({ slave_connect_state: '' })).toMatchObject({ connectState: [] })
    expect(request({})).toMatchObject({ from: { file: '', position: 4 } })
    expect(request({})).not.toHaveProperty('connectState')
  })

  test('means ANNOTATE_ROWS by the flag that asks MySQL for the second kind of heartbeat', () => {
    expect(request({})).toMatchObject({ heartbeatVersion: 1 })
    expect(request({}, FACTS)).toMatchObject({ heartbeatVersion: 2 })
    const early = request({ mariadb_slave_capability: '4' }, FACTS)
    expect(early).toMatchObject({ heartbeatVersion: 1 })
  })

  test('is refused when it is to end at a GTID, and when its GTIDs are none', () => {
    const until = request({ slave_connect_state: '', slave_until_gtid: '0-11-9' })
    expect(until).toMatchObject({ code: 1236, message: expect.stringContaining('UNTIL') })
    for (const slave_connect_state of ['x', '0-1-1,0-2-2']) {
      expect(request({ slave_connect_state })).toMatchObject({ code: 1236 })
    }
  })
})
