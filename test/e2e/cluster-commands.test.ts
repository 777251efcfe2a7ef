import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { createConnection } from 'mysql2/promise'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { killWithEtcds } from './harness/cluster/etcd-processes.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from './harness/mysqld.ts'
import { etcdProgram, makeRunFolder, projectFolder } from './harness/project.ts'
import { waitFor } from './harness/wait.ts'

const execute = promisify(execFile)

/*
  What people ask of a cluster, at whichever of its nodes.
*/

let source: Mysqld
let cluster: KingbusCluster
let rows = 0

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  cluster = await KingbusCluster.start({ source })
  await cluster.leader()
  await cluster.catchUpWith(source)
})
afterAll(endEverything)

type Json = Readonly<Record<string, unknown>>

interface Answer {
  readonly status: number
  readonly body: Json
}

async function ask(node: Kingbus, request: string, body?: object): Promise<Answer> {
  const [method = '', path = ''] = request.split(' ')
  const headers = { 'content-type': 'application/json' }
  const given = body === undefined ? {} : { body: JSON.stringify(body) }
  const answer = await fetch(`${node.adminUrl}${path}`, { method, headers, ...given })
  return { status: answer.status, body: (await answer.json()) as Json }
}

const nameOf = (node: Kingbus): string => `node${cluster.nodes.indexOf(node) + 1}`

async function insert(): Promise<void> {
  rows += 1
  await source.sql(`INSERT INTO d.t VALUES (${rows})`)
}

async function logIn(node: Kingbus, user: string, password: string): Promise<void> {
  const connection = await createConnection({ port: node.port, user, password })
  connection.destroy()
}

test('a follower says who reads the source, and what that node says of it', async () => {
  const leader = await cluster.agreedLeader()
  const [one] = await cluster.followers()
  const { source: own, cluster: part } = await one.status()
  expect(own).toMatchObject({ state: 'follower', leader: nameOf(leader), error: null })
  expect(part).toEqual({
    leader: nameOf(leader),
    role: 'in-sync',
    epoch: expect.any(Number),
    trouble: null,
  })
  const { body } = await ask(one, 'GET /api/v1/source')
  expect(body).toMatchObject({ state: 'streaming', leader: nameOf(leader) })
  expect(body['serverUuid']).toMatch(/-/)
  const page = async (node: Kingbus) => await (await fetch(`${node.adminUrl}/metrics`)).text()
  expect(await page(leader)).toMatch(
    /^kingbus_cluster_leads 1$[^]*^kingbus_cluster_nodes\{role="in-sync"\} 2$[^]*_lag_records\{node="node/m,
  )
  expect(await page(one)).toMatch(/^kingbus_cluster_leads 0$/m)
  expect(await page(one)).not.toContain('kingbus_cluster_nodes{')
})

test('a source that is stopped at a follower stays so when the leader is killed', async () => {
  const leader = await cluster.agreedLeader()
  const [one, other] = await cluster.followers()
  const stopped = await ask(one, 'POST /api/v1/source/stop')
  expect(stopped).toMatchObject({ status: 200, body: { state: 'stopped', leader: nameOf(leader) } })
  expect((await leader.status()).source.state).toBe('stopped')
  await other.waitForState('stopped')
  const { gtidExecuted } = await leader.status()
  await leader.kill9()
  await insert()
  const next = await cluster.agreedLeader()
  expect(next).not.toBe(leader)
  for (const node of [one, other]) await node.waitForState('stopped')
  await leader.launch()
  await leader.waitForState('stopped')
  for (const node of [one, other]) {
    expect((await node.status()).gtidExecuted).toBe(gtidExecuted)
  }
  const [follower] = await cluster.followers()
  const started = await ask(follower, 'POST /api/v1/source/start')
  expect(started.body['leader']).toBe(nameOf(await cluster.agreedLeader()))
  expect(started.body['state']).toMatch(/connecting|streaming/)
  await cluster.catchUpWith(source)
})

test('users are those of every node, whichever was told', async () => {
  const [one, two, three] = cluster.nodes as [Kingbus, Kingbus, Kingbus]
  const user = { name: 'reader', password: 'r-s3cret' }
  const added = await ask(one, 'POST /api/v1/users', user)
  expect(added.body).toMatchObject([
    { name: replicationUser, rights: ['replicate'] },
    { name: 'reader', rights: ['replicate'] },
  ])
  await waitFor({ what: 'the user on another node' }, async () => {
    return await logIn(two, user.name, user.password).then(
      () => true,
      () => false,
    )
  })
  expect(await ask(two, 'POST /api/v1/users', user)).toMatchObject({
    status: 409,
    body: { code: 'E_USER_EXISTS' },
  })
  await ask(three, 'DELETE /api/v1/users/reader')
  await waitFor({ what: 'the user to be gone' }, async () => {
    return await logIn(one, user.name, user.password).then(
      () => false,
      () => true,
    )
  })
  const start = { addr: `127.0.0.1:${two.port}`, user: 'kb', password: 'kb-s3cret' }
  expect((await ask(two, 'PUT /binlog/server/start', start)).status).toBe(200)
  await waitFor({ what: 'the user of the first Kingbus' }, async () => {
    return await logIn(three, 'kb', 'kb-s3cret').then(
      () => true,
      () => false,
    )
  })
})

test('the syncer of the first Kingbus is asked and told at a follower', async () => {
  const leader = await cluster.agreedLeader()
  const [one] = await cluster.followers()
  const { body } = await ask(one, 'GET /binlog/syncer/status')
  const data = body['data'] as Json
  expect(data).toMatchObject({ status: 'running', mysql_addr: `127.0.0.1:${source.port}` })
  expect((await ask(one, 'PUT /binlog/syncer/stop')).status).toBe(200)
  expect((await leader.status()).source.state).toBe('stopped')
  const after = await ask(one, 'GET /binlog/syncer/status')
  expect(after.body['data']).toMatchObject({ status: 'stopped' })
  const start = { ...data, mysql_password: replicationPassword, syncer_id: 4711 }
  expect((await ask(one, 'PUT /binlog/syncer/start', start)).body['data']).toBe(0)
  await leader.waitForState('streaming')
  const { syncer_id: id } = (await ask(one, 'GET /binlog/syncer/status')).body['data'] as Json
  expect(id).toBe(4711)
  await insert()
  await cluster.catchUpWith(source)
})

test('SQL at a follower stops and starts the source on the leader, and purges on every node', async () => {
  const leader = await cluster.agreedLeader()
  const [one, other] = await cluster.followers()
  const administrator = { name: 'dba', password: 'd-s3cret', rights: ['monitor', 'administer'] }
  expect((await ask(one, 'POST /api/v1/users', administrator)).status).toBe(200)
  const connection = await createConnection({ port: one.port, user: 'dba', password: 'd-s3cret' })
  const status = async (): Promise<Json> => {
    const [rows] = await connection.query('SHOW REPLICA STATUS')
    return (rows as Json[])[0] ?? {}
  }
  expect(await status()).toMatchObject({ Replica_IO_Running: 'Yes', Source_Port: source.port })
  await connection.query('STOP REPLICA')
  expect((await leader.status()).source.state).toBe('stopped')
  await other.waitForState('stopped')
  expect(await status()).toMatchObject({ Replica_IO_Running: 'No', Last_IO_Errno: 0 })
  await connection.query(
    "CHANGE REPLICATION SOURCE TO SOURCE_HOST='localhost', SOURCE_PASSWORD=?",
    [replicationPassword],
  )
  expect(await status()).toMatchObject({ Source_Host: 'localhost', Replica_IO_Running: 'No' })
  await connection.query('START REPLICA')
  await leader.waitForState('streaming')
  await source.sql('FLUSH BINARY LOGS')
  await insert()
  await cluster.catchUpWith(source)
  const newest = leader.binlogs().at(-1)?.name
  expect(leader.binlogs().length).toBeGreaterThan(1)
  await connection.query('PURGE BINARY LOGS TO ?', [newest])
  for (const node of cluster.nodes) {
    await waitFor({ what: `${nameOf(node)} to have one file` }, async () => {
      return await Promise.resolve(node.binlogs().length === 1)
    })
  }
  await connection.end()
})

test('any node takes a switch of the source, which the node that leads looks into', async () => {
  const [one] = await cluster.followers()
  const switchTo = async (port: number, dryRun: boolean): Promise<Answer> => {
    const body = { address: `127.0.0.1:${port}`, password: replicationPassword, dryRun }
    return await ask(one, 'POST /api/v1/source/switch', body)
  }
  const looked = await switchTo(source.port, true)
  expect(looked).toMatchObject({
    status: 200,
    body: { switched: false, refusal: null, isSameServer: true, begins: { isNew: false } },
  })
  const unreachable = await switchTo(1, true)
  expect(unreachable.body).toMatchObject({ refusal: { code: 'E_SOURCE_UNREACHABLE' } })
  const refused = await switchTo(1, false)
  expect(refused).toMatchObject({ status: 409, body: { code: 'E_SWITCH_REFUSED' } })
  const switched = await switchTo(source.port, false)
  expect(switched).toMatchObject({ status: 200, body: { switched: true, refusal: null } })
  await cluster.catchUpWith(source)
})

test('settings are changed at any node, and a node that is configured otherwise says so', async () => {
  const [one, other] = await cluster.followers()
  const limit = {
    maxSizeBytes: 2 ** 40,
    maxAgeMs: null,
    keepForAbsentReplicasMs: 3_600_000,
    ceilingBytes: 2 ** 41,
  }
  expect((await ask(one, 'PUT /api/v1/retention', limit)).body).toEqual(limit)
  await waitFor({ what: 'the limit on another node' }, async () => {
    const { body } = await ask(other, 'GET /api/v1/retention')
    return body['maxSizeBytes'] === limit.maxSizeBytes
  })
  const refused = await ask(one, 'PUT /api/v1/source', { address: '127.0.0.1:1' })
  expect(refused).toMatchObject({ status: 400, body: { code: 'E_CONFIG_INVALID' } })
  const set = await ask(one, 'PUT /api/v1/source', { semiSync: true })
  expect(set.body['semiSync']).toMatchObject({ wanted: true })
  await cluster.leader()
  await other.stop()
  other.setSourceUrl(`mysql://${replicationUser}@127.0.0.1:1`)
  await other.launch()
  await waitFor({ what: 'the warning' }, async () => {
    return other.logTail(200).includes('source.url holds as the cluster has it')
  })
  expect(other.logTail(200)).toContain('by kingbus source set')
})

test('etcdctl talks to a node’s etcd by what `cluster certs` has made, and not without', async () => {
  const certs = join(makeRunFolder('certs'), 'certs')
  const program = join(projectFolder, 'bin', 'kingbus')
  const made = ['cluster', 'certs', certs, '--secret-file', cluster.secretFile, '--json']
  const { authority, client } = JSON.parse((await execute(program, made)).stdout)
  const trust = ['--endpoints', cluster.etcdUrlOf(0), '--cacert', authority]
  const etcdctl = async (...args: readonly string[]) =>
    await execute(etcdProgram('etcdctl'), [...trust, ...args])
  const proof = ['--cert', client.certificate, '--key', client.key]
  const keys = await etcdctl(...proof, 'get', '--prefix', '--keys-only', '')
  expect(keys.stdout).toContain('/kingbus/main/')
  await expect(etcdctl('endpoint', 'health', '--command-timeout', '2s')).rejects.toThrow()
})

test('without a majority the node that is left says that the leader does not answer', async () => {
  const leader = await cluster.agreedLeader()
  const [one, other] = await cluster.followers()
  // While one of their etcds lives, the node that is left may begin to lead.
  await killWithEtcds([leader, other])
  const answer = await ask(one, 'GET /api/v1/source')
  expect(answer.status).toBe(503)
  expect(answer.body['code']).toMatch(/^E_PEER_UNREACHABLE$|^E_NOT_LEADER$/)
  expect((await ask(one, 'GET /binlog/syncer/status')).body['data']).toBeNull()
  expect((await one.status()).source.state).toBe('follower')
})
