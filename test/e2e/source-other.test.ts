import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test } from 'vitest'
import { waitUntil } from '../../src/lib/index.ts'
import { GtidSet } from '../../src/mysql/index.ts'
import { differingTransactions, transactionsIn } from './harness/binlogs/transactions.ts'
import { endEverything } from './harness/child.ts'
import { fileDifference } from './harness/compare.ts'
import { IngestAlone, type IngestAloneOptions } from './harness/ingest-alone.ts'
import { Mysqld } from './harness/mysqld.ts'
import { CutProxy } from './harness/network/cut-proxy.ts'
import { Replica } from './harness/replica.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { waitFor } from './harness/wait.ts'

/* What is held goes on with another server than the one it came from; without replicas and commands. */

let old: Mysqld
let heir: Mysqld
let ours: IngestAlone | undefined

const insert = (id: number, bytes = 10): string =>
  `INSERT INTO d.t VALUES (${id}, REPEAT('${id % 10}', ${bytes}))`

beforeEach(async () => {
  const plugin = { 'plugin-load-add': 'semisync_source.so' }
  ;[old, heir] = await Promise.all([
    Mysqld.start({ serverId: 1 }),
    Mysqld.start({ serverId: 2, options: plugin }),
  ])
  await old.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY, v LONGTEXT)', insert(1))
  const replica = new Replica(heir)
  await replica.attach(old)
  await replica.catchUpWith(old)
})

afterEach(async () => {
  await ours?.stop()
  ours = undefined
  await endEverything()
})

afterAll(endEverything)

/** Kingbus's side as it starts with this server at its address. */
async function follow(
  { port }: { readonly port: number },
  options: Partial<IngestAloneOptions> = {},
): Promise<IngestAlone> {
  const folder = ours?.folder
  await ours?.stop()
  ours = await IngestAlone.start({ port, ...(folder === undefined ? {} : { folder }), ...options })
  return ours
}

async function caughtUpWith(server: Mysqld): Promise<void> {
  await ours?.caughtUp(await server.gtidExecuted())
}

async function promoted(): Promise<Mysqld> {
  await new Replica(heir).catchUpWith(old)
  await heir.sql('STOP REPLICA', 'RESET REPLICA ALL')
  return heir
}

function files(): { name: string; path: string }[] {
  const held = ours?.store.files() ?? []
  return held.map(({ name }) => ({ name, path: join(ours?.folder ?? '', name) }))
}

/** Every transaction that the server has is held once, its own ones as it has them. */
async function expectTrueFiles(server: Mysqld): Promise<void> {
  const held = await transactionsIn(files())
  const theirs = await transactionsIn(await server.binlogs())
  const uuid = await server.value('SELECT @@server_uuid')
  const own = new Map([...theirs].filter(([gtid]) => gtid.startsWith(uuid)))
  expect([...theirs.keys()].filter((gtid) => !held.has(gtid))).toEqual([])
  expect(differingTransactions(own, held)).toEqual([])
}

test('a server with the same file names is taken up in files of ours, whose names and ROTATEs are true', async () => {
  const one = await follow(old)
  await caughtUpWith(old)
  expect(one.ingest.safeToPurgeTo).toBe('binlog.000001')
  const { port } = await promoted()
  await heir.sql(insert(2))
  const two = await follow({ port })
  await caughtUpWith(heir)
  expect(files().map(({ name }) => name)).toEqual(['binlog.000001', 'binlog.000002'])
  expect(two.ingest.safeToPurgeTo).toBe('binlog.000001')

  // Its second file has the name of ours, which goes on behind it; the names in ROTATE are ours.
  await heir.sql('FLUSH BINARY LOGS', insert(3))
  await caughtUpWith(heir)
  expect(two.ingest.safeToPurgeTo).toBe('binlog.000002')
  await follow(heir)
  await heir.sql(insert(4), 'FLUSH BINARY LOGS', insert(5))
  await caughtUpWith(heir)
  const names = ['binlog.000001', 'binlog.000002', 'binlog.000003', 'binlog.000004']
  expect(files().map(({ name }) => name)).toEqual(names)
  for (const [index, name] of names.slice(1, -1).entries()) {
    expect(rotateName(join(ours?.folder ?? '', name))).toBe(names[index + 2])
  }
  await expectTrueFiles(heir)
})

/** The name in the ROTATE at the end of a file. */
function rotateName(path: string): string {
  const file = readFileSync(path)
  const at = file.lastIndexOf('binlog.')
  return file.toString('latin1', at, file.length - 4)
}

test('a file of the new server that has nothing of ours and comes later mirrors it, name and bytes', async () => {
  await follow(old)
  for (let file = 0; file < 4; file += 1) await heir.sql('FLUSH BINARY LOGS')
  await old.sql(insert(2))
  await caughtUpWith(old)
  await promoted()
  await heir.sql(insert(3))
  await follow(heir)
  await caughtUpWith(heir)
  // Its fifth file has transaction 2, which we hold, so ours is not the same.
  expect(files().map(({ name }) => name)).toEqual(['binlog.000001', 'binlog.000005'])
  await heir.sql('FLUSH BINARY LOGS', insert(4))
  await follow(heir)
  await heir.sql('FLUSH BINARY LOGS', insert(5))
  await caughtUpWith(heir)
  const theirs = new Map((await heir.binlogs()).map(({ name, path }) => [name, path]))
  for (const name of ['binlog.000006', 'binlog.000007']) {
    const mine = files().find((file) => file.name === name)
    const difference = fileDifference(mine?.path ?? '', theirs.get(name) ?? '', false)
    expect(difference, name).toBeUndefined()
  }
  await expectTrueFiles(heir)
})

test('transactions between ours are taken and acknowledged at the places of the new server, over kills', async () => {
  await follow(old)
  for (let id = 10; id < 20; id += 2) {
    await old.sql(insert(id))
    await new Replica(heir).catchUpWith(old)
    // The application wrote to the replica, too.
    await heir.sql(insert(id + 1))
  }
  await caughtUpWith(old)
  await promoted()
  await heir.sql(
    'SET GLOBAL rpl_semi_sync_source_timeout = 3600000',
    'SET GLOBAL rpl_semi_sync_source_enabled = ON',
  )
  const one = await follow(heir, { semiSync: true })
  await caughtUpWith(heir)
  await waitUntil(one.link.state, ({ phase }) => phase === 'streaming')
  await heir.sql(insert(20), insert(21))
  await caughtUpWith(heir)
  const [, end] = [await heir.binlogs(), (await heir.binlogs()).at(-1)]
  expect(one.link.semiSync.acknowledged).toEqual({ file: end?.name, position: end?.size })
  await follow(heir, { semiSync: true })
  await heir.sql(insert(22), 'FLUSH BINARY LOGS', insert(23))
  await caughtUpWith(heir)
  expect(await semiSyncCounters(heir)).toMatchObject({ no: 0, on: true })
  await expectTrueFiles(heir)
})

test('half a transaction that was received at the switch is given up, and is nobody’s afterwards', async () => {
  const proxy = await CutProxy.start(old.port)
  const one = await follow(proxy)
  await caughtUpWith(old)
  await promoted()
  proxy.cutAfter(3_000_000)
  const writing = old.sql(insert(2, 20_000_000))
  await waitFor({ what: 'the cut' }, async () => proxy.cuts > 0)
  proxy.refuse()
  await writing
  await waitUntil(one.link.state, ({ phase }) => phase === 'waiting')
  const before = one.store.visible.value
  await heir.sql(insert(3))
  const two = await follow(heir)
  await caughtUpWith(heir)
  expect(one.ingest.counters.cuts + two.ingest.counters.cuts).toBe(1)
  const [first] = files()
  expect(readFileSync(first?.path ?? '').length).toBe(before?.position)
  await expectTrueFiles(heir)
  await proxy.close()
})

test('a server that lacks ours is refused with the difference, and the old one goes on', async () => {
  await follow(old)
  await promoted()
  await old.sql(insert(2), insert(3))
  await heir.sql(insert(4))
  await caughtUpWith(old)
  const held = ours?.store.executed().toString()
  const one = await follow(heir)
  await waitUntil(one.link.state, ({ phase }) => phase === 'failed')
  const { code, reason } = one.link.state.value
  expect(code).toBe('E_SOURCE_OTHER')
  const uuid = await old.value('SELECT @@server_uuid')
  expect(reason).toContain(`lacks transactions that are stored here: ${uuid}:4-5`)
  expect(one.store.executed().toString()).toBe(held)
  expect(one.ingest.safeToPurgeTo).toBeUndefined()
  await follow(old)
  await old.sql(insert(5))
  await caughtUpWith(old)
})

test('a server that has purged what we lack is refused with the difference', async () => {
  await follow(old)
  await caughtUpWith(old)
  await promoted()
  await heir.sql(insert(2), 'FLUSH BINARY LOGS', insert(3))
  const [, newest] = await heir.binlogs()
  await heir.sql(`PURGE BINARY LOGS TO '${newest?.name}'`)
  const one = await follow(heir)
  await waitUntil(one.link.state, ({ phase }) => phase === 'failed')
  const { code, reason } = one.link.state.value
  expect(code).toBe('E_SOURCE_PURGED')
  expect(reason).toContain(`${await heir.value('SELECT @@server_uuid')}:1`)
})

test('a copy of the source with its binlogs goes on in the same file, under another uuid', async () => {
  const one = await follow(old)
  await caughtUpWith(old)
  const uuid = await old.value('SELECT @@server_uuid')
  await old.stop()
  rmSync(join(old.dataFolder, 'auto.cnf'))
  await old.launch()
  expect(await old.value('SELECT @@server_uuid')).not.toBe(uuid)
  await old.sql(insert(2))
  await caughtUpWith(old)
  for (const { name, path } of await old.binlogs()) {
    const mine = files().find((file) => file.name === name)
    expect(fileDifference(mine?.path ?? '', path, true), name).toBeUndefined()
  }
  expect(one.link.state.value.phase).toBe('streaming')
  expect(GtidSet.parse(await old.gtidExecuted()).uuids().length).toBe(2)
})
