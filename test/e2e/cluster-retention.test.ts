import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { STUCK_FILE_BYTES, stuckReader } from './harness/clients/stuck-reader.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import type { Kingbus, KingbusStatus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

/*
  What stays for whom in a cluster: every node purges the same, and nothing that a replica of any node needs.
*/

const REPLICATION = { user: replicationUser, password: replicationPassword }

let source: Mysqld
let cluster: KingbusCluster
let replica: Replica
let rows = 0

beforeAll(async () => {
  const [first, server] = await Promise.all([
    Mysqld.start({ serverId: 1 }),
    Mysqld.start({ serverId: 2 }),
  ])
  source = first
  replica = new Replica(server)
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  await source.sql('CREATE TABLE d.large (content LONGTEXT)')
  cluster = await KingbusCluster.start({ source })
  await cluster.agreedLeader()
  await cluster.catchUpWith(source)
})
afterAll(endEverything)

const nameOf = (node: Kingbus): string => cluster.nameOf(cluster.nodes.indexOf(node))

async function commitFiles(count: number, statement?: string): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    rows += 1
    await source.sql(statement ?? `INSERT INTO d.t VALUES (${rows})`, 'FLUSH BINARY LOGS')
  }
  const newest = (await source.binlogs()).at(-1)?.name ?? ''
  for (const node of cluster.nodes.filter(({ isRunning }) => isRunning)) {
    await waitFor({ what: `${nameOf(node)} to have ${newest}` }, () => {
      return Promise.resolve(namesOf(node).at(-1) === newest)
    })
  }
  await cluster.catchUpWith(source)
}

const namesOf = (node: Kingbus): string[] => node.binlogs().map(({ name }) => name)

async function expectFiles(names: readonly string[]): Promise<void> {
  for (const node of cluster.nodes) {
    const explain = (): string => `but they are ${namesOf(node).join(', ')}`
    await waitFor({ what: `${nameOf(node)} to have ${names.join(', ')}`, explain }, () => {
      return Promise.resolve(namesOf(node).join(', ') === names.join(', '))
    })
  }
}

interface Refusal {
  readonly code?: string
  readonly message?: string
}

async function purge(node: Kingbus, body: object): Promise<Refusal> {
  const headers = { 'content-type': 'application/json' }
  const request = { method: 'POST', headers, body: JSON.stringify(body) }
  return (await (await fetch(`${node.adminUrl}/api/v1/purge`, request)).json()) as Refusal
}

/** What comes of it once there is a leader to do it: a cluster that has just begun may elect another. */
async function purgeByLeader(node: Kingbus, body: object): Promise<Refusal> {
  let answer: Refusal = {}
  await waitFor({ what: 'a leader that purges, or says why not' }, async () => {
    answer = await purge(node, body)
    return answer.code !== 'E_NOT_LEADER'
  })
  return answer
}

async function away(node: Kingbus): Promise<{ uuid: string; node: string; needs: string }[]> {
  const list = await node.request('GET', '/api/v1/replicas/absent').catch(() => [])
  return list as { uuid: string; node: string; needs: string }[]
}

/** Waits until every node that runs knows that it is away. */
async function waitUntilAway(uuid: string): Promise<void> {
  for (const node of cluster.nodes.filter(({ isRunning }) => isRunning)) {
    await waitFor({ what: `${nameOf(node)} to know that ${uuid} is away` }, async () => {
      return (await away(node)).some((one) => one.uuid === uuid)
    })
  }
}

test('nothing goes that is read at another node than the one that leads, or is asked', async () => {
  await commitFiles(2)
  await commitFiles(1, `INSERT INTO d.large VALUES (REPEAT('x', ${STUCK_FILE_BYTES}))`)
  await commitFiles(1)
  const [one, other] = await cluster.followers()
  const names = namesOf(one)
  const large = names.at(-3) ?? ''
  const next = names.at(-2) ?? ''
  const reader = await stuckReader(one, REPLICATION, { file: large, serverId: 77 })
  await waitFor({ what: 'the dump to begin' }, async () => {
    const list = (await one.request('GET', '/api/v1/replicas')) as { file: string }[]
    return list.some(({ file }) => file === large)
  })
  const refused = await purgeByLeader(other, { to: next })
  expect(refused.code).toBe('E_FILE_IN_USE')
  expect(refused.message).toContain(`${large} is being read by server_id 77`)
  expect(refused.message).toContain(`at ${nameOf(one)}`)
  await other.request('PUT', '/api/v1/retention', { maxSizeBytes: 1 })
  await expectFiles(names.slice(names.indexOf(large)))
  reader.destroy()
  await expectFiles(names.slice(-1))
  await other.request('PUT', '/api/v1/retention', { maxSizeBytes: null })
})

test('what a replica needs that was seen at one node stays on all, through the death of the leader', async () => {
  const [one, other] = await cluster.followers()
  const known = await source.gtidExecuted()
  await replica.server.sql('RESET BINARY LOGS AND GTIDS', `SET GLOBAL gtid_purged = '${known}'`)
  await replica.attach(one, { receiverOnly: true })
  await commitFiles(2)
  const uuid = await replica.server.value('SELECT @@server_uuid')
  await replica.server.sql('STOP REPLICA')
  await waitUntilAway(uuid)
  expect(await away(other)).toMatchObject([{ uuid, node: nameOf(one) }])
  await other.request('PUT', '/api/v1/retention', { maxSizeBytes: 1 })
  await commitFiles(2)
  const names = namesOf(other)
  const leader = await cluster.agreedLeader()
  await leader.kill9()
  const next = await cluster.agreedLeader()
  await waitUntilAway(uuid)
  // Until its lease ends, nobody knows what is read at the dead one.
  await waitFor({ what: 'the purge to be refused for the replica' }, async () => {
    const { code } = await purge(other, { to: names.at(-1) })
    expect(['E_NOT_LEADER', 'E_PEER_UNREACHABLE', 'E_FILE_NEEDED']).toContain(code)
    return code === 'E_FILE_NEEDED'
  })
  await commitFiles(1)
  await waitFor({ what: 'retention to have looked' }, async () => {
    const { retention } = (await next.status()) as unknown as { retention: { keptBytes: number } }
    return retention.keptBytes > 0
  })
  expect(namesOf(next)[0]).toBe(names[0])
  await leader.launch()
  await replica.server.sql('START REPLICA IO_THREAD')
  await waitFor({ what: 'it to be back' }, async () => (await away(other)).length === 0)
  await expectFiles(namesOf(next).slice(-1))
  await other.request('PUT', '/api/v1/retention', { maxSizeBytes: null })
})

test('a node that was away purges what the others have purged', async () => {
  const [one, other] = await cluster.followers()
  await commitFiles(3)
  const names = namesOf(one)
  await one.kill9()
  await waitFor({ what: 'its lease to end' }, async () => {
    return (await purge(other, { to: names.at(-1) })).code === undefined
  })
  expect(namesOf(one)).toEqual(names)
  await one.launch()
  await expectFiles(names.slice(-1))
  await expectAgreement()
})

test('a leader that is killed in the middle of a purge leaves all nodes with the same files', async () => {
  for (const delayMs of [0, 3, 8]) {
    await commitFiles(3)
    const leader = await cluster.agreedLeader()
    const [one] = await cluster.followers()
    const names = namesOf(one)
    const purging = purge(one, { to: names.at(-2) }).catch(() => ({}))
    await new Promise((resolve) => {
      setTimeout(resolve, delayMs)
    })
    await leader.kill9()
    await purging
    await leader.launch()
    await cluster.agreedLeader()
    await commitFiles(1)
    await waitFor({ what: 'all nodes to have the same files' }, () => {
      return Promise.resolve(new Set(cluster.nodes.map((node) => namesOf(node).join())).size === 1)
    })
    await expectAgreement()
  }
})

test('who comes too late is told the same at every node', async () => {
  const late = new Replica(await Mysqld.start({ serverId: 3 }))
  const purged = (await cluster.node(0).status()).gtidPurged.replaceAll('\n', '')
  expect(purged).not.toBe('')
  for (const node of cluster.nodes) {
    await late.attach(node)
    const { words } = await late.waitForReceiverError()
    expect(words).toContain(`and the missing transactions are '${purged}'`)
    await late.server.sql('STOP REPLICA', 'RESET REPLICA ALL')
  }
})

/** Every node has, and says that it has, the same. */
async function expectAgreement(): Promise<void> {
  const told = await Promise.all(cluster.nodes.map((node) => node.status()))
  const same = (pick: (status: KingbusStatus) => unknown): void => {
    expect(new Set(told.map(pick)).size).toBe(1)
  }
  same(({ gtidPurged }) => gtidPurged)
  same(({ gtidExecuted }) => gtidExecuted)
  same(({ files }) => files)
  expect(told[0]?.['files']).toBe(namesOf(cluster.node(0)).length)
}
