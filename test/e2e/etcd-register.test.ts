import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { Lease, Register, type Seen } from '../../src/cluster/etcd/index.ts'
import type { ClusterState } from '../../src/cluster/index.ts'
import { systemRandom } from '../../src/platform/index.ts'
import { endEverything } from './harness/child.ts'
import { EtcdCluster, KeptLog } from './harness/cluster/etcd-cluster.ts'
import { waitFor } from './harness/wait.ts'

let cluster: EtcdCluster
let channels = 0

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

const a = { node: 'a', store: 'store-a' }
const b = { node: 'b', store: 'store-b' }
const first: ClusterState = {
  cluster: 'cluster-1',
  version: 1,
  epoch: 1,
  leader: { ...a, incarnation: 1 },
  voters: [a, b],
  inSync: [a, b],
}
const shrunk = { ...first, version: 2, inSync: [a] }
const takenOver = { ...first, version: 2, epoch: 2, leader: { ...b, incarnation: 7 } }

/** A register with nothing in it, as two nodes see it that prefer different members. */
async function registers(): Promise<{ one: Register; other: Register; log: KeptLog }> {
  const channel = `channel-${(channels += 1)}`
  const log = new KeptLog()
  const addresses = cluster.nodes.map(({ address }) => address)
  const made = await Promise.all(
    [addresses, addresses.toReversed()].map(async (endpoints) => {
      const client = await cluster.client(endpoints)
      // Connected to the one it prefers, whatever becomes of that one in the test.
      await client.status(String(endpoints[0]))
      return { client, register: new Register({ client, channel, random: systemRandom, log }) }
    }),
  )
  const [one, other] = made.map(({ register }) => register)
  if (one === undefined || other === undefined) throw new Error('two registers are made')
  return { one, other, log }
}

async function bootstrapped(): Promise<{
  one: Register
  other: Register
  log: KeptLog
  seen: Seen<ClusterState>
}> {
  const both = await registers()
  const outcome = await both.one.bootstrap(first, new Map())
  if (outcome.kind !== 'applied') throw new Error(`the bootstrap is ${outcome.kind}`)
  return { ...both, seen: outcome.seen }
}

/** Collects what a generator gives until it is stopped. */
function collect<T>(make: (signal: AbortSignal) => AsyncGenerator<T>): {
  got: T[]
  stop: () => Promise<void>
} {
  const abort = new AbortController()
  const got: T[] = []
  const running = (async () => {
    for await (const one of make(abort.signal)) got.push(one)
  })()
  return {
    got,
    stop: async () => {
      abort.abort()
      await running
    },
  }
}

describe('the state', () => {
  test('is made once, whoever tries', async () => {
    const { one, other } = await registers()
    expect(await one.state.read()).toBeUndefined()
    const outcomes = await Promise.all([
      one.bootstrap(first, new Map()),
      other.bootstrap({ ...first, cluster: 'cluster-2' }, new Map()),
    ])
    const kinds = outcomes.map(({ kind }) => kind).toSorted()
    expect(kinds).toEqual(['applied', 'refused'])
    const [applied] = outcomes.flatMap((made) => (made.kind === 'applied' ? [made.seen] : []))
    const [refused] = outcomes.flatMap((made) => (made.kind === 'refused' ? [made.current] : []))
    expect(refused).toEqual(applied)
    expect(await one.state.read()).toEqual(applied)
  })

  test('may have no leader yet, and is read as it was written', async () => {
    const { one, other } = await registers()
    const unled = { ...first, epoch: 0, leader: undefined }
    expect(await one.bootstrap(unled, new Map())).toMatchObject({ kind: 'applied' })
    expect((await other.state.read())?.content).toStrictEqual(unled)
  })

  test('is changed by whoever saw the last one, and by nobody else', async () => {
    const { one, other, seen } = await bootstrapped()
    const lease = await Lease.grant(await cluster.client(), 3, new KeptLog())
    const outcome = await other.takeOver(seen, takenOver, lease.id)
    expect(outcome).toMatchObject({ kind: 'applied', seen: { content: takenOver } })
    const refused = await one.change(seen, shrunk)
    expect(refused).toMatchObject({ kind: 'refused', current: { content: takenOver } })
    expect((await one.aliveLeader.read())?.content).toEqual({ node: 'b', incarnation: 7 })
    await lease.revoke()
  })

  test('of which a take-over is refused leaves no sign of life of the loser', async () => {
    const { one, other, seen } = await bootstrapped()
    const lease = await Lease.grant(await cluster.client(), 3, new KeptLog())
    expect(await one.change(seen, shrunk)).toMatchObject({ kind: 'applied' })
    expect(await other.takeOver(seen, takenOver, lease.id)).toMatchObject({ kind: 'refused' })
    expect(await one.aliveLeader.read()).toBeUndefined()
    await lease.revoke()
  })

  test('cannot be written with a wrong version or epoch', async () => {
    const { one, seen } = await bootstrapped()
    await expect(one.change(seen, first)).rejects.toThrow(/adds 1 to its version/)
    await expect(one.change(seen, takenOver)).rejects.toThrow(/by a take-over/)
    await expect(one.takeOver(seen, shrunk, '0')).rejects.toThrow(/adds 1 to the epoch/)
  })

  test('with a write in flight is open, until another write settles it', async () => {
    const { one, other, seen } = await bootstrapped()
    await one.state.read()
    cluster.node(0).signal('SIGSTOP')
    const outcome = await one.change(seen, shrunk)
    expect(outcome.kind).toBe('unknown')
    expect(await other.state.settle(seen)).toEqual({ kind: 'open' })
    // The same comparison again, by way of a member that answers: whichever is first, the other is dead.
    const again = await other.change(seen, { ...shrunk, inSync: [b] })
    expect(again.kind).toBe('applied')
    cluster.node(0).signal('SIGCONT')
    await cluster.node(0).etcdctl('endpoint', 'health')
    const settled = await one.state.settle(seen)
    expect(settled).toMatchObject({ kind: 'moved', current: { content: { inSync: [b] } } })
    // Nothing of the first write arrives later: the next one builds on what was settled.
    const current = settled.kind === 'moved' ? settled.current : undefined
    if (current === undefined) throw new Error('the state is gone')
    const next = { ...first, version: 3 }
    expect(await one.change(current, next)).toMatchObject({ kind: 'applied' })
  })

  test('that is written late after all is seen to have moved', async () => {
    const { one, other, seen } = await bootstrapped()
    await cluster.leadBy(0)
    await one.state.read()
    // The leader of etcd has the write in its log, but for a while nobody to agree.
    for (const index of [1, 2]) cluster.node(index).signal('SIGSTOP')
    expect((await one.change(seen, shrunk)).kind).toBe('unknown')
    await expect(other.state.settle(seen)).rejects.toMatchObject({ code: 'E_ETCD_UNAVAILABLE' })
    cluster.node(1).signal('SIGCONT')
    const settled = await waitFor({ what: 'the late write' }, async () => {
      const now = await other.state.settle(seen).catch(() => undefined)
      return now?.kind === 'moved' && now
    })
    cluster.node(2).signal('SIGCONT')
    expect(settled.current?.content).toEqual(shrunk)
  })

  test('is followed through every change, over a member that hangs', async () => {
    const { one, other, seen } = await bootstrapped()
    const { got, stop } = collect((signal) => one.state.follow(signal))
    await waitFor({ what: 'the first state' }, async () => got.length === 1)
    let last = seen
    const write = async (): Promise<void> => {
      const content = { ...last.content, version: last.content.version + 1 }
      const outcome = await other.change(last, content)
      if (outcome.kind !== 'applied') throw new Error(`the change is ${outcome.kind}`)
      last = outcome.seen
    }
    for (let change = 0; change < 50; change += 1) await write()
    await waitFor({ what: 'state 51' }, async () => got.at(-1)?.content.version === 51)
    cluster.node(0).signal('SIGSTOP')
    await waitFor({ what: 'a write past an election' }, async () => {
      const current = await other.state.read()
      if (current !== undefined) last = current
      return await write().then(
        () => true,
        () => false,
      )
    })
    const { version } = last.content
    await waitFor({ what: 'the newest state' }, async () => got.at(-1)?.content.version === version)
    cluster.node(0).signal('SIGCONT')
    await stop()
    const versions = got.map((state) => state?.content.version)
    expect(versions).toEqual(Array.from({ length: version }, (_, index) => index + 1))
  })
})

describe('what hangs on a lease', () => {
  test('goes away with it, which those who follow it see', async () => {
    const { one, other, seen } = await bootstrapped()
    const lease = await Lease.grant(await cluster.client(), 3, new KeptLog())
    await other.takeOver(seen, takenOver, lease.id)
    const { got, stop } = collect((signal) => one.aliveLeader.follow(signal))
    await waitFor({ what: 'the sign of life' }, async () => got.length === 1)
    await lease.revoke()
    await waitFor({ what: 'its end' }, async () => got.length === 2)
    await stop()
    expect(got.map((alive) => alive?.content)).toEqual([{ node: 'b', incarnation: 7 }, undefined])
  })

  test('is each node’s record, with what a newer version adds', async () => {
    const { one, other } = await registers()
    const { got, stop } = collect((signal) => other.followNodes(signal))
    const lease = await Lease.grant(await cluster.client(), 3, new KeptLog())
    const record = { store: 's', incarnation: 2, version: '0.1', peerUrl: 'https://a:1', end: 17 }
    expect(await one.announce('a', record, lease.id)).toBe(true)
    await waitFor({ what: 'the node' }, async () => got.at(-1)?.size === 1)
    expect(got.at(-1)?.get('a')).toEqual(record)
    await lease.revoke()
    await waitFor({ what: 'the node to be gone' }, async () => got.at(-1)?.size === 0)
    await stop()
  })
})

test('the token of a store is replaced by whoever knows it, once', async () => {
  const { one, other } = await registers()
  const made = await one.store('s1').swap(undefined, { token: 't1' })
  if (made.kind !== 'applied') throw new Error(`it is ${made.kind}`)
  expect((await other.store('s1').read())?.content).toEqual({ token: 't1' })
  expect(await other.store('s1').swap(made.seen, { token: 't2' })).toMatchObject({
    kind: 'applied',
  })
  // A clone of the data directory believes that 1 is the last.
  expect(await one.store('s1').swap(made.seen, { token: 't2' })).toMatchObject({
    kind: 'refused',
    current: { content: { token: 't2' } },
  })
})

describe('a value that is damaged', () => {
  test('on one member’s disk is read from another, and said', async () => {
    const { one, log, seen } = await bootstrapped()
    const victim = cluster.node(0)
    // A value that is found in the file as it is, and that is in the database, not in the log alone.
    for (let change = 0; change < 3; change += 1) await victim.etcdctl('put', 'filler', `${change}`)
    await victim.etcdctl('defrag')
    await victim.stop()
    const file = join(victim.dataDir, 'etcd', 'member', 'snap', 'db')
    const bytes = readFileSync(file)
    let flipped = 0
    for (let at = bytes.indexOf(seen.bytes); at >= 0; at = bytes.indexOf(seen.bytes, at + 1)) {
      bytes.writeUInt8(bytes.readUInt8(at + 30) ^ 1, at + 30)
      flipped += 1
    }
    expect(flipped).toBeGreaterThan(0)
    writeFileSync(file, bytes)
    void victim.start()
    await victim.waitForPhase('ready')

    // etcd hands the damaged bytes out without a word, by a linearizable read.
    const direct = await cluster.client([victim.address])
    const [entry] = (await direct.read({ key: one.state.key })).entries
    expect(entry?.value.equals(seen.bytes)).toBe(false)

    // As soon as the client has its connection to that member again, it meets the damage.
    await waitFor({ what: 'the damage to be met' }, async () => {
      expect(await one.state.read()).toEqual(seen)
      return log.lines.some((line) => line.includes('a member of etcd has a damaged value'))
    })
    expect(log.lines.join('\n')).toContain(`"damaged":["${victim.address}: its checksum is wrong"]`)
  })

  test('everywhere needs the operator', async () => {
    const { one } = await bootstrapped()
    await cluster.node(1).etcdctl('put', one.state.key, '1 00000000 {}')
    await expect(one.state.read()).rejects.toMatchObject({ code: 'E_ETCD_DAMAGED' })
  })
})

test('a day of changes leaves a database of a few megabytes', async () => {
  const { one, seen } = await bootstrapped()
  const changes = 2000
  let last = seen
  for (let change = 0; change < changes; change += 1) {
    const outcome = await one.change(last, { ...first, version: last.content.version + 1 })
    if (outcome.kind !== 'applied') throw new Error(`change ${change} is ${outcome.kind}`)
    last = outcome.seen
  }
  const said = await cluster.node(1).etcdctl('endpoint', 'status', '-w', 'json')
  const [status] = JSON.parse(said) as { Status: { dbSize: number } }[]
  // Without any compaction, which etcd does every five minutes.
  expect(status?.Status.dbSize).toBeLessThan(8 * 1024 * 1024)
}, 120_000)
