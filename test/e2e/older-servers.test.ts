import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, test } from 'vitest'
import {
  decodeErr,
  EventType,
  encodeComBinlogDumpGtid,
  encodeComQuery,
  encodeComRegisterReplica,
  GtidSet,
} from '../../src/mysql/index.ts'
import { RawClient } from '../../src/serve/testing/raw-client.ts'
import { eventsOf } from '../captured-files.ts'
import { filesOf, OLDER_SERVERS, type OlderServer } from '../older-servers.ts'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { fetchBinlogs } from './harness/mysqlbinlog.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import {
  type OlderSource,
  olderSourcePassword,
  olderSourceUser,
  startOlderSource,
} from './harness/older/older-source.ts'
import { makeRunFolder } from './harness/project.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/*
  MySQL 8.0 and 8.4 cannot be run here. As a source their files, their version and the words that they know come from a
  stand-in; as a replica what they send comes from their published source code, and is replayed.
*/

afterEach(endEverything)

const UUID = '11111111-0000-4000-8000-00000000000a'

async function followOlder(
  server: OlderServer,
): Promise<{ source: OlderSource; kingbus: Kingbus }> {
  const source = await startOlderSource(server)
  const password = join(makeRunFolder('older'), 'password')
  writeFileSync(password, olderSourcePassword, { mode: 0o600 })
  const kingbus = await Kingbus.start({
    sourceUrl: `mysql://${olderSourceUser}@127.0.0.1:${source.port}`,
    flags: { 'source-password-file': password, 'source-tls': 'disabled' },
  })
  const last = filesOf(server)[1]
  await waitFor({ what: 'Kingbus to have it all', explain: () => kingbus.logTail() }, async () => {
    const held = kingbus.binlogs().find(({ name }) => name === last.name)
    return held !== undefined && readFileSync(held.path).length === last.bytes.length
  })
  return { source, kingbus }
}

describe.each(OLDER_SERVERS)('MySQL $version', (server) => {
  test('is followed as a source, and its bytes are kept and served as they are', async () => {
    const { source, kingbus } = await followOlder(server)
    // Where it ends it is asked in the words that it knows.
    const end = server.versionNumber < 80200 ? 'SHOW MASTER STATUS' : 'SHOW BINARY LOG STATUS'
    await waitFor({ what: end }, async () => source.statements.has(end))
    const folder = join(makeRunFolder('fetched'), 'files')
    const [first] = filesOf(server)
    await fetchBinlogs(kingbus, 'BINLOG-DUMP-GTIDS', first.name, folder)
    for (const { name, bytes } of filesOf(server)) {
      expect(readFileSync(join(kingbus.binlogFolder, name)).equals(bytes), name).toBe(true)
      expect(readFileSync(join(folder, name)).equals(bytes), name).toBe(true)
    }
    const status = await kingbus.waitForState('streaming')
    expect(status.source.error).toBeNull()
    await replay(server, kingbus)
  })
})

const before26 = [
  ['SELECT UNIX_TIMESTAMP()', /^\d{10}$/],
  ['SELECT @@GLOBAL.SERVER_ID', /^\d+$/],
  ['SET @master_heartbeat_period= 1000000000', 'OK'],
  ['SET @master_binlog_checksum= @@global.binlog_checksum', 'OK'],
  ['SELECT @master_binlog_checksum', /^CRC32$/],
  ['SELECT @@GLOBAL.GTID_MODE', /^ON$/],
  ['SELECT @@GLOBAL.SERVER_UUID', /^[0-9a-f-]{36}$/],
  [`SET @slave_uuid= '${UUID}'`, 'OK'],
] as const

const from26 = [
  ['SELECT UNIX_TIMESTAMP()', /^\d{10}$/],
  ['SELECT @@GLOBAL.SERVER_ID', /^\d+$/],
  ['SET @master_heartbeat_period = 1000000000, @source_heartbeat_period = 1000000000', 'OK'],
  [
    'SET @master_binlog_checksum = @@global.binlog_checksum, ' +
      '@source_binlog_checksum = @@global.binlog_checksum',
    'OK',
  ],
  ['SELECT @source_binlog_checksum', /^CRC32$/],
  ['SELECT @@GLOBAL.GTID_MODE', /^ON$/],
  ['SELECT @@GLOBAL.SERVER_UUID', /^[0-9a-f-]{36}$/],
  [`SET @slave_uuid = '${UUID}', @replica_uuid = '${UUID}'`, 'OK'],
] as const

const isBeat = (type: number | undefined): boolean =>
  type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2

/** What a replica of the version sends, in its order, and a dump by GTIDs up to the first heartbeat. */
async function replay(server: OlderServer, kingbus: Kingbus): Promise<void> {
  const isBefore26 = server.versionNumber < 80026
  const client = await RawClient.connect(kingbus.port)
  expect((await client.login(replicationUser, replicationPassword))[0]).toBe(0)
  for (const [sql, wanted] of isBefore26 ? before26 : from26) {
    client.send(encodeComQuery(sql))
    const first = await client.mustRead()
    if (wanted === 'OK') {
      expect(first[0], sql).toBe(0)
      continue
    }
    expect([...first], sql).toEqual([1])
    await client.mustRead()
    const row = await client.mustRead()
    expect(row.toString('utf8', 1), sql).toMatch(wanted)
    await client.mustRead()
  }
  const register = { serverId: 9, host: '', user: '', password: '', port: 3306 }
  expect((await client.command(encodeComRegisterReplica(register)))[0]).toBe(0)
  // Up to 8.0.25 no flag at all; from 8.0.26 on heartbeats in their second version.
  const flags = isBefore26 ? 0 : 2
  const held = GtidSet.parse('90b578d4-e6e1-11f1-82c0-02fc00000001:1-4')
  const dump = { flags, serverId: 9, file: '', position: 4n, gtidSet: held.encode() }
  client.send(encodeComBinlogDumpGtid(dump))
  const events: Buffer[] = []
  for (;;) {
    const packet = await client.mustRead()
    expect(packet[0], packet[0] === 0xff ? decodeErr(packet).message : '').toBe(0)
    events.push(packet.subarray(1))
    // The first one stands for the transactions that the replica has.
    if (isBeat(packet[5]) && events.length > 20) break
  }
  const beats = events.filter((event) => isBeat(event[4]))
  const wantedBeat = isBefore26 ? EventType.HEARTBEAT : EventType.HEARTBEAT_V2
  expect(new Set(beats.map((event) => event[4]))).toEqual(new Set([wantedBeat]))
  // FORMAT_DESCRIPTION and PREVIOUS_GTIDS go out, and behind them all but two transactions of two events.
  const [, , ...stored] = filesOf(server).flatMap(({ bytes }) => eventsOf(bytes))
  const sent = events.map((event) => event.toString('hex'))
  for (const event of stored.slice(4)) expect(sent).toContain(event.toString('hex'))
  client.stream.destroy()
}

test('a 9.7 replica applies what came from MySQL 8.4', async () => {
  const server = OLDER_SERVERS.at(-1)
  if (server === undefined) throw new Error('no older server')
  const { kingbus } = await followOlder(server)
  const replica = new Replica(await Mysqld.start({ serverId: 2 }))
  await replica.server.sql("SET GLOBAL gtid_purged = '90b578d4-e6e1-11f1-82c0-02fc00000001:1-2'")
  await replica.attach(kingbus)
  const wanted = (await kingbus.status()).gtidExecuted
  await waitFor(
    { what: `the replica to have ${wanted}` },
    async () => (await replica.server.gtidExecuted()) === wanted,
  )
  expect(await replica.bothThreadsRun()).toBe(true)
  expect(await replica.server.value('SELECT COUNT(*) FROM app.t')).not.toBe('0')
})
