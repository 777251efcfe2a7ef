import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { EtcdCluster } from './harness/cluster/etcd-cluster.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { fileDifference, serverDifferences } from './harness/compare.ts'
import { Load } from './harness/load.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { pause, waitFor } from './harness/wait.ts'

let source: Mysqld
let cluster: KingbusCluster

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  cluster = await KingbusCluster.start({ source })
})
afterAll(endEverything)

/** Every running node holds what the source has, in the same bytes. */
async function expectAllTheSame(): Promise<void> {
  await cluster.catchUpWith(source)
  const running = cluster.nodes.filter((node) => node.isRunning)
  for (const { name, path } of await source.binlogs()) {
    for (const node of running) {
      const held = node.binlogs().find((file) => file.name === name)
      expect(held, `${name} on a node`).toBeDefined()
      expect(fileDifference(held?.path ?? '', path, false), name).toBeUndefined()
    }
  }
}

test('three nodes hold what the source has, byte for byte, and serve it', async () => {
  await cluster.leader()
  const load = await Load.start(source, { seed: 5 })
  const replicas = await Promise.all(
    [2, 3].map((serverId, index) => Replica.start(cluster.node(index), { serverId })),
  )
  await pause(5_000)
  await load.stop()
  await expectAllTheSame()
  for (const replica of replicas) {
    await replica.waitForGtids(await source.gtidExecuted())
    expect(await serverDifferences(source, replica.server)).toEqual([])
  }
})

test('when the leader is killed another goes on, and nothing is lost or doubled', async () => {
  const load = await Load.start(source, { seed: 6, schema: 'second' })
  const leader = await cluster.leader()
  await waitFor({ what: 'a load' }, async () => load.committed > 100)
  await leader.kill9()
  const next = await cluster.leader()
  expect(next).not.toBe(leader)
  const { committed } = load
  await waitFor({ what: 'more of it' }, async () => load.committed > committed + 100)
  await load.stop()
  await leader.launch()
  await expectAllTheSame()
})

test('three nodes use an etcd that is there already, and go on without it', async () => {
  const etcd = await EtcdCluster.start(1)
  const origin = await Mysqld.start({ serverId: 9 })
  const beside = await KingbusCluster.start({ source: origin, etcd })
  const leader = await beside.leader()
  const load = await Load.start(origin, { seed: 7, restMs: 2 })
  const more = async (): Promise<void> => {
    const { committed } = load
    await waitFor({ what: 'more' }, async () => load.committed > committed + 100)
  }
  await more()
  // Commits do not wait for etcd.
  await etcd.stop()
  await more()
  await load.stop()
  await beside.catchUpWith(origin)
  expect(await beside.leader()).toBe(leader)
})
