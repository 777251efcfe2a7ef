import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { compareBinlogs, serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationUser } from './harness/mysqld.ts'
import { CutProxy } from './harness/network/cut-proxy.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

let source: Mysqld
let sourceProxy: CutProxy
let kingbus: Kingbus
let replicaProxy: CutProxy
let replica: Replica

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql(
    'CREATE DATABASE cuts',
    'CREATE TABLE cuts.rows (id INT PRIMARY KEY AUTO_INCREMENT, body LONGBLOB)',
  )
  sourceProxy = await CutProxy.start(source.port)
  kingbus = await Kingbus.start({
    sourceUrl: `mysql://${replicationUser}@127.0.0.1:${sourceProxy.port}`,
  })
  await kingbus.waitForState('streaming')
  replicaProxy = await CutProxy.start(kingbus.port)
  const clauses = ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=1000']
  replica = await Replica.start(replicaProxy, { serverId: 2 }, { clauses })
})
afterAll(endEverything)

async function expectAllEqual(): Promise<void> {
  await replica.catchUpWith(source)
  expect(await serverDifferences(source, replica.server)).toEqual([])
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
}

/** Ten rows of 1 MB in one transaction, so that a cut after some MB falls inside it. */
async function writeTransaction(): Promise<void> {
  await source.sql('BEGIN')
  for (let row = 0; row < 10; row += 1) {
    await source.sql("INSERT INTO cuts.rows (body) VALUES (REPEAT('c', 1000000))")
  }
  await source.sql('COMMIT')
}

/** The proxy breaks a connection after `bytes` while a transaction passes, as it says it did. */
async function cutInside(proxy: CutProxy, bytes: number): Promise<void> {
  const before = proxy.cuts
  proxy.cutAfter(bytes)
  await writeTransaction()
  await waitFor({ what: 'the cut' }, async () => proxy.cuts > before)
}

test('a connection to the source that breaks inside a transaction and an event loses nothing', async () => {
  for (const bytes of [700, 1_500_000, 5_000_123, 9_999_999]) await cutInside(sourceProxy, bytes)
  await expectAllEqual()
})

test('a connection to a replica that breaks inside a transaction and an event loses nothing', async () => {
  for (const bytes of [700, 1_500_000, 5_000_123, 9_999_999]) await cutInside(replicaProxy, bytes)
  await expectAllEqual()
})

test('half a transaction that arrived is shown to nobody while the source is away', async () => {
  const before = (await kingbus.status()).gtidExecuted
  const cutsBefore = sourceProxy.cuts
  sourceProxy.cutAfter(5_000_000)
  const writing = writeTransaction()
  await waitFor({ what: 'the cut', stepMs: 1 }, async () => sourceProxy.cuts > cutsBefore)
  sourceProxy.refuse()
  await writing
  await kingbus.waitForState('waiting')
  await kingbus.kill9()
  await kingbus.launch()
  expect((await kingbus.status()).gtidExecuted).toBe(before)
  sourceProxy.pass()
  await expectAllEqual()
})
