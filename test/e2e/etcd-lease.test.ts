import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type EtcdClient, Lease } from '../../src/cluster/etcd/index.ts'
import { endEverything } from './harness/child.ts'
import { EtcdCluster, KeptLog } from './harness/cluster/etcd-cluster.ts'
import { pause, waitFor } from './harness/wait.ts'

const TTL_SECONDS = 3

let cluster: EtcdCluster
let client: EtcdClient

beforeAll(async () => {
  cluster = await EtcdCluster.start(3)
  client = await cluster.client()
})

afterEach(async () => {
  await cluster.thaw()
})

afterAll(async () => {
  await cluster.stop()
  await endEverything()
})

/** A lease with a key that hangs on it. */
async function leased(key: string): Promise<{ lease: Lease; log: KeptLog }> {
  const log = new KeptLog()
  const lease = await Lease.grant(client, TTL_SECONDS, log)
  const put = { put: key, value: Buffer.from('alive'), lease: lease.id }
  expect(await client.transact({ compare: [], success: [put] })).toMatchObject({ kind: 'answered' })
  return { lease, log }
}

async function isThere(key: string): Promise<boolean> {
  return (await client.read({ key })).entries.length > 0
}

describe('a lease', () => {
  test('is held for long beyond its time, also over a member that hangs', async () => {
    const { lease, log } = await leased('held')
    let lost: string | undefined
    void lease.lost.then((reason) => {
      lost = reason
    })
    cluster.node(0).signal('SIGSTOP')
    await pause(2.5 * lease.ttlMs)
    cluster.node(0).signal('SIGCONT')
    expect(lost, log.tail()).toBeUndefined()
    expect(lease.isHeld).toBe(true)
    expect(await isThere('held')).toBe(true)
    await lease.revoke()
  })

  test('takes its key with it when it is given back, and says so', async () => {
    const { lease } = await leased('given-back')
    await lease.revoke()
    expect(await isThere('given-back')).toBe(false)
    expect(lease.isHeld).toBe(false)
    expect(await lease.lost).toBe('it was revoked')
  })

  test('is lost within its time when etcd does not answer, before its key is gone', async () => {
    const { lease } = await leased('unanswered')
    const begun = performance.now()
    for (const node of cluster.nodes) node.signal('SIGSTOP')
    expect(await lease.lost).toBe('it was not renewed in time')
    const tookMs = performance.now() - begun
    expect(lease.isHeld).toBe(false)
    for (const node of cluster.nodes) node.signal('SIGCONT')
    expect(tookMs).toBeLessThan(lease.ttlMs + 100)
    await waitFor({ what: 'its key to go' }, async () => !(await isThere('unanswered')))
  })

  test('is lost when somebody else takes it away', async () => {
    const { lease } = await leased('taken')
    await cluster.node(1).etcdctl('lease', 'revoke', BigInt(lease.id).toString(16))
    expect(await lease.lost).toBe('etcd let it run out')
    expect(lease.isHeld).toBe(false)
  })

  test('is not held after this process stalled for longer than its time, before any timer runs', async () => {
    const { lease } = await leased('stalled')
    const until = performance.now() + lease.ttlMs + 50
    while (performance.now() < until);
    expect(lease.isHeld).toBe(false)
    expect(await lease.lost).toBe('it was not renewed in time')
  })
})
