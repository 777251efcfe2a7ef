import { copyFileSync, readFileSync, statSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { flipBit } from '../../src/platform/testing/flip-bit.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import type { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld } from './harness/mysqld.ts'
import { waitFor } from './harness/wait.ts'

let source: Mysqld
let cluster: KingbusCluster

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 1 })
  cluster = await KingbusCluster.start({ source })
})
afterAll(endEverything)

interface Alarm {
  readonly code: string
  readonly file: string
  readonly from: number
  readonly to: number
  readonly message: string
}

const ALARM_CODES = /E_STORE_DAMAGED|E_COPIES_DIFFER/

/** What one node says of the alarms of all. */
async function alarmsBy(asked: Kingbus): Promise<ReadonlyMap<string, readonly Alarm[]>> {
  const answer = await asked.request('GET', '/api/v1/cluster')
  const { nodes } = answer as { readonly nodes: { name: string; alarms: Alarm[] }[] }
  return new Map(nodes.map(({ name, alarms }) => [name, alarms]))
}

test('a byte that changes in a closed file of a follower is its alarm, and the cluster goes on', async () => {
  const leader = await cluster.leader()
  const load = await Load.start(source, { seed: 31, restMs: 2 })
  await waitFor({ what: 'a load' }, async () => load.committed > 100)
  const [closed] = await source.binlogs()
  await source.sql('FLUSH BINARY LOGS')
  const { committed } = load
  await waitFor({ what: 'more in another file' }, async () => load.committed > committed + 100)
  await cluster.waitForRoles({
    node1: 'leader|in-sync',
    node2: 'leader|in-sync',
    node3: 'leader|in-sync',
  })
  const damaged = cluster.nodes.find((node) => node !== leader)
  const held = damaged?.binlogs().find(({ name }) => name === closed?.name)
  if (damaged === undefined || held === undefined) throw new Error('there is no closed file')
  const checked = 'kingbus_scrub_bytes_total'
  for (const node of cluster.nodes) {
    await waitFor({ what: 'a file to be checked' }, async () => (await node.metric(checked)) > 0)
  }
  expect([...(await alarmsBy(leader)).values()].flat()).toEqual([])

  const position = 1000
  flipBit(held.path, position)
  const name = cluster.nameOf(cluster.nodes.indexOf(damaged))
  const [alarm] = await waitFor({ what: 'an alarm', timeoutMs: 60_000 }, async () => {
    const alarms = (await alarmsBy(leader)).get(name)
    return alarms !== undefined && alarms.length > 0 && alarms
  })
  expect(alarm).toMatchObject({ code: 'E_STORE_DAMAGED', file: held.name })
  expect(alarm?.from).toBeLessThanOrEqual(position)
  expect(alarm?.to).toBeGreaterThan(position)

  const lines = readFileSync(damaged.logFile, 'utf8')
    .split('\n')
    .filter((line) => ALARM_CODES.test(line))
  expect(lines).toHaveLength(1)
  const { code, file, from, to } = alarm ?? {}
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 'error',
    code,
    file,
    from,
    to,
  })
  const damagedRanges = 'kingbus_file_alarms{kind="damaged"}'
  expect(await damaged.metric(damagedRanges)).toBe(1)
  expect(await damaged.status()).toMatchObject({ cluster: { role: 'in-sync' }, alarms: [alarm] })

  // The others have looked at the file since, and say nothing.
  const others = cluster.nodes.filter((node) => node !== damaged)
  for (const node of others) {
    const before = await node.metric(checked)
    const patience = { what: 'another look at the file', timeoutMs: 60_000 }
    await waitFor(patience, async () => (await node.metric(checked)) > before)
    expect(await node.metric(damagedRanges)).toBe(0)
    expect(readFileSync(node.logFile, 'utf8')).not.toMatch(ALARM_CODES)
  }
  const now = load.committed
  await waitFor({ what: 'more of the load' }, async () => load.committed > now + 100)
  await load.stop()
  await cluster.catchUpWith(source)
  expect(await cluster.leader()).toBe(leader)

  // As the guide says: the file of another node in its place.
  await damaged.stop()
  copyFileSync(leader.binlogs().find(({ name }) => name === held.name)?.path ?? '', held.path)
  await damaged.launch()
  await cluster.waitForRoles({ [name]: 'in-sync' })
  const { size } = statSync(held.path)
  await waitFor(
    { what: 'the file to be checked' },
    async () => (await damaged.metric(checked)) > size,
  )
  expect((await alarmsBy(leader)).get(name)).toEqual([])
})
