import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { fileDifference } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { MariadbReplica } from './harness/mariadb/mariadb-replica.ts'
import { Mariadbd } from './harness/mariadb/mariadbd.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { makeRunFolder, mariadbProgram, projectFolder } from './harness/project.ts'
import { AckChecker } from './harness/semi-sync/ack-checker.ts'
import { ProcessTrace } from './harness/semi-sync/process-trace.ts'
import { pause, waitFor } from './harness/wait.ts'

afterAll(endEverything)

let source: Mariadbd
let kingbus: Kingbus
/** one goes by file and position, one by GTIDs */
let replicas: MariadbReplica[]

beforeAll(async () => {
  source = await Mariadbd.start({
    serverId: 11,
    options: { log_bin_compress: 'ON', log_bin_compress_min_len: '20' },
  })
  await source.sql(
    'CREATE DATABASE d',
    'CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, v VARCHAR(200))',
    'CREATE TABLE d.m (id INT PRIMARY KEY AUTO_INCREMENT) ENGINE=MyISAM',
  )
  kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, nativePassword: true })
  await kingbus.waitForState('streaming')
  replicas = [
    await MariadbReplica.start(kingbus, { serverId: 21 }, { by: 'first file' }),
    // A heartbeat every second, which must not stop it.
    await MariadbReplica.start(
      kingbus,
      { serverId: 22 },
      { by: 'slave_pos', clauses: ['MASTER_HEARTBEAT_PERIOD=1'] },
    ),
  ]
}, 120_000)

async function everyKind(): Promise<void> {
  await source.sql(
    "INSERT INTO d.t (v) VALUES (REPEAT('a', 150)), ('b')",
    'BEGIN',
    "INSERT INTO d.t (v) VALUES ('c')",
    'SAVEPOINT s',
    "INSERT INTO d.t (v) VALUES ('d')",
    'ROLLBACK TO s',
    'COMMIT',
    'INSERT INTO d.m VALUES (NULL), (NULL)',
    'SET SESSION binlog_format = STATEMENT',
    'INSERT INTO d.m VALUES (NULL)',
    "INSERT INTO d.t (v) VALUES ('statement')",
    'SET SESSION binlog_format = ROW',
    'SET SESSION gtid_domain_id = 7',
    "INSERT INTO d.t (v) VALUES ('another domain')",
    'SET SESSION gtid_domain_id = 0',
  )
  await source.sql("XA START 'x'", "INSERT INTO d.t (v) VALUES ('xa')", "XA END 'x'")
  await source.sql("XA PREPARE 'x'", "XA COMMIT 'x'")
  await source.sql('CREATE OR REPLACE TABLE d.c AS SELECT * FROM d.t', 'ANALYZE TABLE d.t')
}

/** Transactions on a connection of their own, which is made again when the source has died. */
async function writeUntil(signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const connection = await source.connect().catch(() => undefined)
    if (connection === undefined) {
      await pause(50)
      continue
    }
    const broken = once(connection, 'error')
    const write = async (): Promise<void> => {
      while (!signal.aborted) {
        await connection.query('BEGIN')
        await connection.query("INSERT INTO d.t (v) VALUES (REPEAT('x', 200))")
        await connection.query("INSERT INTO d.t (v) VALUES (REPEAT('y', 200))")
        await connection.query('COMMIT')
      }
    }
    await Promise.race([write(), broken]).catch(() => undefined)
    connection.destroy()
  }
}

async function checksums(server: Mariadbd): Promise<string> {
  return JSON.stringify(await server.sql('CHECKSUM TABLE d.t, d.m, d.c'))
}

/** Everybody has what the source has, and Kingbus the source's bytes. */
async function expectAllEqual(): Promise<void> {
  const wanted = await source.gtidBinlogPos()
  await waitFor({ what: `Kingbus to hold ${wanted}` }, async () => {
    return (await kingbus.status()).gtidExecuted === wanted
  })
  for (const replica of replicas) {
    await replica.catchUpWith(source)
    expect(await checksums(replica.server)).toBe(await checksums(source))
    expect(await replica.bothThreadsRun()).toBe(true)
  }
  const stored = kingbus.binlogs()
  expect(stored.length).toBeGreaterThan(0)
  for (const { name, path } of stored) {
    // The end of a file in which the source died is half a transaction, which nobody has.
    expect(fileDifference(path, join(source.dataFolder, name), true), name).toBeUndefined()
  }
}

async function mariadbBinlog(port: number, ...args: readonly string[]): Promise<string> {
  const all = [
    '--read-from-remote-server',
    '--host=127.0.0.1',
    `--port=${port}`,
    `--user=${replicationUser}`,
    `--password=${replicationPassword}`,
    ...args,
  ]
  const { stdout } = await promisify(execFile)(mariadbProgram('mariadb-binlog'), all)
  return stdout
}

describe('between a MariaDB source and MariaDB replicas', () => {
  test('every kind of transaction passes, by file and position and by GTIDs', async () => {
    await everyKind()
    await expectAllEqual()
    expect((await replicas[1]?.status())?.['Using_Gtid']).toBe('Slave_Pos')
  })

  test('rotations, restarts of every party, and kill -9 of Kingbus lose and repeat nothing', async () => {
    await source.sql('FLUSH BINARY LOGS')
    await everyKind()
    await expectAllEqual()
    await kingbus.kill9()
    await everyKind()
    await kingbus.launch()
    await expectAllEqual()
    for (const { server } of replicas) await server.sql('STOP SLAVE')
    await everyKind()
    await source.restart()
    await everyKind()
    for (const { server } of replicas) await server.sql('START SLAVE')
    await expectAllEqual()
    for (const { server } of replicas) await server.restart()
    await everyKind()
    await expectAllEqual()
  }, 120_000)

  test('kill -9 of every party under load loses and repeats nothing', async () => {
    const load = new AbortController()
    const writing = writeUntil(load.signal)
    for (const { server } of replicas) {
      for (const party of [source, kingbus, server]) {
        const before = await source.gtidBinlogPos()
        const moved = async (): Promise<boolean> => (await source.gtidBinlogPos()) !== before
        await waitFor({ what: 'more of the load' }, moved)
        await party.kill9()
        await party.launch()
      }
      await source.sql('FLUSH BINARY LOGS')
    }
    load.abort()
    await writing
    await expectAllEqual()
  }, 120_000)

  test('a replica that is idle for many heartbeats keeps running', async () => {
    const beats = async (): Promise<number> => {
      const [row] =
        (await replicas[1]?.server.sql("SHOW GLOBAL STATUS LIKE 'Slave_received_heartbeats'")) ?? []
      return Number(row?.['Value'])
    }
    const before = await beats()
    await waitFor({ what: 'five heartbeats' }, async () => (await beats()) >= before + 5)
    expect(await replicas[1]?.bothThreadsRun()).toBe(true)
    await everyKind()
    await expectAllEqual()
  })

  test('a replica moves from the source to Kingbus and back by its GTID position', async () => {
    const replica = await MariadbReplica.start(source, { serverId: 23 }, { by: 'slave_pos' })
    await replica.catchUpWith(source)
    for (const next of [kingbus, source, kingbus]) {
      await replica.server.sql('STOP SLAVE')
      await everyKind()
      await replica.attach(next, { by: 'slave_pos' })
      await replica.catchUpWith(source)
      expect(await checksums(replica.server)).toBe(await checksums(source))
    }
    await replica.server.stop()
  })

  test('a replica that is attached at a file and position gets what follows there', async () => {
    const [status] = await source.sql('SHOW MASTER STATUS')
    const place = { file: String(status?.['File']), position: Number(status?.['Position']) }
    const replica = await MariadbReplica.start(kingbus, { serverId: 24 }, { by: place })
    await source.sql('CREATE DATABASE only_later')
    await replica.catchUpWithEvents('only_later')
    expect(await replica.server.sql("SHOW DATABASES LIKE 'd'")).toEqual([])
    expect(await replica.bothThreadsRun()).toBe(true)
    await replica.server.stop()
  })

  test('a replica with transactions of its own is refused in MariaDB’s words', async () => {
    const replica = await MariadbReplica.start(source, { serverId: 25 }, { by: 'slave_pos' })
    await replica.catchUpWith(source)
    await replica.server.sql('STOP SLAVE', "SET GLOBAL gtid_slave_pos = '0-25-1'")
    await replica.attach(kingbus, { by: 'slave_pos' })
    const words = await replica.waitForReceiverError()
    expect(words).toContain("GTID 0-25-1, which is not in the master's binlog")
    await replica.server.stop()
  })

  test('mariadb-binlog and the mariadb client see what they see at the source', async () => {
    await expectAllEqual()
    const [oldest] = kingbus.binlogs()
    const first = oldest?.name ?? ''
    const [folder, sources] = [makeRunFolder('raw'), makeRunFolder('raw')]
    for (const [port, target] of [
      [kingbus.port, folder],
      [source.port, sources],
    ] as const) {
      mkdirSync(join(target, 'files'))
      await mariadbBinlog(port, '--raw', '--to-last-log', `--result-file=${target}/files/`, first)
    }
    for (const { name } of kingbus.binlogs()) {
      const [mine, theirs] = [join(folder, 'files', name), join(sources, 'files', name)]
      expect(fileDifference(mine, theirs, true)).toBeUndefined()
    }
    const part = ['--start-position=0-11-5', '--stop-position=0-11-9', first]
    const gtidsAt = async (port: number): Promise<string[]> =>
      [...(await mariadbBinlog(port, ...part)).matchAll(/GTID [\d-]+/g)].map(([gtid]) => gtid)
    expect(await gtidsAt(kingbus.port)).toEqual(await gtidsAt(source.port))
    expect(await gtidsAt(kingbus.port)).toContain('GTID 0-11-6')
    expect(await gtidsAt(kingbus.port)).not.toContain('GTID 0-11-5')
    const client = [
      '--host=127.0.0.1',
      `--port=${kingbus.port}`,
      `--user=${replicationUser}`,
      `--password=${replicationPassword}`,
      '--batch',
      '--skip-column-names',
    ]
    const ask = async (sql: string): Promise<string> => {
      const program = mariadbProgram('mariadb')
      const { stdout } = await promisify(execFile)(program, [...client, '--execute', sql])
      return stdout.trim()
    }
    expect(await ask('SELECT VERSION()')).toMatch(/^10\.11\.\d+-MariaDB-kingbus$/)
    expect(await ask('SELECT @@gtid_binlog_pos')).toBe(await source.gtidBinlogPos())
    expect(await ask('SELECT @@gtid_binlog_state')).toBe(await source.gtidBinlogPos())
    expect(await ask('SHOW BINARY LOGS')).toContain(first)
    expect((await ask('SHOW MASTER STATUS')).split('\t')[0]).toBe(kingbus.binlogs().at(-1)?.name)
  }, 60_000)
})

test('a store of MariaDB refuses a MySQL source, and goes on with its own', async () => {
  await expectAllEqual()
  const mysql = await Mysqld.start({ serverId: 31 })
  await kingbus.stop()
  kingbus.setSourceUrl(mysql.sourceUrl)
  await kingbus.launch()
  const { source: link } = await kingbus.waitForState('failed')
  expect(link.error?.code).toBe('E_SOURCE_OTHER')
  expect(link.error?.message).toContain('is MySQL (9.7')
  await kingbus.stop()
  kingbus.setSourceUrl(source.sourceUrl)
  await kingbus.launch()
  await everyKind()
  await expectAllEqual()
}, 60_000)

test('a MariaDB source waits for the acknowledgement of semi-synchronous Kingbus', async () => {
  const semiSync = await Mariadbd.start({
    serverId: 12,
    options: { rpl_semi_sync_master_enabled: 'ON', rpl_semi_sync_master_timeout: '60000' },
  })
  const trace = new ProcessTrace()
  const checker = await AckChecker.start({ port: semiSync.port, traces: [trace] })
  const follower = await Kingbus.start({
    sourceUrl: checker.sourceUrl,
    flags: { 'source-semi-sync': 'true', 'source-tls': 'disabled' },
    env: trace.env,
    nativePassword: true,
  })
  await follower.waitForState('streaming')
  await semiSync.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  for (let id = 0; id < 20; id += 1) await semiSync.sql(`INSERT INTO d.t VALUES (${id})`)
  const status = new Map(
    (await semiSync.sql("SHOW GLOBAL STATUS LIKE 'Rpl_semi_sync_master%'")).map((row) => [
      row['Variable_name'],
      row['Value'],
    ]),
  )
  expect(status.get('Rpl_semi_sync_master_status')).toBe('ON')
  expect(Number(status.get('Rpl_semi_sync_master_yes_tx'))).toBeGreaterThanOrEqual(20)
  expect(status.get('Rpl_semi_sync_master_no_tx')).toBe('0')
  expect((await follower.status()).gtidExecuted).toBe(await semiSync.gtidBinlogPos())
  expect(checker.violations).toEqual([])
  expect(checker.acks).toBeGreaterThanOrEqual(20)
}, 60_000)

test('what was purged is refused, and a start at the newest place is gone on with', async () => {
  const other = await Mariadbd.start({ serverId: 13 })
  const small = await Kingbus.start({
    // Nobody is there yet.
    sourceUrl: 'mysql://repl@127.0.0.1:1',
    flags: { 'retention-max-size': '64KiB' },
    nativePassword: true,
  })
  const early = await MariadbReplica.start(small, { serverId: 26 }, { by: 'slave_pos' })
  small.setSourceUrl(other.sourceUrl)
  await small.restart()
  await other.sql(
    'CREATE DATABASE d',
    'CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT, v TEXT)',
  )
  const grow = (): Promise<unknown> =>
    other.sql("INSERT INTO d.t (v) VALUES (REPEAT('x', 9000))", 'FLUSH BINARY LOGS')
  await early.catchUpWith(other)
  const late = await MariadbReplica.start(small, { serverId: 27 }, { by: 'slave_pos' })
  await late.catchUpWith(other)
  await late.server.sql('STOP SLAVE')
  for (let file = 0; file < 20; file += 1) await grow()
  await early.catchUpWith(other)
  await waitFor({ what: 'a purge', timeoutMs: 60_000 }, async () => {
    return (await small.status()).gtidPurged !== '' && small.binlogs().length < 15
  })
  await late.server.sql('START SLAVE')
  expect(await late.waitForReceiverError()).toContain(
    'Could not find GTID state requested by slave',
  )
  await grow()
  await early.catchUpWith(other)

  const newest = await Kingbus.start({
    sourceUrl: other.sourceUrl,
    flags: { 'source-start-at': 'newest' },
    nativePassword: true,
  })
  await newest.waitForState('streaming')
  await early.server.sql('STOP SLAVE')
  await early.attach(newest, { by: 'slave_pos' })
  await grow()
  await early.catchUpWith(other)
  await newest.kill9()
  await grow()
  await newest.launch()
  await early.catchUpWith(other)
  expect(newest.binlogs().length).toBeLessThan(small.binlogs().length)
}, 180_000)

test('the doctor finds nothing wrong with a MariaDB source', async () => {
  const password = join(makeRunFolder('doctor'), 'password')
  writeFileSync(password, replicationPassword, { mode: 0o600 })
  const { stdout } = await promisify(execFile)(join(projectFolder, 'bin', 'kingbus'), [
    'doctor',
    '--json',
    `--source=${source.sourceUrl}`,
    `--source-password-file=${password}`,
    `--data-dir=${join(makeRunFolder('doctor'), 'data')}`,
    '--listen=127.0.0.1:0',
    '--admin-listen=127.0.0.1:0',
    '--disk-min-free=64MiB',
  ])
  const { findings } = JSON.parse(stdout) as { findings: { id: string; severity: string }[] }
  const bad = findings.filter(({ severity }) => severity === 'problem' || severity === 'warning')
  expect(bad.filter(({ id }) => id.startsWith('source.'))).toEqual([])
  expect(findings).toContainEqual(
    expect.objectContaining({
      id: 'source.version',
      severity: 'ok',
      found: expect.stringMatching(/^MariaDB 10/),
    }),
  )
})

test('a Kingbus behind a Kingbus has the same files', async () => {
  const behind = await Kingbus.start({
    sourceUrl: `mysql://${replicationUser}@127.0.0.1:${kingbus.port}`,
    nativePassword: true,
  })
  await behind.waitForState('streaming')
  await everyKind()
  const wanted = await source.gtidBinlogPos()
  await waitFor({ what: `both to hold ${wanted}` }, async () => {
    return (await behind.status()).gtidExecuted === wanted
  })
  for (const { name, path } of behind.binlogs()) {
    expect(fileDifference(path, join(kingbus.binlogFolder, name), true)).toBeUndefined()
  }
}, 60_000)
