import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mariadbd } from './harness/mariadb/mariadbd.ts'
import { Mysqld } from './harness/mysqld.ts'
import { freePort } from './harness/ports.ts'
import { Replica } from './harness/replica.ts'
import { switchByCommand, switchTo } from './harness/switch.ts'

interface All {
  readonly source: Mysqld
  readonly kingbus: Kingbus
  readonly mariadb: Mariadbd
  readonly withoutBinlog: Mysqld
  /** a replica of Kingbus */
  readonly unlogging: Mysqld
  /** has a transaction more than we, in no file */
  readonly purged: Mysqld
}

let all: All

/** Each server once: the tests look at them, and the source stays what it is. */
beforeAll(async () => {
  const off = { 'skip-log-bin': '', gtid_mode: 'OFF', enforce_gtid_consistency: 'OFF' }
  const [source, withoutBinlog, unlogging, purged, mariadb] = await Promise.all([
    Mysqld.start({ serverId: 1 }),
    Mysqld.start({ serverId: 2, options: off }),
    Mysqld.start({ serverId: 3, options: { log_replica_updates: 'OFF' } }),
    Mysqld.start({ serverId: 4 }),
    Mariadbd.start({ serverId: 5 }),
  ])
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.catchUpWith(source)
  const replica = new Replica(unlogging)
  await replica.attach(kingbus)
  await replica.catchUpWith(source)
  await purged.sql(
    `SET GLOBAL gtid_purged = '+${await source.gtidExecuted()}'`,
    'CREATE DATABASE e',
    'FLUSH BINARY LOGS',
    'PURGE BINARY LOGS BEFORE NOW() + INTERVAL 1 DAY',
  )
  all = { source, kingbus, mariadb, withoutBinlog, unlogging, purged }
}, 60_000)

afterAll(endEverything)

const UNFIT: readonly [keyof All & ('mariadb' | 'withoutBinlog' | 'unlogging'), string, RegExp][] =
  [
    ['mariadb', 'E_SOURCE_OTHER', /is MariaDB .* the binlog of a MySQL server/],
    ['withoutBinlog', 'E_SOURCE_CONFIG', /its binary log is off; start it with log_bin/],
    ['unlogging', 'E_SOURCE_CONFIG', /it is a replica.* not in its binlog.* RESET REPLICA ALL/],
  ]

test.each(UNFIT)(
  '%s is not switched to (%s), and the source is followed on',
  async (name, code, why) => {
    const { kingbus, source } = all
    const looked = await switchTo(kingbus, all[name], true)
    expect(looked).toMatchObject({
      switched: false,
      refusal: { code, message: expect.stringMatching(why) },
    })
    await expect(switchTo(kingbus, all[name])).rejects.toThrow(/409: .*E_SWITCH_REFUSED/)
    expect((await kingbus.status()).source.state).toBe('streaming')
    expect(await kingbus.request('GET', '/api/v1/source')).toMatchObject({
      address: `127.0.0.1:${source.port}`,
    })
  },
)

test('what the settings of a server without a binlog lack is said all at once', async () => {
  const { findings } = await switchTo(all.kingbus, all.withoutBinlog, true)
  expect(findings.map(({ id }) => id)).toEqual(
    expect.arrayContaining(['source.log-bin', 'source.gtid-mode', 'source.gtid-consistency']),
  )
})

test('the command says why, names what is missing, and ends with 1', async () => {
  const { kingbus, purged } = all
  const own = await purged.value('SELECT @@server_uuid')
  const { code, out } = await switchByCommand(kingbus, purged, '--dry-run')
  expect(out).toContain('E_SOURCE_PURGED')
  expect(out).toContain(`${own}:1`)
  expect(code).toBe(1)
  const nobody = await switchByCommand(kingbus, { port: await freePort() }, '--dry-run')
  expect(nobody.out).toContain('E_SOURCE_UNREACHABLE')
  expect(nobody.code).toBe(1)
})

test('whether the server can wait for acknowledgements is said: no plugin, off, on', async () => {
  const { kingbus, unlogging, mariadb } = all
  const semiSync = async (): Promise<string | null> => {
    return (await switchTo(kingbus, unlogging, true)).semiSync
  }
  expect(await semiSync()).toBe('absent')
  await unlogging.sql("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
  expect(await semiSync()).toBe('off')
  await unlogging.sql('SET GLOBAL rpl_semi_sync_source_enabled = ON')
  expect(await semiSync()).toBe('on')
  expect((await switchTo(kingbus, mariadb, true)).semiSync).toBe('off')
})

test('a server that has not logged what it replicated will do once it is no replica', async () => {
  const { kingbus, source, unlogging } = all
  await unlogging.sql(
    'SET GLOBAL rpl_semi_sync_source_enabled = OFF',
    'STOP REPLICA',
    'RESET REPLICA ALL',
  )
  expect(await switchTo(kingbus, unlogging)).toMatchObject({ switched: true, refusal: null })
  await unlogging.sql('INSERT INTO d.t VALUES (1)')
  await kingbus.catchUpWith(unlogging)
  const own = await unlogging.value('SELECT @@server_uuid')
  const { gtidExecuted } = await kingbus.status()
  expect(gtidExecuted).toContain(`${own}:1`)
  expect(gtidExecuted).toContain(await source.gtidExecuted())
})
