import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import type { Connection } from 'mysql2'
import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { STUCK_FILE_BYTES, stuckReader } from './harness/clients/stuck-reader.ts'
import { Kingbus } from './harness/kingbus.ts'
import { followBinlogs, mysqlbinlog, remoteArguments } from './harness/mysqlbinlog.ts'
import {
  Mysqld,
  replicationPassword,
  replicationUser,
  rootPassword,
  rootUser,
} from './harness/mysqld.ts'
import { makeRunFolder, projectFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/*
  What stays for whom, and what everybody is told when it has gone: one node, a real source, real replicas and
  mysqlbinlog.
*/

const REPLICATION = { user: replicationUser, password: replicationPassword } as const
const DBA = { user: 'dba', password: 'd-s3cret' } as const

let source: Mysqld
let replica: Replica
let kingbus: Kingbus
let rows = 0

beforeAll(async () => {
  const [first, server] = await Promise.all([
    Mysqld.start({ serverId: 1 }),
    Mysqld.start({ serverId: 2 }),
  ])
  source = first
  replica = new Replica(server)
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  await source.sql('CREATE TABLE d.large (content LONGTEXT)')
  kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.request('POST', '/api/v1/users', {
    name: DBA.user,
    password: DBA.password,
    rights: ['monitor', 'administer'],
  })
  await replica.attach(kingbus, { clauses: ['SOURCE_CONNECT_RETRY=1'] })
})

afterAll(endEverything)

/** Each transaction in a file of its own; resolves when Kingbus has them all. */
async function commitFiles(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    rows += 1
    await source.sql(`INSERT INTO d.t VALUES (${rows})`, 'FLUSH BINARY LOGS')
  }
  const newest = (await source.binlogs()).at(-1)?.name
  await waitFor({ what: `Kingbus to have ${newest}` }, async () => {
    const { visibleEnd } = await kingbus.status()
    return (visibleEnd as { file: string } | null)?.file === newest
  })
  await kingbus.catchUpWith(source)
}

const names = (): string[] => kingbus.binlogs().map(({ name }) => name)

async function setRetention(change: object): Promise<void> {
  await kingbus.request('PUT', '/api/v1/retention', change)
}

interface Away {
  readonly uuid: string
  readonly needs: string
  readonly givenUp: boolean
}

async function away(): Promise<Away[]> {
  return (await kingbus.request('GET', '/api/v1/replicas/absent')) as Away[]
}

async function connected(): Promise<{ serverId: number; file: string | null }[]> {
  const list = await kingbus.request('GET', '/api/v1/replicas')
  return list as { serverId: number; file: string | null }[]
}

interface Kept {
  readonly absent: number
  readonly keptBytes: number
  readonly givenUp: readonly { readonly uuid: string }[]
}

async function kept(): Promise<Kept> {
  return (await kingbus.status())['retention'] as Kept
}

function cli(...args: string[]): { code: number | null; out: string } {
  const program = join(projectFolder, 'bin', 'kingbus')
  const ran = spawnSync(program, [...args, '--admin', kingbus.adminUrl], { encoding: 'utf8' })
  return { code: ran.status, out: ran.stdout + ran.stderr }
}

/** The warnings that a DBA is left with in SQL, at Kingbus or at a real server. */
async function warningsOf(
  statement: string,
  port = kingbus.port,
  account: object = DBA,
): Promise<RowDataPacket[]> {
  const connection = await createConnection({ host: '127.0.0.1', port, ...account })
  try {
    await connection.query(statement)
    const [warnings] = await connection.query<RowDataPacket[]>('SHOW WARNINGS')
    return warnings
  } finally {
    await connection.end()
  }
}

async function stopReplica(): Promise<string> {
  await replica.server.sql('STOP REPLICA')
  const uuid = await replica.server.value('SELECT @@server_uuid')
  await waitFor({ what: 'the replica to be seen leaving' }, async () => {
    return (await away()).some((one) => one.uuid === uuid)
  })
  return uuid
}

/** What Kingbus has is what it says that it has, to everybody. */
async function expectAgreement(): Promise<void> {
  const files = names()
  const connection = await createConnection({ host: '127.0.0.1', port: kingbus.port, ...DBA })
  const [logs] = await connection.query<RowDataPacket[]>('SHOW BINARY LOGS')
  const [[purged]] = await connection.query<RowDataPacket[]>('SELECT @@global.gtid_purged AS it')
  await connection.end()
  expect(logs.map((row) => row['Log_name'] as string)).toEqual(files)
  const status = await kingbus.status()
  expect(status['files']).toBe(files.length)
  expect(purged?.['it']).toBe(status.gtidPurged)
  expect(await kingbus.metric('kingbus_binlog_files')).toBe(files.length)
  const oldest = kingbus.binlogs()[0]?.path ?? ''
  const printed = await mysqlbinlog(oldest)
  const previous = /Previous-GTIDs\n# (.*)$/m.exec(printed)?.[1] ?? ''
  expect(previous === '[empty]' ? '' : previous).toBe(status.gtidPurged.replaceAll('\n', ''))
}

test('what a replica needs that is away stays, whatever the limits say, through a kill too', async () => {
  await commitFiles(2)
  await replica.waitForGtids(await source.gtidExecuted())
  const uuid = await stopReplica()
  const [{ needs } = { needs: '' }] = await away()
  await setRetention({ maxSizeBytes: 1 })
  await commitFiles(4)
  const before = names()
  await kingbus.kill9()
  await kingbus.launch()
  await waitFor({ what: 'the replica to be known again' }, async () => {
    const found = await away().catch(() => [])
    return found.some((one) => one.uuid === uuid)
  })
  await waitFor({ what: 'retention to have looked' }, async () => (await kept()).keptBytes > 0)
  expect(names()).toEqual(before)
  expect(before[0] === needs || before.includes(needs)).toBe(true)
  expect(await kept()).toMatchObject({ absent: 1, givenUp: [] })
  expect(await kingbus.metric('kingbus_absent_replicas')).toBe(1)
  expect(cli('replicas').out).toMatch(new RegExp(`${uuid} .*${needs}`))
  expect(cli('status').out).toMatch(/replicas away +1; .* over the limits kept for them/)
})

test('when it is back, the files go, and everybody says the same of what is left', async () => {
  await replica.server.sql('START REPLICA')
  await replica.waitForGtids(await source.gtidExecuted())
  await waitFor({ what: 'the files to go' }, () => Promise.resolve(names().length === 1))
  expect(await away()).toEqual([])
  await expectAgreement()
  expect((await kingbus.status()).gtidPurged.replaceAll('\n', '')).toBe(await source.gtidExecuted())
  expect(await kingbus.metric('kingbus_purged_files_total')).toBeGreaterThan(4)
  await commitFiles(1)
  await replica.waitForGtids(await source.gtidExecuted())
})

test('who comes too late gets MySQL’s error 1236', async () => {
  const late = await Replica.start(kingbus, { serverId: 3 })
  const { number, words } = await late.waitForReceiverError()
  expect(number).toBe(13_114)
  const purged = (await kingbus.status()).gtidPurged.replaceAll('\n', '')
  expect(words).toContain(
    'Cannot replicate because the source purged required binary logs. Replicate the missing transactions ' +
      'from elsewhere, or provision a new replica from backup.',
  )
  expect(words).toContain(
    `The GTID set sent by the replica is '', and the missing transactions are '${purged}'`,
  )
  const named = mysqlbinlog(...remoteArguments(kingbus, 'BINLOG-DUMP-NON-GTIDS'), 'binlog.000001')
  await expect(named).rejects.toThrow(/Could not find first log file name in binary log index file/)
  await late.server.stop()
})

test('a purge that a client prevents says so, in SQL as a real source says it', async () => {
  await setRetention({ maxSizeBytes: null })
  const before = names().length
  await commitFiles(2)
  // More than all buffers between the two can take, so that a client that does not read stays in this file.
  await source.sql(
    `INSERT INTO d.large VALUES (REPEAT('x', ${STUCK_FILE_BYTES}))`,
    'FLUSH BINARY LOGS',
  )
  await commitFiles(2)
  const [large = '', next = ''] = names().slice(before + 1)
  await replica.waitForGtids(await source.gtidExecuted())
  const asked = names().indexOf(next)
  const here = await stuck(kingbus, large)
  const message = `${large} is being read by server_id 77 (${replicationUser}@127.0.0.1`
  const refused = cli('purge', '--to', next)
  expect(refused.code).not.toBe(0)
  expect(refused.out).toContain(message)
  const dry = cli('purge', '--to', next, '--dry-run').out
  expect(dry).toContain(`${asked - 1} of ${asked} files`)
  expect(dry).toContain(message)
  expect(names()).toHaveLength(before + 5)
  const root = { user: rootUser, password: rootPassword }
  const there = await stuck(source, large, root)
  const [real] = await warningsOf(`PURGE BINARY LOGS TO '${next}'`, source.port, root)
  const [ours] = await warningsOf(`PURGE BINARY LOGS TO '${next}'`)
  const counts = /purged only (\d+) out of (\d+)/
  const text = String(ours?.['Message'])
  expect(ours).toMatchObject({ Level: 'Warning', Code: real?.['Code'] })
  expect(text.replace(counts, '')).toBe(String(real?.['Message']).replace(counts, ''))
  expect(counts.exec(text)?.slice(1)).toEqual([`${asked - 1}`, `${asked}`])
  expect(names()[0]).toBe(large)
  there.destroy()
  here.destroy()
  await waitFor({ what: 'the file to be free' }, () => {
    return Promise.resolve(cli('purge', '--to', next).code === 0)
  })
  expect(names()[0]).toBe(next)
  await expectAgreement()
})

/** Resolves when the dump has begun, here or at the source. */
async function stuck(
  at: Kingbus | Mysqld,
  file: string,
  account: { user: string; password: string } = REPLICATION,
): Promise<Connection> {
  const connection = await stuckReader(at, account, { file, serverId: 77 })
  const dumps =
    "SELECT COUNT(*) FROM performance_schema.processlist WHERE COMMAND LIKE 'Binlog Dump%'"
  await waitFor({ what: 'the dump to begin' }, async () => {
    if (at === source) return Number(await source.value(dumps)) > 1
    return (await connected()).some((one) => one.serverId === 77 && one.file === file)
  })
  return connection
}

test('followers of mysqlbinlog hold their file, and no longer than they are there', async () => {
  const newest = names().at(-1) ?? ''
  const follower = followBinlogs(kingbus, 78, newest, join(makeRunFolder('follower'), 'files'))
  await commitFiles(2)
  const last = names().at(-1) ?? ''
  await waitFor({ what: 'the follower to be at the end' }, async () => {
    return (await connected()).some(({ serverId, file }) => serverId === 78 && file === last)
  })
  expect(cli('purge', '--to', last).code).toBe(0)
  expect(names()).toEqual([last])
  await follower.end('SIGTERM')
})

test('at the ceiling the replica that is away loses, and loudly', async () => {
  const uuid = await stopReplica()
  await commitFiles(3)
  expect(cli('purge', '--before', '2100-01-01').out).toMatch(
    /E_FILE_NEEDED|is kept for the replica/,
  )
  expect(cli('status').code).toBe(0)
  await setRetention({ ceilingBytes: 1 })
  await waitFor({ what: 'the files to go' }, () => Promise.resolve(names().length === 1))
  expect(await kept()).toMatchObject({ absent: 0, givenUp: [{ uuid }] })
  expect(await kingbus.metric('kingbus_replicas_given_up_total')).toBe(1)
  expect(kingbus.logTail(200)).toContain('retention.ceiling is reached')
  const status = cli('status')
  expect(status.code).toBe(1)
  expect(status.out).toMatch(new RegExp(`given up +${uuid}`))
  await replica.server.sql('START REPLICA')
  expect((await replica.waitForReceiverError()).words).toContain('the missing transactions are')
  await setRetention({ ceilingBytes: null })
  expect(cli('replicas', 'forget', uuid).code).toBe(0)
  expect(cli('status').code).toBe(0)
  await expectAgreement()
})

test('after keep-for-absent-replicas nothing is kept any more', async () => {
  const server = await Mysqld.start({ serverId: 4 })
  const newer = new Replica(server)
  await server.sql('RESET BINARY LOGS AND GTIDS')
  await server.sql(`SET GLOBAL gtid_purged = '${await source.gtidExecuted()}'`)
  await newer.attach(kingbus, { receiverOnly: true })
  await commitFiles(1)
  await waitFor({ what: 'it to have a file' }, async () => {
    return (await connected()).some(
      ({ serverId, file }) => serverId === 4 && file === names().at(-1),
    )
  })
  await server.sql('STOP REPLICA')
  await waitFor({ what: 'it to be seen leaving' }, async () => (await away()).length === 1)
  await setRetention({ maxSizeBytes: 1 })
  await commitFiles(2)
  await waitFor({ what: 'files to be kept for it' }, async () => (await kept()).keptBytes > 0)
  expect(names().length).toBeGreaterThan(2)
  await setRetention({ keepForAbsentReplicasMs: 1 })
  await waitFor({ what: 'the files to go' }, () => Promise.resolve(names().length === 1))
  expect(await away()).toEqual([])
  await expectAgreement()
})
