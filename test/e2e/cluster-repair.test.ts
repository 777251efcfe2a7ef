import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flipBit } from '../../src/platform/testing/flip-bit.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { compareBinlogs } from './harness/compare.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { fetchBinlogs } from './harness/mysqlbinlog.ts'
import { Mysqld } from './harness/mysqld.ts'
import { makeRunFolder } from './harness/project.ts'
import { waitFor } from './harness/wait.ts'

/*
  Bits that flip in files of a cluster's nodes: found, named, not served, and brought back from another node, or from
  the source where no node has them.
*/

let source: Mysqld
let cluster: KingbusCluster
let rows = 0
/** closed, the source has them */
let [first, second, active] = ['', '', '']

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT KEY, text TEXT)')
  await commit(20)
  await source.sql('FLUSH BINARY LOGS')
  await commit(20)
  await source.sql('FLUSH BINARY LOGS')
  await commit(20)
  cluster = await KingbusCluster.start({ source, flags: { 'scrub-rate': '1GiB' } })
  await cluster.agreedLeader()
  await cluster.catchUpWith(source)
  const names = (await source.binlogs()).map(({ name }) => name)
  ;[first = '', second = '', active = ''] = names.slice(-3)
})
afterAll(endEverything)

async function commit(count: number): Promise<void> {
  for (let left = count; left > 0; left -= 1) {
    rows += 1
    await source.sql(`INSERT INTO d.t VALUES (${rows}, REPEAT('x', 2000))`)
  }
}

const nameOf = (node: Kingbus): string => cluster.nameOf(cluster.nodes.indexOf(node))

const pathOf = (node: Kingbus, file: string): string => join(node.binlogFolder, file)

function flip(node: Kingbus, file: string): void {
  const path = pathOf(node, file)
  flipBit(path, Math.trunc(statSync(path).size / 2))
}

async function alarmsOf(node: Kingbus): Promise<string[]> {
  const alarms = (await node.status())['alarms'] as readonly { file: string; code: string }[]
  return alarms.map(({ file, code }) => `${file} ${code}`).toSorted()
}

async function waitForDamage(node: Kingbus, ...files: readonly string[]): Promise<void> {
  const expected = files.map((file) => `${file} E_STORE_DAMAGED`).toSorted()
  const what = `alarms of ${files.join(', ')} at ${nameOf(node)}`
  await waitFor({ what, timeoutMs: 40_000 }, async () => {
    const found = await alarmsOf(node)
    return expected.every((one) => found.includes(one))
  })
}

async function fetchFrom(node: Kingbus, file: string): Promise<Buffer> {
  const folder = join(makeRunFolder('client'), 'files')
  await fetchBinlogs(node, 'BINLOG-DUMP-NON-GTIDS', file, folder)
  return readFileSync(join(folder, file))
}

/** Byte for byte the source's, at every node. */
async function expectAllEqual(): Promise<void> {
  for (const node of cluster.nodes) {
    await waitFor({ what: `no alarm at ${nameOf(node)}` }, async () => {
      return (await alarmsOf(node)).length === 0
    })
    expect((await compareBinlogs(source, node)).differences).toEqual([])
  }
  const indexes = cluster.nodes.map((node) => readFileSync(pathOf(node, `${first}.idx`)).length)
  expect(new Set(indexes).size).toBe(1)
}

test('a follower takes its file, its index and what is written to from another node', async () => {
  const [follower] = await cluster.followers()
  flip(follower, first)
  flip(follower, `${second}.idx`)
  flip(follower, active)
  await waitForDamage(follower, first, `${second}.idx`, active)
  await expect(fetchFrom(follower, first)).rejects.toThrow('did not pass crc check')

  const dry = await follower.run('repair', '--dry-run')
  expect(dry.out).toMatch(new RegExp(`${first}: can be repaired from node`))
  expect(await alarmsOf(follower)).toHaveLength(3)
  const repaired = await follower.run('repair')
  expect([repaired.code, repaired.out]).toEqual([0, expect.any(String)])
  for (const file of [first, second, active]) {
    expect(repaired.out).toMatch(new RegExp(`${file}: was repaired from node[123]`))
  }
  await commit(5)
  await cluster.catchUpWith(source)
  await expectAllEqual()
  expect((await fetchFrom(follower, first)).length).toBeGreaterThan(20 * 2000)

  // What came from another node is this node's own: it starts with it.
  await follower.restart()
  await cluster.waitForRoles({ [nameOf(follower)]: 'in-sync|leader' })
  await cluster.catchUpWith(source)
  await expectAllEqual()
})

test('the node that leads takes its file from a follower, and goes on leading', async () => {
  const leader = await cluster.leader()
  flip(leader, second)
  await waitForDamage(leader, second)
  await commit(5)
  await cluster.catchUpWith(source)
  await expect(fetchFrom(leader, second)).rejects.toThrow('did not pass crc check')
  const repaired = await leader.run('repair', second)
  expect([repaired.code, repaired.out]).toEqual([0, expect.any(String)])
  expect(repaired.out).toMatch(new RegExp(`${second}: was repaired from node[123]`))
  await commit(5)
  await cluster.catchUpWith(source)
  await expectAllEqual()
  expect(await cluster.leader()).toBe(leader)
})

test('what is damaged at every node is taken from the source, and never from a damaged copy', async () => {
  const [one, ...others] = cluster.nodes
  for (const node of cluster.nodes) flip(node, first)
  for (const node of cluster.nodes) await waitForDamage(node, first)
  const repaired = await one?.run('repair', first)
  expect([repaired?.code, repaired?.out]).toEqual([0, expect.any(String)])
  expect(repaired?.out).toContain(`${first}: was repaired from the source 127.0.0.1:`)
  for (const node of others) {
    expect((await node.run('repair')).out).toMatch(
      new RegExp(`${first}: was repaired from node[123]`),
    )
  }
  await expectAllEqual()
})
