import { execFile } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import {
  type Connection,
  createConnection,
  type FieldPacket,
  type QueryError,
} from 'mysql2/promise'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { dial, systemClock } from '../../src/platform/index.ts'
import { METADATA_LIMITS, MetadataPool } from '../../src/source/index.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder, mysqlProgram } from './harness/project.ts'
import { waitFor } from './harness/wait.ts'

const META = { user: 'meta', password: 'meta-local' }
const REPL = { user: replicationUser, password: replicationPassword }

let source: Mysqld
let kingbus: Kingbus
const open: Connection[] = []

/** Kingbus with pass-through, as the account that sees the tables of `app` only. */
async function startPassing(): Promise<Kingbus> {
  return await Kingbus.start({ sourceUrl: source.sourceUrl, flags: passThrough() })
}

function passThrough(): Readonly<Record<string, string>> {
  const passwordFile = join(makeRunFolder('metadata'), 'password')
  writeFileSync(passwordFile, `${META.password}\n`, { mode: 0o600 })
  return {
    'serve-metadata': 'pass-through',
    'serve-metadata-user': META.user,
    'serve-metadata-password-file': passwordFile,
  }
}

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 71 })
  await source.sql(
    `CREATE USER '${META.user}'@'%' IDENTIFIED BY '${META.password}'`,
    'CREATE DATABASE app',
    'CREATE DATABASE hidden',
    `CREATE TABLE app.t (
       id INT UNSIGNED PRIMARY KEY AUTO_INCREMENT, name VARCHAR(20) CHARACTER SET latin1 DEFAULT 'a"b',
       price DECIMAL(10,2) NOT NULL COMMENT 'ein Preis: 5 €', kind ENUM('x','y'), at DATETIME(6),
       INDEX by_name (name, kind))`,
    'CREATE TABLE app.`odd ``name` (`a b` INT)',
    'CREATE VIEW app.v AS SELECT id FROM app.t',
    'CREATE TABLE hidden.h (id INT)',
    `GRANT SELECT, SHOW VIEW ON app.* TO '${META.user}'@'%'`,
  )
  kingbus = await startPassing()
})

afterAll(async () => {
  for (const connection of open) connection.destroy()
  await endEverything()
})

async function connect(
  server: { readonly port: number },
  account: { user: string; password: string },
  database?: string,
): Promise<Connection> {
  const connection = await createConnection({
    host: '127.0.0.1',
    port: server.port,
    ...account,
    multipleStatements: true,
    charset: 'UTF8MB4_0900_AI_CI',
    ...(database === undefined ? {} : { database }),
  })
  open.push(connection)
  return connection
}

/** Code and words of the error that the statement is refused with. */
async function refusal(connection: Connection, sql: string): Promise<string> {
  try {
    await connection.query(sql)
  } catch (error) {
    const { errno, message } = error as QueryError
    return `${errno} ${message}`
  }
  throw new Error(`${sql} is not refused`)
}

/** What the real client prints, types of columns and all. */
async function printed(port: number, account: typeof META, sql: string): Promise<string> {
  const { stdout } = await promisify(execFile)(mysqlProgram('mysql'), [
    '--no-defaults',
    '--host=127.0.0.1',
    `--port=${port}`,
    `--user=${account.user}`,
    `--password=${account.password}`,
    '--column-type-info',
    '--table',
    '-e',
    sql,
  ])
  return stdout
}

/** What a client is told of a column. */
function described({ name, db, table, type, length, flags, characterSet }: FieldPacket): unknown {
  return { name, db, table, type, length, flags, characterSet }
}

const QUESTIONS = [
  'SHOW CREATE TABLE app.t',
  'SHOW CREATE TABLE app.`odd ``name`',
  'SHOW CREATE VIEW app.v',
  'SHOW CREATE DATABASE app',
  'SHOW FULL COLUMNS FROM app.t',
  "SHOW COLUMNS FROM t FROM app LIKE '%e'",
  'SHOW INDEX FROM app.t',
  'DESC app.t',
  'SHOW DATABASES',
  "SHOW FULL TABLES IN `app` WHERE Table_type = 'BASE TABLE'",
  'SHOW TABLES FROM app',
  "SHOW TABLE STATUS FROM app LIKE 't'",
  "SELECT COLUMN_NAME, COLUMN_TYPE, COLUMN_DEFAULT FROM information_schema.COLUMNS WHERE TABLE_NAME = 't' ORDER BY 1",
  "SELECT * FROM information_schema.TABLES WHERE TABLE_SCHEMA = 'app' AND TABLE_NAME = 't' LIMIT 1",
  'SELECT * FROM information_schema.SCHEMATA ORDER BY SCHEMA_NAME',
  "SELECT * FROM information_schema.KEY_COLUMN_USAGE WHERE TABLE_SCHEMA = 'app'",
  "SELECT INDEX_NAME, COLUMN_NAME FROM information_schema.STATISTICS WHERE TABLE_SCHEMA = 'app' ORDER BY 1, 2",
  "SELECT * FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = 'none'",
]

describe('questions about tables are answered as by the source itself', () => {
  test.each(QUESTIONS)('to mysql: %s', async (sql) => {
    const ours = await printed(kingbus.port, REPL, sql)
    expect(ours).toBe(await printed(source.port, META, sql))
    expect(ours).toContain('Field   1:')
  })

  test('to mysql2, which wants EOF packets: all of them', async () => {
    const [here, there] = [await connect(kingbus, REPL), await connect(source, META)]
    for (const sql of QUESTIONS) {
      const [ourRows, ourFields] = await here.query(sql)
      const [rows, fields] = await there.query(sql)
      expect(ourRows).toEqual(rows)
      expect(ourFields.map(described)).toEqual(fields.map(described))
    }
  })

  test('with the default database of the session, whoever asked before', async () => {
    const inApp = await connect(kingbus, REPL, 'app')
    const inHidden = await connect(kingbus, REPL, 'hidden')
    const nowhere = await connect(kingbus, REPL)
    const [rows] = await inApp.query('SHOW TABLES')
    expect(rows).toHaveLength(3)
    expect(await refusal(inHidden, 'SHOW TABLES')).toMatch(/^1044 Access denied for user 'meta'/)
    expect(await refusal(nowhere, 'SHOW TABLES')).toBe('1046 No database selected')
    const [described] = await inApp.query('DESC t')
    expect(described).toHaveLength(5)
  })

  test('several in one command, up to the first error', async () => {
    const connection = await connect(kingbus, REPL)
    const [both] = await connection.query('SHOW CREATE TABLE app.t;SHOW CREATE TABLE app.v;')
    expect(both).toHaveLength(2)
    const mixed = 'SHOW CREATE TABLE app.t;SHOW CREATE TABLE app.none;SHOW CREATE TABLE app.v'
    expect(await refusal(connection, mixed)).toBe("1146 Table 'app.none' doesn't exist")
    expect(await refusal(connection, 'SHOW DATABASES; DROP TABLE app.t')).toMatch(/^1064 /)
    await connection.ping()
  })

  test('more rows than fit in one packet of the network, and more clients than connections', async () => {
    const sql = 'SELECT * FROM information_schema.COLUMNS'
    const there = await connect(source, META)
    const [wanted] = await there.query(sql)
    expect(wanted).not.toHaveLength(0)
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(kingbus, REPL)))
    const answers = await Promise.all(clients.map(async (one) => (await one.query(sql))[0]))
    for (const answer of answers) expect(answer).toEqual(wanted)
    const [row] = await source.sql(
      `SELECT COUNT(*) AS n FROM performance_schema.session_connect_attrs a
         JOIN performance_schema.processlist p ON p.id = a.processlist_id
         WHERE a.attr_name = 'program_name' AND a.attr_value = 'kingbus' AND p.user = '${META.user}'`,
    )
    expect(Number(row?.['n'])).toBeGreaterThan(0)
    expect(Number(row?.['n'])).toBeLessThanOrEqual(4)
  })
})

test("the source's refusals arrive with their code, and what is hidden from the account stays hidden", async () => {
  const connection = await connect(kingbus, REPL)
  expect(await refusal(connection, 'SHOW CREATE TABLE hidden.h')).toMatch(/^1142 /)
  expect(await refusal(connection, 'SHOW COLUMNS FROM nowhere.t')).toMatch(/^1049 |^1044 /)
  expect(await refusal(connection, 'SELECT nothing FROM information_schema.TABLES')).toMatch(
    /^1054 /,
  )
  expect(await refusal(connection, 'SELECT * FROM app.t')).toMatch(/^1146 /)
  const [rows] = await connection.query('SHOW DATABASES')
  expect(JSON.stringify(rows)).not.toContain('hidden')
})

test('a source that is away costs an error and no connection', async () => {
  const connection = await connect(kingbus, REPL)
  await connection.query('SHOW DATABASES')
  await source.stop()
  try {
    expect(await refusal(connection, 'SHOW DATABASES')).toMatch(
      /^1429 Unable to ask the source about tables: log in at source 127\.0\.0\.1:\d+: .*ECONNREFUSED/,
    )
    await connection.ping()
  } finally {
    await source.launch()
  }
  await waitFor({ what: 'an answer after the source is back' }, async () => {
    const [rows] = await connection.query('SHOW CREATE TABLE app.t')
    return Array.isArray(rows) && rows.length === 1
  })
})

test('a source that falls silent in the middle loses the connection, and is asked anew', async () => {
  const tls = { mode: 'preferred', authorities: () => undefined } as const
  const pool = new MetadataPool({
    address: () => address,
    limits: { ...METADATA_LIMITS, silenceMs: 300 },
    clock: systemClock,
  })
  const { user, password: secret } = META
  const place = { dial, host: '127.0.0.1', port: source.port, tls }
  const address = { ...place, user, password: () => secret }
  const ask = async (): Promise<string[]> => {
    const question = { sql: 'SHOW DATABASES', database: undefined }
    const kinds: string[] = []
    for await (const { kind } of pool.ask(question, new AbortController().signal)) kinds.push(kind)
    return kinds
  }
  expect(await ask()).toEqual(['columns', 'rows'])
  source.freeze()
  try {
    await expect(ask()).rejects.toMatchObject({ code: 'E_SOURCE_GONE_SILENT' })
  } finally {
    source.thaw()
  }
  expect(await ask()).toEqual(['columns', 'rows'])
  pool.close()
})

test('clients that ask and hang up cost nobody else anything', async () => {
  for (let round = 0; round < 40; round += 1) {
    const connection = await connect(kingbus, REPL)
    connection.query('SELECT * FROM information_schema.COLUMNS').catch(() => {})
    if (round % 2 === 0) await new Promise((resolve) => setImmediate(resolve))
    connection.destroy()
  }
  const [rows] = await (await connect(kingbus, REPL)).query('SHOW TABLES FROM app')
  expect(rows).toHaveLength(3)
  expect(kingbus.isRunning).toBe(true)
})

test('another source is asked once it is the source', async () => {
  const connection = await connect(kingbus, REPL)
  await connection.query('SHOW DATABASES')
  await kingbus.request('PUT', '/api/v1/source', {
    address: '127.0.0.1:1',
    password: replicationPassword,
  })
  expect(await refusal(connection, 'SHOW DATABASES')).toMatch(/^1429 .*127\.0\.0\.1:1: /)
  await kingbus.request('PUT', '/api/v1/source', {
    address: `127.0.0.1:${source.port}`,
    password: replicationPassword,
  })
  await connection.query('SHOW DATABASES')
})

test('every node of a cluster asks the source by itself', async () => {
  const cluster = await KingbusCluster.start({ source, flags: passThrough() })
  try {
    await cluster.leader()
    for (const node of cluster.nodes) {
      const connection = await connect(node, REPL)
      const [rows] = await connection.query('SHOW TABLES FROM app')
      expect(rows).toHaveLength(3)
    }
  } finally {
    await Promise.all(cluster.nodes.map((node) => node.stop()))
  }
})

test('without the setting they are refused, and the error names it', async () => {
  const plain = await Kingbus.start({ sourceUrl: source.sourceUrl })
  try {
    const connection = await connect(plain, REPL, 'app')
    for (const sql of [...QUESTIONS, 'SHOW TABLES']) {
      expect(await refusal(connection, sql)).toMatch(/^1235 .*serve\.metadata to pass-through/)
    }
  } finally {
    await plain.stop()
  }
})
