import { createConnection, type RowDataPacket } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { fileDifference, serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

let source: Mysqld
let cluster: KingbusCluster

beforeAll(async () => {
  source = await Mysqld.start({
    serverId: 1,
    options: { max_binlog_size: '1M', binlog_row_metadata: 'FULL' },
  })
  cluster = await KingbusCluster.start({ source })
  await cluster.leader()
})
afterAll(endEverything)

test('a replica with SOURCE_CONNECTION_AUTO_FAILOVER goes to another node when its own is gone', async () => {
  const load = await Load.start(source, { seed: 21, restMs: 2 })
  const leader = await cluster.leader()
  const [first, second] = cluster.nodes.filter((node) => node !== leader)
  if (first === undefined || second === undefined) throw new Error('there are three nodes')
  const server = await Mysqld.start({ serverId: 5 })
  const replica = new Replica(server)
  await replica.attachToAny([first, second])
  await replica.waitForGtids(await source.gtidExecuted())
  await first.kill9()
  await replica.waitForSource(second)
  const { committed } = load
  await waitFor({ what: 'more of the load' }, async () => load.committed > committed + 50)
  await load.stop()
  await replica.waitForGtids(await source.gtidExecuted())
  expect(await serverDifferences(source, server)).toEqual([])
  await first.launch()
})

test('every node says of the binlog what the source says', async () => {
  for (const { port } of cluster.nodes) {
    const account = { user: replicationUser, password: replicationPassword }
    const connection = await createConnection({ host: '127.0.0.1', port, ...account })
    await waitFor({ what: 'the word of the source' }, async () => {
      const [rows] = await connection.query<RowDataPacket[]>('SELECT @@binlog_row_metadata AS it')
      return rows[0]?.['it'] === 'FULL'
    })
    await connection.end()
  }
})

test('a replica moves between the nodes by GTID and by file and position', async () => {
  const load = await Load.start(source, { seed: 22, restMs: 2, schema: 'moving' })
  const server = await Mysqld.start({ serverId: 6 })
  const replica = new Replica(server)
  for (const node of cluster.nodes) {
    await replica.attach(node)
    await replica.waitForGtids(await source.gtidExecuted())
    await server.sql('STOP REPLICA')
  }
  for (const node of cluster.nodes) {
    await replica.moveTo(node, await replica.place())
    await replica.waitForGtids(await source.gtidExecuted())
    await server.sql('STOP REPLICA')
  }
  await load.stop()
  await replica.attach(cluster.node(0))
  await replica.waitForGtids(await source.gtidExecuted())
  expect(await serverDifferences(source, server)).toEqual([])
})

test('another Kingbus has the cluster as its source, and replicas behind it', async () => {
  const load = await Load.start(source, { seed: 23, restMs: 2, schema: 'behind' })
  const [first, second] = cluster.nodes
  if (first === undefined || second === undefined) throw new Error('there are three nodes')
  const url = (node: Kingbus): string => source.sourceUrl.replace(/:\d+$/, `:${node.port}`)
  const behind = await Kingbus.start({ sourceUrl: url(first) })
  await behind.waitForState('streaming')
  const patient = { clauses: ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=1000'] }
  const replica = await Replica.start(behind, { serverId: 7 }, patient)
  await waitFor({ what: 'a load' }, async () => load.committed > 100)
  // Its files are the source's, so it goes on at another node of the cluster, and at the source itself.
  for (const next of [url(second), source.sourceUrl]) {
    behind.setSourceUrl(next)
    await behind.restart()
    await behind.waitForState('streaming')
    const { committed } = load
    await waitFor({ what: 'more' }, async () => load.committed > committed + 50)
  }
  await load.stop()
  await behind.catchUpWith(source)
  await replica.waitForGtids(await source.gtidExecuted())
  expect(await serverDifferences(source, replica.server)).toEqual([])
  for (const { name, path } of await source.binlogs()) {
    const held = behind.binlogs().find((file) => file.name === name)
    expect(fileDifference(held?.path ?? '', path, false), name).toBeUndefined()
  }
})
