import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest'
import { type Key, loadConfig } from '../../src/config/index.ts'
import { type DoctorFinding, runDoctor } from '../../src/doctor/index.ts'
import {
  type Clock,
  systemClock,
  systemDisk,
  systemMachine,
  systemRandom,
} from '../../src/platform/index.ts'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword } from './harness/mysqld.ts'
import { makeRunFolder, projectFolder } from './harness/project.ts'

type Found = ReadonlyMap<string, DoctorFinding>

let source: Mysqld
let folder = ''
beforeAll(async () => {
  source = await Mysqld.start({ serverId: 71 })
})
beforeEach(() => {
  folder = makeRunFolder('doctor')
})
afterAll(endEverything)

interface Given {
  readonly url?: string
  readonly password?: string
  readonly settings?: Partial<Record<Key, string>>
  readonly clock?: Clock
}

/** The doctor's findings by their check, here in this process. */
async function examine(given: Given = {}): Promise<Found> {
  const environment = { KINGBUS_SOURCE_PASSWORD: given.password ?? replicationPassword }
  const settings = {
    'data-dir': join(folder, 'data'),
    'source.url': given.url ?? source.sourceUrl,
    'serve.listen': '127.0.0.1:0',
    'admin.listen': '127.0.0.1:0',
    'disk.min-free': '64MiB',
    ...given.settings,
  }
  const flags = new Map(Object.entries(settings) as [Key, string][])
  const found = await runDoctor({
    loaded: await loadConfig(systemDisk, { file: undefined, environment, flags }),
    environment,
    disk: systemDisk,
    clock: given.clock ?? systemClock,
    random: systemRandom,
    machine: systemMachine,
  })
  return new Map(found.map((finding) => [finding.id, finding]))
}

function severities(found: Found, wanted: DoctorFinding['severity']): string[] {
  return [...found.values()].filter(({ severity }) => severity === wanted).map(({ id }) => id)
}

const says = (severity: DoctorFinding['severity'], found: RegExp, remedy?: RegExp) => ({
  severity,
  found: expect.stringMatching(found),
  ...(remedy === undefined ? {} : { remedy: expect.stringMatching(remedy) }),
})

function command(flags: readonly string[], password = replicationPassword) {
  const args = ['doctor', '--source', source.sourceUrl, '--data-dir', join(folder, 'data')]
  return spawnSync(join(projectFolder, 'bin', 'kingbus'), [...args, ...flags], {
    env: { ...process.env, KINGBUS_SOURCE_PASSWORD: password },
    encoding: 'utf8',
  })
}

test('a source that is well has nothing but ok, and the command ends with 0 and leaves nothing', async () => {
  const found = await examine()
  expect(severities(found, 'problem')).toEqual([])
  expect([...found.keys()].filter((id) => id.startsWith('source.')).length).toBeGreaterThan(25)
  for (const finding of found.values()) {
    if (finding.id.startsWith('source.')) expect(finding).toMatchObject({ severity: 'ok' })
  }
  const ran = command(['--listen', '127.0.0.1:0', '--admin-listen', '127.0.0.1:0'])
  expect(ran).toMatchObject({ status: 0, stderr: '' })
  expect(ran.stdout).toMatch(/^ok +source\.gtid-mode +gtid_mode is ON/m)
  expect(ran.stdout).toMatch(/^warning +users .*\n +why: .*\n +do: +kingbus user add/m)
  expect(readdirSync(folder)).toEqual([])
})

test('a problem ends the command with 1, and JSON has every finding with why and remedy', () => {
  const ran = command(['--json'], 'wrong')
  expect(ran.status).toBe(1)
  const { well, findings } = JSON.parse(ran.stdout)
  expect(well).toBe(false)
  expect(findings[0]).toMatchObject({ id: 'source.login', severity: 'problem' })
  for (const finding of findings) {
    expect(finding).toEqual({
      id: expect.any(String),
      severity: expect.stringMatching(/ok|note|warning|problem/),
      found: expect.stringMatching(/./),
      remedy: expect.any(String),
      why: expect.stringMatching(/./),
    })
    expect(finding.remedy === '').toBe(finding.severity === 'ok')
  }
  expect(command(['--source-tls', 'perhaps']).status).toBe(78)
})

test.each([
  ['an unknown host', { url: 'mysql://repl@no-such-host.invalid' }, 'source.reach', /name server/],
  ['a closed port', { url: 'mysql://repl@127.0.0.1:1' }, 'source.reach', /bind_address/],
  ['a wrong password', { password: 'wrong' }, 'source.login', /check the user, its password/],
  [
    'an unknown authority',
    { settings: { 'source.tls': 'verify-ca' } },
    'source.tls',
    /source\.ca-file/,
  ],
] as const)(
  '%s has its own remedy, and no other check of the source',
  async (_, given, id, remedy) => {
    const found = await examine(given)
    expect(found.get(id)).toMatchObject(says('problem', /./, remedy))
    expect([...found.keys()].filter((key) => key.startsWith('source.'))).toEqual([id])
    expect(found.get('disk.speed')).toBeDefined()
  },
)

test('users who may less, or not come in at all, are told the statement that helps', async () => {
  await source.sql(
    "CREATE USER nobody@'%' IDENTIFIED BY 'x'",
    "CREATE USER reader@'127.0.0.1' IDENTIFIED BY 'x'",
    "CREATE USER reader@'localhost' IDENTIFIED BY 'x'",
    "GRANT REPLICATION SLAVE ON *.* TO reader@'127.0.0.1', reader@'localhost'",
    "CREATE USER locked@'%' IDENTIFIED BY 'x' ACCOUNT LOCK",
    "CREATE USER expired@'%' IDENTIFIED BY 'x' PASSWORD EXPIRE",
  )
  const as = async (user: string): Promise<Found> =>
    await examine({ url: `mysql://${user}@127.0.0.1:${source.port}`, password: 'x' })
  const nobody = await as('nobody')
  expect(nobody.get('source.replication-slave')).toMatchObject(
    says('problem', /lacks/, /^GRANT REPLICATION SLAVE ON \*\.\* TO 'nobody'@'%'$/),
  )
  expect(nobody.get('source.other-replicas')?.severity).toBe('note')
  expect(nobody.get('source.anonymous')?.severity).toBe('note')
  const reader = await as('reader')
  expect(severities(reader, 'problem')).toEqual([])
  expect(reader.get('source.replication-client')).toMatchObject(
    says('warning', /lag|ahead/, /^GRANT REPLICATION CLIENT ON \*\.\* TO 'reader'@/),
  )
  expect(reader.get('source.binlogs')).toMatchObject(says('note', /may not be asked/, /GRANT/))
  expect(reader.get('source.is-replica')).toMatchObject(says('note', /may not be asked/, /GRANT/))
  expect(reader.get('source.anonymous')?.severity).toBe('ok')
  expect((await as('locked')).get('source.login')).toMatchObject(
    says('problem', /locked/, /ACCOUNT UNLOCK/),
  )
  expect((await as('expired')).get('source.login')).toMatchObject(
    says('problem', /expired|reset your password/, /ALTER USER/),
  )
})

test('a clock that is apart is told with its side', async () => {
  const slow = { ...systemClock, nowMs: () => systemClock.nowMs() - 90_000 }
  expect((await examine({ clock: slow })).get('source.clock')).toMatchObject(
    says('warning', /90\.\d s ahead of this machine/, /NTP/),
  )
})

test('an identity that the source or a replica of it has is told', async () => {
  const uuid = await source.value('SELECT @@server_uuid')
  const same = { 'source.server-id': '71', 'source.server-uuid': uuid }
  const clash = await examine({ settings: same })
  expect(severities(clash, 'problem')).toEqual(['source.server-uuid', 'source.server-id'])
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: { 'source-server-id': '4711' },
  })
  await kingbus.waitForState('streaming')
  const other = await examine({ settings: { 'source.server-id': '4711' } })
  expect(other.get('source.other-replicas')).toMatchObject(says('warning', /4711/, /server-id/))
  const settings = {
    'data-dir': kingbus.dataFolder,
    'serve.listen': `127.0.0.1:${kingbus.port}`,
    'source.server-id': '4711',
  }
  const beside = await examine({ settings })
  expect(beside.get('data-dir.in-use')?.severity).toBe('note')
  expect(beside.get('serve.listen')).toMatchObject(says('ok', /node that runs/))
  expect(beside.get('source.other-replicas')?.severity).toBe('ok')
  expect(beside.get('serve.certificate')).toMatchObject(says('ok', /valid until/))
  expect(beside.get('source.binlogs')).toMatchObject(says('ok', /1 are stored here/))
  expect(readdirSync(kingbus.dataFolder).filter((name) => name.includes('doctor'))).toEqual([])
  await kingbus.stop()
})

test('a binlog that does not fit, or not in time, is a warning', async () => {
  await source.sql(
    'CREATE DATABASE IF NOT EXISTS app',
    'CREATE TABLE IF NOT EXISTS app.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)',
    ...Array.from({ length: 8 }, () => "INSERT INTO app.t (v) VALUES (REPEAT('x', 1000000))"),
  )
  const { freeBytes } = await systemDisk.space(folder)
  const tight = { 'disk.min-free': String(freeBytes - 1_000_000) }
  const full = await examine({ settings: tight })
  expect(full.get('source.binlogs')).toMatchObject(says('warning', /room for/, /max-size/))
  const newest = await examine({ settings: { ...tight, 'source.start-at': 'newest' } })
  expect(newest.get('source.binlogs')?.severity).toBe('ok')
})

test('semi-sync that is asked for, and that the source has not, is a warning', async () => {
  const asked = { settings: { 'source.semi-sync': 'true' } }
  expect((await examine(asked)).get('source.semi-sync')).toMatchObject(
    says('warning', /not loaded/, /^INSTALL PLUGIN rpl_semi_sync_source SONAME .*; SET PERSIST/),
  )
  await source.sql("INSTALL PLUGIN rpl_semi_sync_source SONAME 'semisync_source.so'")
  expect((await examine(asked)).get('source.semi-sync')).toMatchObject(
    says('warning', /loaded and off/, /^SET PERSIST rpl_semi_sync_source_enabled = ON$/),
  )
  await source.sql('SET GLOBAL rpl_semi_sync_source_enabled = ON')
  expect((await examine(asked)).get('source.semi-sync')?.severity).toBe('ok')
  await source.sql('UNINSTALL PLUGIN rpl_semi_sync_source')
})

test('settings that Kingbus can live with are notes and warnings, each with what to do', async () => {
  await source.restart({
    'plugin-load-add': 'semisync_source.so',
    rpl_semi_sync_source_enabled: 'ON',
    rpl_semi_sync_source_timeout: '1',
    binlog_format: 'MIXED',
    binlog_transaction_compression: 'ON',
    sync_binlog: '0',
    net_write_timeout: '5',
    binlog_checksum: 'NONE',
    binlog_expire_logs_seconds: '3600',
    log_replica_updates: 'OFF',
    read_only: 'ON',
  })
  await source.sql(
    "SET gtid_next = 'AUTOMATIC:tag'",
    'CREATE DATABASE tagged',
    "SET gtid_next = 'AUTOMATIC'",
    'FLUSH BINARY LOGS',
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST = '127.0.0.1', SOURCE_PORT = 1",
  )
  const last = (await source.binlogs()).at(-1)?.name
  await source.sql(`PURGE BINARY LOGS TO '${last}'`)
  const found = await examine({ settings: { 'source.tls': 'disabled' } })
  expect(severities(found, 'problem')).toEqual([])
  expect(Object.fromEntries(found)).toMatchObject({
    'source.semi-sync': says('note', /up to 1 ms/),
    'source.binlog-format': says('note', /MIXED/, /binlog_format = ROW/),
    'source.compression': says('note', /ON/, /TRANSACTION_PAYLOAD/),
    'source.durability': says('warning', /sync_binlog is 0/, /SET PERSIST sync_binlog = 1/),
    'source.net-write-timeout': says('note', /5 s/, /net_write_timeout = 60/),
    'source.binlog-checksum': says('warning', /NONE/, /binlog_checksum = CRC32/),
    'source.binlog-expiry': says('note', /3600 s/, /binlog_expire_logs_seconds/),
    'source.read-only': says('note', /read-only/),
    'source.is-replica': says('warning', /not in its binlog/, /log_replica_updates/),
    'source.tagged-gtids': says('note', /tag/, /8\.3/),
    'source.purged': says('note', /\d+ transactions are purged/, /backup/),
    'source.tls': says('ok', /on this machine/),
  })
})

test('TLS that the source insists on, or has no key for, is told', async () => {
  await source.restart({ require_secure_transport: 'ON' })
  const plain = await examine({ settings: { 'source.tls': 'disabled' } })
  expect(plain.get('source.tls')).toMatchObject(says('problem', /insecure/, /set source\.tls to/))
  expect((await examine()).get('source.tls')).toMatchObject(says('ok', /TLSv1\.3/))
  const ca = { 'source.tls': 'verify-ca', 'source.ca-file': join(source.dataFolder, 'ca.pem') }
  expect((await examine({ settings: ca })).get('source.tls')?.severity).toBe('ok')
  await source.restart({
    auto_generate_certs: 'OFF',
    ssl_ca: '',
    tls_version: '',
    caching_sha2_password_auto_generate_rsa_keys: 'OFF',
    caching_sha2_password_private_key_path: 'none.pem',
    caching_sha2_password_public_key_path: 'none.pem',
  })
  const wanted = await examine({ settings: { 'source.tls': 'required' } })
  expect(wanted.get('source.tls')).toMatchObject(says('problem', /./, /ssl_cert/))
  const keyless = await examine({ settings: { 'source.tls': 'disabled' } })
  expect(keyless.get('source.login')).toMatchObject(says('problem', /denied/, /RSA key/))
})

test('GTID mode off is a problem with its steps; what was written so is told when it is on', async () => {
  const off = { gtid_mode: 'OFF', enforce_gtid_consistency: 'OFF' }
  await source.restart(off)
  await source.sql('CREATE DATABASE anonymous')
  const without = await examine()
  expect(without.get('source.gtid-mode')).toMatchObject(
    says('problem', /OFF/, /gtid_mode = OFF_PERMISSIVE; .*= ON_PERMISSIVE; .*= ON/),
  )
  expect(without.get('source.gtid-consistency')?.severity).toBe('warning')
  await source.restart({ gtid_mode: 'OFF_PERMISSIVE' })
  expect((await examine()).get('source.gtid-mode')?.remedy).not.toMatch(/= OFF_PERMISSIVE/)
  await source.restart({})
  const oldest = (await source.binlogs())[0]?.name ?? ''
  const after = await examine()
  expect(severities(after, 'problem')).toEqual([])
  expect(after.get('source.anonymous')).toMatchObject(
    says('note', new RegExp(`from ${oldest} to before`), /behind them/),
  )
  await source.restart({ 'skip-log-bin': '' })
  expect((await examine()).get('source.log-bin')).toMatchObject(says('problem', /off/, /log_bin/))
})

test('a port where no MySQL server answers is told so', async () => {
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  const found = await examine({ url: `mysql://repl@127.0.0.1:${kingbus.adminPort}` })
  expect(found.get('source.reach')).toMatchObject(says('problem', /./, /MySQL server/))
  expect(severities(found, 'problem')).toEqual(['source.reach'])
  await kingbus.stop()
})
