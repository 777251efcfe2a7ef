import { execFile } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { afterAll, afterEach, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { fileDifference } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { projectFolder } from './harness/project.ts'
import { waitFor } from './harness/wait.ts'

const loads: Load[] = []

afterEach(async () => {
  for (const load of loads.splice(0)) await load.stop()
})
afterAll(endEverything)

/** A command; what it prints. */
async function kingbus(...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(join(projectFolder, 'bin', 'kingbus'), args)
  return stdout
}

/** Writes all the time, as an application does that knows nothing of all this. */
async function startLoad(source: Mysqld): Promise<Load> {
  const load = await Load.start(source, { seed: 11, restMs: 2 })
  loads.push(load)
  return load
}

async function more(load: Load, transactions = 50): Promise<void> {
  const { committed } = load
  await waitFor({ what: 'more of the load' }, async () => load.committed > committed + transactions)
}

async function expectAllTheSame(cluster: KingbusCluster, source: Mysqld): Promise<void> {
  for (const load of loads.splice(0)) await load.stop()
  await cluster.catchUpWith(source)
  for (const { name, path } of await source.binlogs()) {
    for (const node of cluster.nodes.filter(({ isRunning }) => isRunning)) {
      const held = node.binlogs().find((file) => file.name === name)
      expect(fileDifference(held?.path ?? '', path, false), name).toBeUndefined()
    }
  }
}

test('a node with binlogs becomes the first of a cluster, and others are added under load', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const load = await startLoad(source)
  const alone = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await more(load, 300)
  await source.sql('FLUSH BINARY LOGS')
  await more(load)
  await alone.stop()
  const cluster = await KingbusCluster.from(alone, { source })
  await cluster.waitForRoles({ node1: 'leader' })
  await cluster.add()
  await cluster.waitForRoles({ node2: 'in-sync' })
  await cluster.add()
  await cluster.waitForRoles({ node1: 'leader', node2: 'in-sync', node3: 'in-sync' })
  await more(load)
  // A majority goes on without the first one.
  await cluster.node(0).kill9()
  await cluster.waitForRoles({ node2: 'leader|in-sync', node3: 'leader|in-sync' })
  await cluster.leader()
  await more(load)
  await cluster.node(0).launch()
  await cluster.waitForRoles({ node1: 'in-sync' })
  await expectAllTheSame(cluster, source)
})

test('a wiped node comes back by itself, one is removed and another takes its place', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const load = await startLoad(source)
  const cluster = await KingbusCluster.start({ source })
  const leader = await cluster.leader()
  await more(load, 200)
  const wiped = cluster.nodes.findIndex((node) => node !== leader)
  await cluster.node(wiped).kill9()
  rmSync(cluster.node(wiped).dataFolder, { recursive: true })
  await cluster.node(wiped).launch()
  await cluster.waitForRoles({ [cluster.nameOf(wiped)]: 'in-sync' }, 90_000)
  await more(load)
  const waitForEtcd = async (pattern: RegExp): Promise<void> => {
    const log = (): string => cluster.node(wiped).logTail(1_000)
    const explain = (): string => log()
    await waitFor({ what: 'its etcd to be ready', timeoutMs: 60_000, explain }, async () =>
      pattern.test(log()),
    )
  }
  await waitForEtcd(/joins anew[^]*the member of etcd is ready/)
  // The same when only its etcd has lost its data: the node needs another member.
  await cluster.node(wiped).stop()
  rmSync(join(cluster.node(wiped).dataFolder, 'etcd'), { recursive: true })
  await cluster.node(wiped).launch()
  await cluster.waitForRoles({ [cluster.nameOf(wiped)]: 'in-sync' }, 90_000)
  await waitForEtcd(/(?:joins anew[^]*){2}the member of etcd is ready/)

  const gone = cluster.nodes.findIndex((node, index) => node !== leader && index !== wiped)
  await cluster.node(gone).kill9()
  await leader.request('DELETE', `/api/v1/members/${cluster.nameOf(gone)}`)
  const added = await cluster.add(leader)
  await cluster.waitForRoles({ [cluster.nameOf(cluster.nodes.indexOf(added))]: 'in-sync' }, 90_000)
  await more(load)
  expect((await cluster.status(leader)).nodes).toHaveLength(3)
  await expectAllTheSame(cluster, source)
})

test('the lead is handed over in no time, and by a stop', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  const load = await startLoad(source)
  const cluster = await KingbusCluster.start({ source })
  const leader = await cluster.leader()
  await more(load)
  const heir = cluster.nodes.findIndex((node) => node !== leader)
  const began = performance.now()
  await cluster.node((heir + 1) % 3).request('POST', `/api/v1/members/${cluster.nameOf(heir)}/lead`)
  expect(performance.now() - began).toBeLessThan(2_000)
  expect(await cluster.leader()).toBe(cluster.node(heir))
  await more(load)
  await cluster.node(heir).stop()
  expect(await cluster.leader()).not.toBe(cluster.node(heir))
  await more(load)
  // One that has no room for more lets another lead.
  const full = cluster.node(heir)
  full.setFlags({ ...full.flags, 'disk-min-free': '1000TiB' })
  await full.launch()
  await cluster.waitForRoles({ [cluster.nameOf(heir)]: 'in-sync' })
  await full.request('POST', `/api/v1/members/${cluster.nameOf(heir)}/lead`)
  await cluster.waitForRoles({ [cluster.nameOf(heir)]: 'in-sync' })
  expect(await cluster.leader()).not.toBe(full)
  await expectAllTheSame(cluster, source)
})

test('after the loss of a majority one node’s log is made the truth of a new cluster', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const load = await startLoad(source)
  const cluster = await KingbusCluster.start({ source })
  await cluster.leader()
  await more(load, 200)
  await cluster.stop()
  const left = cluster.node(1)
  for (const node of cluster.nodes.filter((one) => one !== left)) {
    rmSync(node.dataFolder, { recursive: true })
  }
  const recover = ['cluster', 'recover', '--data-dir', left.dataFolder]
  expect(await kingbus(...recover)).toMatch(/Nothing was changed/)
  expect(await kingbus(...recover, '--yes')).toMatch(/gives up +the cluster .*Done/s)
  await cluster.beginAnew(1)
  await cluster.waitForRoles({ node2: 'leader' })
  await more(load)
  await cluster.add(left)
  await cluster.waitForRoles({ node2: 'leader', node4: 'in-sync' })
  for (const one of loads.splice(0)) await one.stop()
  await cluster.catchUpWith(source)
})

test('an observer follows and serves and never counts, and a node moves to another address', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const load = await startLoad(source)
  const cluster = await KingbusCluster.start({ source })
  const leader = await cluster.leader()
  const observer = await cluster.add(leader, true)
  await cluster.waitForRoles({ node4: 'observer' })
  await more(load)
  await observer.kill9()
  await more(load)
  await observer.launch()

  const moved = cluster.nodes.findIndex((node) => node !== leader)
  await cluster.node(moved).stop()
  await cluster.move(moved, leader)
  await cluster.node(moved).launch()
  await cluster.waitForRoles({ [cluster.nameOf(moved)]: 'in-sync', node4: 'observer' })
  await leader.kill9()
  await cluster.waitForRoles({ [cluster.nameOf(moved)]: 'leader|in-sync', node4: 'observer' })
  await cluster.leader()
  await more(load)
  await leader.launch()
  await expectAllTheSame(cluster, source)
})

test('a node that was removed says so once, serves what it has, and is let alone', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const load = await startLoad(source)
  const cluster = await KingbusCluster.start({ source })
  const leader = await cluster.leader()
  await more(load, 200)
  const index = cluster.nodes.findIndex((node) => node !== leader)
  const gone = cluster.node(index)
  const name = cluster.nameOf(index)
  await leader.request('DELETE', `/api/v1/members/${name}`)
  const trouble = async (): Promise<unknown> => {
    const { cluster: part } = await gone.status()
    return (part as { trouble: { code: string } | null }).trouble?.code
  }
  const isTold = { what: 'the removed node to say so', explain: () => gone.logTail(40) }
  await waitFor(isTold, async () => (await trouble()) === 'E_MEMBER_REMOVED')
  expect((await fetch(`${gone.adminUrl}/readyz`)).status).toBe(503)
  const { visibleEnd } = await gone.status()
  const times = (text: string): number => gone.logTail(10_000).split(text).length - 1
  const dialled = times('E_PEER_')
  await more(load, 200)
  expect((await gone.status())['visibleEnd']).toEqual(visibleEnd)
  expect(times('was removed from the cluster')).toBe(1)
  expect(times('E_PEER_')).toBe(dialled)
  const connection = await createConnection({
    port: gone.port,
    user: replicationUser,
    password: replicationPassword,
  })
  const [files] = await connection.query('SHOW BINARY LOGS')
  expect(files).not.toHaveLength(0)
  connection.destroy()
  // A restart makes no difference, and is no harm.
  await gone.stop()
  await gone.launch('/healthz')
  await waitFor(isTold, async () => (await trouble()) === 'E_MEMBER_REMOVED')
  expect((await cluster.status(leader)).nodes).toHaveLength(2)
  await more(load)
  await gone.stop()
  await expectAllTheSame(cluster, source)
})
