import { afterEach, expect, test } from 'vitest'
import { differingTransactions, transactionsIn } from './harness/binlogs/transactions.ts'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { switchByCommand, switchTo } from './harness/switch.ts'

afterEach(endEverything)

const table = ['CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)']
const insert = (id: number): string => `INSERT INTO d.t VALUES (${id})`

/** A source, Kingbus behind it, and two replicas of Kingbus. */
async function startAll(flags: Readonly<Record<string, string>> = {}): Promise<{
  source: Mysqld
  kingbus: Kingbus
  heir: Replica
  other: Replica
}> {
  const [source, heir, other] = await Promise.all(
    [1, 2, 3].map((serverId) => Mysqld.start({ serverId })),
  )
  if (source === undefined || heir === undefined || other === undefined)
    throw new Error('no servers')
  await source.sql(...table, insert(1))
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl, flags })
  const replicas = [new Replica(heir), new Replica(other)] as const
  for (const replica of replicas)
    await replica.attach(kingbus, { clauses: ['SOURCE_CONNECT_RETRY=1'] })
  for (const replica of replicas) await replica.catchUpWith(source)
  return { source, kingbus, heir: replicas[0], other: replicas[1] }
}

async function promote({ server }: Replica): Promise<void> {
  await server.sql('STOP REPLICA', 'RESET REPLICA ALL')
}

async function follow(kingbus: Kingbus, { port }: Mysqld): Promise<void> {
  const address = `127.0.0.1:${port}`
  await kingbus.request('PUT', '/api/v1/source', { address, password: replicationPassword })
  await kingbus.waitForState('streaming')
}

/** Every transaction once, those of the present source as it has them; all files read by mysqlbinlog. */
async function expectTrueFiles(kingbus: Kingbus, source: Mysqld): Promise<void> {
  const held = await transactionsIn(kingbus.binlogs())
  const theirs = await transactionsIn(await source.binlogs())
  const uuid = await source.value('SELECT @@server_uuid')
  const own = new Map([...theirs].filter(([gtid]) => gtid.startsWith(uuid)))
  expect([...own.keys()].filter((gtid) => !held.has(gtid))).toEqual([])
  expect(differingTransactions(own, held)).toEqual([])
  expect([...theirs.keys()].filter((gtid) => !held.has(gtid))).toEqual([])
}

test('a replica that is promoted becomes the source, and the other replicas go on by themselves', async () => {
  const { source, kingbus, heir, other } = await startAll()
  await promote(heir)
  await source.stop()
  await heir.server.sql(insert(2), insert(3))
  await follow(kingbus, heir.server)
  await heir.server.sql(insert(4))
  await kingbus.catchUpWith(heir.server)
  await other.catchUpWith(heir.server)
  expect(await serverDifferences(heir.server, other.server)).toEqual([])
  await expectTrueFiles(kingbus, heir.server)

  await heir.server.sql('FLUSH BINARY LOGS', insert(5))
  await kingbus.catchUpWith(heir.server)
  await kingbus.kill9()
  await kingbus.launch()
  await heir.server.sql(insert(6), 'FLUSH BINARY LOGS', insert(7))
  await kingbus.catchUpWith(heir.server)
  await other.catchUpWith(heir.server)
  expect(await other.bothThreadsRun()).toBe(true)
  expect(await serverDifferences(heir.server, other.server)).toEqual([])
  await expectTrueFiles(kingbus, heir.server)
})

test('a planned move waits for what the new source has not got yet, and replicas go on', async () => {
  const { source, kingbus, heir, other } = await startAll()
  const uuid = await source.value('SELECT @@server_uuid')
  await heir.server.sql('STOP REPLICA')
  await source.sql(insert(2), insert(3), 'SET GLOBAL super_read_only = ON')
  await kingbus.catchUpWith(source)
  const looked = await switchTo(kingbus, heir.server, true)
  expect(looked).toMatchObject({ switched: false, isSameServer: false })
  expect(looked.refusal?.code).toBe('E_SOURCE_OTHER')
  expect(looked.lacking).toMatch(new RegExp(`^${uuid}:\\d+-\\d+$`))
  expect((await kingbus.status()).source.state).toBe('streaming')

  const moving = switchTo(kingbus, heir.server)
  await kingbus.waitForState('stopped')
  await heir.server.sql('START REPLICA')
  const moved = await moving
  expect(moved).toMatchObject({ switched: true, refusal: null, lacking: '' })
  await promote(heir)
  await kingbus.waitForState('streaming')
  await heir.server.sql(insert(4))
  await kingbus.catchUpWith(heir.server)
  await other.catchUpWith(heir.server)
  expect(await other.bothThreadsRun()).toBe(true)
  expect(kingbus.binlogs().at(-1)?.name).toBe(moved.begins?.file)
  expect(await serverDifferences(heir.server, other.server)).toEqual([])
  await expectTrueFiles(kingbus, heir.server)
})

test('a server that never gets what is stored here is refused, and the old source followed on', async () => {
  const { source, kingbus, heir } = await startAll()
  await promote(heir)
  await source.sql(insert(2))
  await kingbus.catchUpWith(source)
  await expect(switchTo(kingbus, heir.server)).rejects.toThrow(/409: .*E_SWITCH_REFUSED/)
  await kingbus.waitForState('streaming')
  await source.sql(insert(3))
  await kingbus.catchUpWith(source)
})

test('Kingbus that is killed while it switches goes on with the old source', async () => {
  const { source, kingbus, heir } = await startAll()
  await heir.server.sql('STOP REPLICA')
  await source.sql(insert(2))
  await kingbus.catchUpWith(source)
  const lost = switchTo(kingbus, heir.server).catch((thrown: unknown) => thrown)
  await kingbus.waitForState('stopped')
  await kingbus.kill9()
  expect(await lost).toBeInstanceOf(Error)
  await kingbus.launch()
  await source.sql(insert(3))
  await kingbus.catchUpWith(source)
  expect(await kingbus.request('GET', '/api/v1/source')).toMatchObject({
    address: `127.0.0.1:${source.port}`,
  })
})

test('the command switches to a replica that is promoted, once the source is gone', async () => {
  const { source, kingbus, heir, other } = await startAll()
  await source.kill9()
  expect((await switchByCommand(kingbus, heir.server, '--dry-run')).code).toBe(0)
  await promote(heir)
  const { code, out } = await switchByCommand(kingbus, heir.server)
  expect(out).toContain(await heir.server.value('SELECT @@server_uuid'))
  expect(code).toBe(0)
  await heir.server.sql(insert(2))
  await other.catchUpWith(heir.server)
  expect(await serverDifferences(heir.server, other.server)).toEqual([])
})
