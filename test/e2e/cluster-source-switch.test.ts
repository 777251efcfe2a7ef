import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { serverDifferences } from './harness/compare.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/* The source of a cluster changes: by a command at any node, and by itself. */

const insert = (id: number): string => `INSERT INTO d.t VALUES (${id})`

let source: Mysqld
let heir: Replica
let other: Replica
let cluster: KingbusCluster

beforeAll(async () => {
  const servers = await Promise.all([1, 2, 3].map((serverId) => Mysqld.start({ serverId })))
  const [first, ...rest] = servers
  if (first === undefined) throw new Error('no source')
  source = first
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)', insert(1))
  const candidates = servers.map(({ port }) => `127.0.0.1:${port}`).join(',')
  const flags = { 'source-candidates': candidates, 'source-failover-after': '1s' }
  cluster = await KingbusCluster.start({ source, flags })
  await cluster.leader()
  const replicas = rest.map((server) => new Replica(server))
  for (const replica of replicas) {
    await replica.attachToAny(cluster.nodes)
    await replica.catchUpWith(source)
    await replica.server.sql('SET GLOBAL super_read_only = ON')
  }
  const [one, two] = replicas
  if (one === undefined || two === undefined) throw new Error('no replicas')
  heir = one
  other = two
})
afterAll(endEverything)

async function promote({ server }: Replica): Promise<void> {
  await server.sql('STOP REPLICA', 'RESET REPLICA ALL', 'SET GLOBAL read_only = OFF')
}

async function addressAt(node: Kingbus): Promise<string> {
  const status = (await node.request('GET', '/api/v1/source')) as { readonly address: string }
  return status.address
}

test('the leader that has switched is killed, and the next one goes on with the new source', async () => {
  await source.sql(insert(2), 'SET GLOBAL super_read_only = ON')
  await heir.catchUpWith(source)
  await promote(heir)
  const [asked] = await cluster.followers()
  const address = `127.0.0.1:${heir.server.port}`
  const body = { address, password: replicationPassword }
  const answer = await asked.request('POST', '/api/v1/source/switch', body)
  expect(answer).toMatchObject({ switched: true, lacking: '' })
  const leader = await cluster.agreedLeader()
  await leader.kill9()
  await heir.server.sql(insert(3))
  const next = await cluster.leader()
  expect(next).not.toBe(leader)
  await next.catchUpWith(heir.server)
  expect(await addressAt(next)).toBe(address)
  await leader.launch()
  await cluster.catchUpWith(heir.server)
  await other.catchUpWith(heir.server)
  expect(await serverDifferences(heir.server, other.server)).toEqual([])
})

test('a candidate is followed by the node that leads, once, and the other nodes know it', async () => {
  await promote(other)
  await heir.server.kill9()
  const address = `127.0.0.1:${other.server.port}`
  await waitFor({ what: 'the candidate to be followed', timeoutMs: 60_000 }, async () => {
    const told = await Promise.all(cluster.nodes.map((node) => addressAt(node).catch(() => '')))
    return told.every((each) => each === address)
  })
  await other.server.sql(insert(4))
  await cluster.catchUpWith(other.server)
  const counts = await Promise.all(
    cluster.nodes.map((node) => node.metric('kingbus_source_failovers_total')),
  )
  expect(counts.reduce((sum, count) => sum + count)).toBe(1)
})
