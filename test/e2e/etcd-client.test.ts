import { connect as connectTls } from 'node:tls'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Authority } from '../../src/cluster/authority.ts'
import { ClusterSecret } from '../../src/cluster/cluster-secret.ts'
import { EtcdClient, memberTls } from '../../src/cluster/etcd/index.ts'
import { systemClock } from '../../src/platform/index.ts'
import { endEverything } from './harness/child.ts'
import { EtcdCluster } from './harness/cluster/etcd-cluster.ts'
import { waitFor } from './harness/wait.ts'

let cluster: EtcdCluster

beforeAll(async () => {
  cluster = await EtcdCluster.start(3)
})

afterEach(async () => {
  await cluster.thaw()
})

afterAll(async () => {
  await cluster.stop()
  await endEverything()
})

const text = (value: string): Buffer => Buffer.from(value)

/** The numbers that a key had as values, in the order of history, as etcdctl tells them. */
async function historyOf(key: string): Promise<number[]> {
  const said = await cluster.node(0).etcdctl('get', key, '-w', 'json')
  const { kvs = [] } = JSON.parse(said) as {
    kvs?: { create_revision: number; mod_revision: number }[]
  }
  const first = kvs[0]?.create_revision ?? 0
  const last = kvs[0]?.mod_revision ?? -1
  const values: number[] = []
  for (let revision = first; revision <= last; revision += 1) {
    const then = await cluster
      .node(0)
      .etcdctl('get', key, '--rev', `${revision}`, '--print-value-only')
    const value = Number(then)
    if (values.at(-1) !== value) values.push(value)
  }
  return values
}

describe('a write', () => {
  test('whose answer is lost is unknown, and the next one goes to another member', async () => {
    const client = await cluster.client()
    const first = cluster.node(0)
    await cluster.leadBy(2)
    // From that one, so that the client is connected to it before it hangs.
    await client.read({ key: 'lost' }, first.address)
    first.signal('SIGSTOP')
    const put = { compare: [], success: [{ put: 'lost', value: text('1') }] }
    const written = await client.transact(put)
    expect(written).toMatchObject({ kind: 'unknown', why: expect.stringContaining(first.address) })
    const begun = performance.now()
    const other = { compare: [], success: [{ put: 'other', value: text('2') }] }
    expect(await client.transact(other)).toMatchObject({ kind: 'answered' })
    expect(performance.now() - begun).toBeLessThan(1000)
    // It was not sent again by way of that one.
    expect((await client.read({ key: 'lost' })).entries).toEqual([])
    first.signal('SIGCONT')
  })

  test('that is unknown may be applied later', async () => {
    await cluster.leadBy(0)
    const client = await cluster.client()
    await client.read({ key: 'late' }, cluster.node(0).address)
    // The leader has it in its log, but nobody to agree; once it has one, nobody else can be elected.
    for (const index of [1, 2]) cluster.node(index).signal('SIGSTOP')
    const written = await client.transact({
      compare: [{ key: 'late', modRevision: 0n }],
      success: [{ put: 'late', value: text('1') }],
    })
    expect(written.kind).toBe('unknown')
    cluster.node(1).signal('SIGCONT')
    const found = await waitFor({ what: 'the late write' }, async () => {
      const listing = await client.read({ key: 'late' }).catch(() => undefined)
      return listing?.entries[0]
    })
    cluster.node(2).signal('SIGCONT')
    expect(found.value.toString()).toBe('1')
    expect(found.createRevision).toBe(found.modRevision)
  })

  test('is applied, refused or unknown while leaders are killed, and each is true', async () => {
    const client = await cluster.client()
    const outcomes = { applied: [] as number[], refused: [] as number[], unknown: [] as number[] }
    const over = new AbortController()
    const writer = async (first: number): Promise<void> => {
      for (let number = first; !over.signal.aborted; number += 2) {
        try {
          const [now] = (await client.read({ key: 'race' })).entries
          const written = await client.transact({
            compare: [{ key: 'race', modRevision: now?.modRevision ?? 0n }],
            success: [{ put: 'race', value: text(`${number}`) }],
          })
          if (written.kind === 'unknown') outcomes.unknown.push(number)
          else outcomes[written.answer.succeeded ? 'applied' : 'refused'].push(number)
        } catch (thrown) {
          expect(thrown).toMatchObject({ code: 'E_ETCD_UNAVAILABLE' })
        }
      }
    }
    const writers = [writer(1), writer(2)]
    for (let kill = 0; kill < 4 || (kill < 12 && outcomes.unknown.length === 0); kill += 1) {
      const before = outcomes.applied.length
      const leader = await cluster.leader()
      const { pid } = leader
      leader.signal('SIGKILL')
      await waitFor({ what: 'the member again' }, async () => leader.pid !== pid)
      await cluster.waitUntilReady()
      await waitFor({ what: 'writes again' }, async () => outcomes.applied.length > before + 20)
    }
    over.abort()
    await Promise.all(writers)

    const history = await historyOf('race')
    const counts = new Map<number, number>()
    for (const value of history) counts.set(value, (counts.get(value) ?? 0) + 1)
    expect(outcomes.applied.filter((number) => counts.get(number) !== 1)).toEqual([])
    expect(outcomes.refused.filter((number) => counts.has(number))).toEqual([])
    const possible = new Set([...outcomes.applied, ...outcomes.unknown])
    expect(history.filter((number) => !possible.has(number))).toEqual([])
    expect([...counts.values()].every((count) => count === 1)).toBe(true)
    expect(outcomes.refused.length).toBeGreaterThan(0)
    expect(outcomes.unknown.length).toBeGreaterThan(0)
  })

  test('that etcd refuses is an error in its words, not unknown', async () => {
    const client = await cluster.client()
    const sizes = [
      [1.6, 'request is too large'],
      [2.5, 'received message larger than max'],
    ] as const
    for (const [megabytes, words] of sizes) {
      const big = { put: 'big', value: Buffer.alloc(megabytes * 1024 * 1024) }
      await expect(client.transact({ compare: [], success: [big] })).rejects.toMatchObject({
        code: 'E_ETCD_REFUSED',
        message: expect.stringContaining(words),
      })
    }
    const leased = { put: 'leased', value: text('x'), lease: '4711' }
    await expect(client.transact({ compare: [], success: [leased] })).rejects.toMatchObject({
      code: 'E_ETCD_REFUSED',
      message: expect.stringContaining('requested lease not found'),
    })
  })

  test('that reached nobody was not made, and says so', async () => {
    const client = await cluster.client(['127.0.0.1:1'])
    const put = { compare: [], success: [{ put: 'nowhere', value: text('x') }] }
    await expect(client.transact(put)).rejects.toMatchObject({
      code: 'E_ETCD_UNAVAILABLE',
      message: expect.stringContaining('nothing was written'),
    })
  })
})

describe('a read', () => {
  test('sees what was written a moment before by way of another member', async () => {
    const writer = await cluster.client([cluster.node(0).address])
    const reader = await cluster.client([cluster.node(2).address])
    for (let number = 0; number < 200; number += 1) {
      await writer.transact({ compare: [], success: [{ put: 'seen', value: text(`${number}`) }] })
      const [entry] = (await reader.read({ key: 'seen' })).entries
      expect(entry?.value.toString()).toBe(`${number}`)
    }
  })

  test('goes to another member when the first hangs, and there first the next time', async () => {
    const client = await cluster.client()
    await client.read({ key: 'any' }, cluster.node(0).address)
    cluster.node(0).signal('SIGSTOP')
    try {
      const begun = performance.now()
      await client.read({ key: 'any' })
      const firstMs = performance.now() - begun
      await client.read({ key: 'any' })
      expect(firstMs).toBeLessThan(4500)
      expect(performance.now() - begun - firstMs).toBeLessThan(1000)
    } finally {
      cluster.node(0).signal('SIGCONT')
    }
  })

  test('ends within its time when nobody answers', async () => {
    const client = await cluster.client()
    await client.read({ key: 'any' })
    for (const node of cluster.nodes) node.signal('SIGSTOP')
    const begun = performance.now()
    const reading = client.read({ key: 'any' })
    await expect(reading).rejects.toMatchObject({ code: 'E_ETCD_UNAVAILABLE' })
    expect(performance.now() - begun).toBeLessThan(6500)
    for (const node of cluster.nodes) node.signal('SIGCONT')
    await client.read({ key: 'any' })
  })
})

describe('a stranger', () => {
  async function strangerOf(secret: string): Promise<EtcdClient> {
    const theirs = await Authority.from(await ClusterSecret.from(secret))
    const own = await theirs.issueForClient('stranger')
    // It believes our certificates, so that it is etcd that refuses.
    const tls = { ...memberTls(cluster.authority, own) }
    return new EtcdClient({ endpoints: [cluster.node(0).address], tls, clock: systemClock })
  }

  test('with a certificate of another secret reads nothing', async () => {
    const client = await strangerOf('another secret than the cluster’s')
    await expect(client.read({ key: 'any' })).rejects.toMatchObject({ code: 'E_ETCD_UNAVAILABLE' })
    client.close()
    const known = await strangerOf('a secret of the test cluster')
    await known.read({ key: 'any' })
    known.close()
  })

  test('that poses as a member is not believed', async () => {
    const own = await cluster.authority.issueForClient('test')
    const theirs = await Authority.from(
      await ClusterSecret.from('another secret than the cluster’s'),
    )
    const endpoints = [cluster.node(0).address]
    const client = new EtcdClient({ endpoints, tls: memberTls(theirs, own), clock: systemClock })
    await expect(client.read({ key: 'any' })).rejects.toMatchObject({ code: 'E_ETCD_UNAVAILABLE' })
    client.close()
  })

  test.each([
    ['peer', 'no certificate', undefined],
    ['client', 'no certificate', undefined],
    ['peer', 'a foreign one', 'another secret than the cluster’s'],
    ['client', 'a foreign one', 'another secret than the cluster’s'],
  ])('is told nothing at the %s port with %s', async (port, _what, secret) => {
    const { settings } = cluster.node(0)
    const url = new URL(port === 'peer' ? settings.peerUrl : settings.clientUrl)
    const theirs = secret && (await Authority.from(await ClusterSecret.from(secret)))
    const issued = theirs ? await theirs.issueForClient('stranger') : undefined
    const said = await new Promise<string>((resolve) => {
      const options = {
        host: url.hostname,
        port: Number(url.port),
        rejectUnauthorized: false,
        ...(issued && { cert: issued.certificate, key: issued.key }),
      }
      const socket = connectTls(options, () => {
        socket.write('GET /version HTTP/1.1\r\nHost: x\r\n\r\n')
      })
      let bytes = ''
      socket.on('data', (piece) => {
        bytes += String(piece)
      })
      socket.on('error', (error) => resolve(`${bytes}${error.message}`))
      socket.on('close', () => resolve(bytes))
    })
    expect(said).toMatch(/alert/)
    expect(said).not.toContain('etcdserver')
  })

  test('with the certificate of the cluster is answered at the same port', async () => {
    // So that the refusals above are known to come from the certificate alone.
    expect(await cluster.node(0).etcdctl('endpoint', 'health')).toContain('is healthy')
  })
})
