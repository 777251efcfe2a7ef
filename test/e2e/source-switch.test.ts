import { afterEach, expect, test } from 'vitest'
import { differingTransactions, transactionsIn } from './harness/binlogs/transactions.ts'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'

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
