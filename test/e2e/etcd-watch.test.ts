import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { type EtcdClient, type WatchMessage, watch } from '../../src/cluster/etcd/index.ts'
import { systemRandom } from '../../src/platform/index.ts'
import { endEverything } from './harness/child.ts'
import { EtcdCluster, KeptLog } from './harness/cluster/etcd-cluster.ts'
import { CutProxy } from './harness/network/cut-proxy.ts'
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

/** `revision kind key=value` of one change. */
type Change = string

/** A watch of a prefix that keeps all that it is told. */
class Watcher {
  readonly changes: Change[] = []
  readonly gaps: Extract<WatchMessage, { kind: 'compacted' }>[] = []
  readonly log = new KeptLog()
  readonly #stop = new AbortController()
  readonly #running: Promise<void>

  constructor(client: EtcdClient, prefix: string, from: bigint) {
    const options = { range: { prefix }, from, random: systemRandom, log: this.log }
    this.#running = this.#take(watch(client, options, this.#stop.signal))
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#running
  }

  async waitFor(last: Change): Promise<void> {
    const explain = (): string => `; the last is ${this.changes.at(-1)}\n${this.log.tail()}`
    const patience = { what: `the change ${last}`, timeoutMs: 60_000, explain }
    await waitFor(patience, async () => this.changes.includes(last))
  }

  async #take(messages: AsyncGenerator<WatchMessage>): Promise<void> {
    for await (const message of messages) {
      if (message.kind === 'compacted') this.gaps.push(message)
      else {
        for (const { kind, entry } of message.events) {
          this.changes.push(`${entry.modRevision} ${kind} ${entry.key}=${entry.value.toString()}`)
        }
      }
    }
  }
}

/** Writes transactions of several keys below a prefix, and keeps what it knows to have been written. */
class Writer {
  readonly changes: Change[] = []
  readonly #client: EtcdClient
  readonly #prefix: string
  #number = 0

  constructor(client: EtcdClient, prefix: string) {
    this.#client = client
    this.#prefix = prefix
  }

  /** One transaction: some keys put, in every third one of them removed. */
  async write(size = 0): Promise<void> {
    const number = (this.#number += 1)
    const puts = Array.from({ length: 1 + (number % 4) }, (_, index) => ({
      put: `${this.#prefix}${index}`,
      value: `${number}${'.'.repeat(size)}`,
    }))
    const removed = number % 3 === 0 ? `${this.#prefix}gone-${number - 3}` : undefined
    const left = number % 3 === 0 ? [{ put: `${this.#prefix}gone-${number}`, value: 'x' }] : []
    const written = await this.#client.transact({
      compare: [],
      success: [
        ...[...puts, ...left].map(({ put, value }) => ({ put, value: Buffer.from(value) })),
        ...(removed === undefined ? [] : [{ remove: removed }]),
      ],
    })
    // Whoever writes here goes by way of a member that nobody disturbs.
    if (written.kind === 'unknown') throw new Error(`a write is unknown: ${written.why}`)
    const { revision } = written.answer
    for (const { put, value } of [...puts, ...left]) {
      this.changes.push(`${revision} put ${put}=${value}`)
    }
    if (removed !== undefined && number > 3) this.changes.push(`${revision} delete ${removed}=`)
  }

  get last(): Change {
    return this.changes.at(-1) ?? ''
  }
}

/** Orders changes of one revision by key, since their order within it means nothing. */
function ordered(changes: readonly Change[]): Change[] {
  const keyOf = (change: Change): string => change.split(' ')[2]?.split('=')[0] ?? ''
  return changes
    .map((change) => ({
      change,
      revision: BigInt(change.split(' ')[0] ?? '0'),
      key: keyOf(change),
    }))
    .sort((one, other) => {
      if (one.revision !== other.revision) return one.revision < other.revision ? -1 : 1
      return one.key < other.key ? -1 : 1
    })
    .map(({ change }) => change)
}

function revisionsOf(changes: readonly Change[]): bigint[] {
  return changes.map((change) => BigInt(change.split(' ')[0] ?? '0'))
}

/** Every change once, and the revisions in their order. */
function expectExact(watcher: Watcher, writer: Writer): void {
  expect(ordered(watcher.changes)).toEqual(ordered(writer.changes))
  const revisions = revisionsOf(watcher.changes)
  const isOrdered = revisions.every((revision, index) => revision >= (revisions[index - 1] ?? 0n))
  expect(isOrdered).toBe(true)
}

async function proxyOf(index: number): Promise<CutProxy> {
  return await CutProxy.start(Number(cluster.node(index).address.split(':')[1]))
}

async function nextRevision(client: EtcdClient): Promise<bigint> {
  return (await client.read({ key: 'any' })).revision + 1n
}

/** The client that is disturbed is connected to the first member; the writer goes by way of the last one alone. */
async function clients(): Promise<{ disturbed: EtcdClient; calm: EtcdClient }> {
  const disturbed = await cluster.client()
  await disturbed.read({ key: 'any' }, cluster.node(0).address)
  return { disturbed, calm: await cluster.client([cluster.node(2).address]) }
}

describe('a watch gives every change once, in order', () => {
  test('over cut connections, a killed member and one that hangs', async () => {
    await cluster.leadBy(2)
    const { calm } = await clients()
    const proxies = await Promise.all([0, 1].map(async (index) => await proxyOf(index)))
    const disturbed = await cluster.client(proxies.map(({ port }) => `127.0.0.1:${port}`))
    const writer = new Writer(calm, 'exact/')
    const watcher = new Watcher(disturbed, 'exact/', await nextRevision(calm))
    const disturbances = [
      ...Array.from({ length: 12 }, () => () => {
        for (const proxy of proxies) proxy.cut()
      }),
      () => cluster.node(0).signal('SIGKILL'),
      () => cluster.node(1).signal('SIGSTOP'),
    ]
    for (const disturb of disturbances) {
      for (let count = 0; count < 20; count += 1) await writer.write()
      disturb()
      for (let count = 0; count < 20; count += 1) await writer.write()
      await watcher.waitFor(writer.last)
    }
    cluster.node(1).signal('SIGCONT')
    await writer.write()
    await watcher.waitFor(writer.last)
    await watcher.stop()
    for (const proxy of proxies) await proxy.close()
    expectExact(watcher, writer)
    const breaks = watcher.log.lines.filter((line) => line.includes('broke off'))
    expect(breaks.length).toBeGreaterThanOrEqual(disturbances.length)
    await cluster.waitUntilReady()
  })

  test('from the middle of history, with revisions that come in fragments', async () => {
    const { calm, disturbed } = await clients()
    const from = await nextRevision(calm)
    const writer = new Writer(calm, 'large/')
    // More than one message takes (1.5 MiB), and transactions that are cut in two.
    for (let count = 0; count < 40; count += 1) await writer.write(200_000)
    const watcher = new Watcher(disturbed, 'large/', from)
    await watcher.waitFor(writer.last)
    await watcher.stop()
    expectExact(watcher, writer)
  })

  test('when the catch-up itself is cut again and again', async () => {
    const { calm } = await clients()
    const from = await nextRevision(calm)
    const writer = new Writer(calm, 'behind/')
    // etcd catches up in batches of 1000 revisions.
    for (let count = 0; count < 1500; count += 1) await writer.write(500)
    const proxy = await proxyOf(0)
    const client = await cluster.client([`127.0.0.1:${proxy.port}`])
    proxy.cutAfter(120_000)
    const watcher = new Watcher(client, 'behind/', from)
    for (let cut = 1; cut <= 5; cut += 1) {
      await waitFor({ what: `cut ${cut}` }, async () => proxy.cuts >= cut)
      proxy.cutAfter(120_000 + cut * 300_000)
    }
    proxy.pass()
    await watcher.waitFor(writer.last)
    await watcher.stop()
    await proxy.close()
    expectExact(watcher, writer)
  })

  test('when its member hangs, at another one within seconds', async () => {
    await cluster.leadBy(2)
    const { calm, disturbed } = await clients()
    const writer = new Writer(calm, 'hang/')
    const watcher = new Watcher(disturbed, 'hang/', await nextRevision(calm))
    await writer.write()
    await watcher.waitFor(writer.last)
    cluster.node(0).signal('SIGSTOP')
    await writer.write()
    const begun = performance.now()
    await watcher.waitFor(writer.last)
    expect(performance.now() - begun).toBeLessThan(8000)
    cluster.node(0).signal('SIGCONT')
    await watcher.stop()
    expectExact(watcher, writer)
    expect(watcher.log.lines.join('\n')).toContain('nothing was heard for 4000 ms')
  })

  test('when its member is cut off from the others, which it tells', async () => {
    const { disturbed } = await clients()
    const first = await cluster.client([cluster.node(0).address])
    const watcher = new Watcher(disturbed, 'alone/', await nextRevision(disturbed))
    const writer = new Writer(first, 'alone/')
    await writer.write()
    await watcher.waitFor(writer.last)
    cluster.node(1).signal('SIGSTOP')
    cluster.node(2).signal('SIGSTOP')
    const explain = (): string => watcher.log.tail()
    await waitFor({ what: 'the watch to notice', explain }, async () => {
      return watcher.log.lines.some((line) => line.includes('no leader'))
    })
    cluster.node(1).signal('SIGCONT')
    cluster.node(2).signal('SIGCONT')
    await cluster.leader()
    await waitFor({ what: 'a write' }, async () => {
      await first.read({ key: 'any' })
      return true
    })
    await writer.write()
    await watcher.waitFor(writer.last)
    await watcher.stop()
    expectExact(watcher, writer)
  })
})

test('a watch that history no longer has says from where to where, and goes on', async () => {
  const { calm } = await clients()
  const proxy = await proxyOf(0)
  const client = await cluster.client([`127.0.0.1:${proxy.port}`])
  const writer = new Writer(calm, 'old/')
  const watcher = new Watcher(client, 'old/', await nextRevision(calm))
  await writer.write()
  await watcher.waitFor(writer.last)
  proxy.refuse()
  for (let count = 0; count < 10; count += 1) await writer.write()
  const kept = revisionsOf(writer.changes).at(-1) ?? 0n
  await cluster.node(2).etcdctl('compact', `${kept}`, '--physical')
  for (let count = 0; count < 10; count += 1) await writer.write()
  proxy.pass()
  await watcher.waitFor(writer.last)
  await watcher.stop()
  await proxy.close()

  expect(watcher.gaps).toHaveLength(1)
  const [gap] = watcher.gaps
  expect(gap?.resumesAt).toBe(kept)
  const first = revisionsOf(writer.changes)[0] ?? 0n
  expect(gap?.from).toBeGreaterThan(first)
  expect(gap?.from).toBeLessThan(kept)
  const seen = new Set(watcher.changes)
  const missed = writer.changes.filter((change) => !seen.has(change))
  // All that is missing lies in the gap that was told.
  for (const revision of revisionsOf(missed)) {
    expect(revision >= (gap?.from ?? 0n) && revision < kept).toBe(true)
  }
  expect(missed.length).toBeGreaterThan(0)
})
