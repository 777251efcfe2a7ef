import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { ClusterSecret } from '../../src/cluster/cluster-secret.ts'
import { Sealer } from '../../src/cluster/desired/sealer.ts'
import { Register } from '../../src/cluster/etcd/index.ts'
import { EtcdDesired } from '../../src/cluster/index.ts'
import { userEntry, withoutUser, withUser } from '../../src/config/index.ts'
import { type Desired, DesiredUsers } from '../../src/desired/index.ts'
import {
  exampleDesired,
  exampleRetention,
  exampleSource,
} from '../../src/desired/testing/example-desired.ts'
import { waitUntil } from '../../src/lib/index.ts'
import { systemClock, systemRandom } from '../../src/platform/index.ts'
import { endEverything } from './harness/child.ts'
import { EtcdCluster, KeptLog, SECRET } from './harness/cluster/etcd-cluster.ts'
import { waitFor } from './harness/wait.ts'

let cluster: EtcdCluster
let channel = ''
let channels = 0
const stopping: AbortController[] = []
const running: Promise<void>[] = []

beforeAll(async () => {
  cluster = await EtcdCluster.start(3)
})

afterEach(async () => {
  for (const stop of stopping.splice(0)) stop.abort()
  await Promise.all(running.splice(0))
  await cluster.thaw()
})

afterAll(async () => {
  await cluster.stop()
  await endEverything()
})

const configured: Desired = { ...exampleDesired, users: [] }
const stopped = (now: Desired): Desired => ({ ...now, isSourceRunning: false })

interface Opened {
  readonly desired: EtcdDesired
  readonly log: KeptLog
}

interface OpenOptions {
  readonly first?: Desired
  readonly secret?: string
  readonly log?: KeptLog
}

/** What one node sees of it that prefers a member of its own. */
async function open(
  index: number,
  { first = configured, secret = SECRET, log = new KeptLog() }: OpenOptions = {},
): Promise<Opened> {
  const addresses = cluster.nodes.map(({ address }) => address)
  const endpoints = [...addresses.slice(index), ...addresses.slice(0, index)]
  const client = await cluster.client(endpoints)
  const random = systemRandom
  const options = {
    register: new Register({ client, channel, random, log }),
    sealer: await Sealer.from(await ClusterSecret.from(secret), random),
    first,
    clock: systemClock,
    random,
    log,
  }
  const stop = new AbortController()
  stopping.push(stop)
  const desired = new EtcdDesired(options)
  running.push(desired.run(stop.signal))
  await waitUntil(desired.isKnown, (isKnown) => isKnown, stop.signal)
  return { desired, log }
}

function newChannel(): void {
  channel = `desired-${(channels += 1)}`
}

async function two(): Promise<[Opened, Opened]> {
  newChannel()
  return [await open(0), await open(1)]
}

async function raw(name: string): Promise<string> {
  const said = await cluster
    .node(2)
    .etcdctl('get', `/kingbus/${channel}/${name}`, '--print-value-only')
  return said.trimEnd()
}

/** Waits until this node has what fulfils the condition. */
async function told({ desired, log }: Opened, condition: (now: Desired) => boolean): Promise<void> {
  const late = AbortSignal.timeout(30_000)
  const found = await waitUntil(desired.value, condition, late)
  if (found === undefined) throw new Error(`it was not told\n${log.tail()}`)
}

describe('what a cluster does', () => {
  test('is what the first node’s configuration says, and no other’s', async () => {
    newChannel()
    const other: Desired = {
      ...configured,
      self: { serverId: 1, uuid: 'bbbbbbbb-0000-4000-8000-000000000001' },
      source: { ...exampleSource, host: 'db2' },
      retention: { ...exampleRetention, maxSizeBytes: 5, maxAgeMs: 6 },
    }
    const nodes = [await open(0), await open(1, { first: other }), await open(2, { first: other })]
    for (const { desired } of nodes) expect(desired.value.value).toEqual(configured)
  })

  test('begins as one, whoever is first of those that start at once', async () => {
    newChannel()
    const firsts = [1, 2, 3].map((serverId): Desired => {
      return { ...configured, self: { ...configured.self, serverId } }
    })
    const nodes = await Promise.all(firsts.map((first, index) => open(index, { first })))
    const ids = nodes.map(({ desired }) => desired.value.value.self.serverId)
    expect(new Set(ids).size).toBe(1)
  })

  test('is changed by any node and told to all, part by part and at once', async () => {
    const [one, other] = await two()
    const wanted: Desired = {
      source: { ...exampleSource, host: 'db2', password: 'another', caFile: '/ca.pem' },
      self: { serverId: 9, uuid: 'bbbbbbbb-0000-4000-8000-000000000009' },
      isSourceRunning: false,
      retention: { maxSizeBytes: 1, maxAgeMs: 2, keepForAbsentReplicasMs: 3, ceilingBytes: 4 },
      users: [{ name: 'repl', password: 'p', rights: ['replicate'] }],
    }
    await one.desired.change(stopped)
    await told(other, ({ isSourceRunning }) => !isSourceRunning)
    expect(other.desired.value.value).toEqual({ ...configured, isSourceRunning: false })
    await other.desired.change(() => wanted)
    expect(other.desired.value.value).toEqual(wanted)
    await told(one, ({ users }) => users?.length === 1)
    await one.desired.refresh()
    expect(one.desired.value.value).toEqual(wanted)
    // A node that comes later, with a configuration that knows nothing of all this.
    expect((await open(2)).desired.value.value).toEqual(wanted)
  })

  test('takes the changes of two nodes at once, none over the other', async () => {
    const nodes = await two()
    const add = (now: Desired): Desired => ({
      ...now,
      self: { ...now.self, serverId: now.self.serverId + 1 },
    })
    for (let round = 0; round < 10; round += 1) {
      await Promise.all(nodes.map(({ desired }) => desired.change(add)))
    }
    for (const { desired } of nodes) {
      await desired.refresh()
      expect(desired.value.value.self.serverId).toBe(configured.self.serverId + 20)
    }
  })

  test('takes a decision that looks at another part only while that part is as it was', async () => {
    const [one, other] = await two()
    const isLimited = ({ retention }: Desired) => retention.maxSizeBytes !== undefined
    await one.desired.change((now) => ({
      ...now,
      retention: { ...exampleRetention, maxSizeBytes: 1 },
    }))
    await told(other, isLimited)
    // A limit only while the source runs, and no source without a limit; both at once must not end in neither.
    await Promise.all([
      one.desired.change((now) => (isLimited(now) ? { ...now, isSourceRunning: false } : now)),
      other.desired.change((now) =>
        now.isSourceRunning ? { ...now, retention: exampleRetention } : now,
      ),
    ])
    await one.desired.refresh()
    const { value } = one.desired.value
    expect([isLimited(value), value.isSourceRunning].filter(Boolean)).toHaveLength(1)
  })

  test('has users, who are added and removed from anywhere', async () => {
    const [one, other] = await two()
    const entry = await userEntry(systemRandom, {
      name: 'repl',
      password: 'p',
      rights: ['replicate'],
    })
    const add = (now: Desired): Desired => ({
      ...now,
      users: withUser(now.users ?? [], entry, 'the cluster'),
    })
    await one.desired.change(add)
    const logins = new DesiredUsers(other.desired.value)
    await told(other, () => logins.find('repl') !== undefined)
    await expect(other.desired.change(add)).rejects.toMatchObject({ code: 'E_USER_EXISTS' })
    await other.desired.change((now) => ({
      ...now,
      users: withoutUser(now.users ?? [], 'repl', 'the cluster'),
    }))
    await told(one, ({ users }) => users?.length === 0)
    // The users file of a node that starts later does not bring them back.
    const first = { ...configured, users: [entry] }
    expect((await open(2, { first })).desired.value.value.users).toEqual([])
  })

  test('is not changed by what cannot be', async () => {
    const [one] = await two()
    const before = await raw('users')
    const names = Array.from({ length: 600 }, (_, index) => `user-${index}`)
    const users = names.map((name) => ({ name, password: 'x'.repeat(100), rights: [] }))
    const many = one.desired.change((now) => ({ ...now, isSourceRunning: false, users }))
    await expect(many).rejects.toMatchObject({ code: 'E_USERS_INVALID' })
    const source = { ...exampleSource, port: 0 }
    const wrong = one.desired.change((now) => ({ ...now, source }))
    await expect(wrong).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' })
    expect(await raw('users')).toBe(before)
    expect(one.desired.value.value).toEqual(configured)
  })
})

describe('while etcd is not well', () => {
  test('what held goes on to hold, and what was changed meanwhile is told after', async () => {
    const [one, other] = await two()
    for (const index of [1, 2]) cluster.node(index).signal('SIGSTOP')
    await expect(one.desired.change(stopped)).rejects.toMatchObject({ code: 'E_ETCD_UNAVAILABLE' })
    expect(one.desired.value.value).toEqual(configured)
    for (const index of [1, 2]) cluster.node(index).signal('SIGCONT')
    await waitFor({ what: 'a change to be made' }, () =>
      other.desired.change(stopped).then(
        () => true,
        () => false,
      ),
    )
    await told(one, ({ isSourceRunning }) => !isSourceRunning)
  })

  test('a node that starts waits for it', async () => {
    newChannel()
    for (const index of [1, 2]) cluster.node(index).signal('SIGSTOP')
    const log = new KeptLog()
    const opening = open(0, { log })
    await waitFor({ what: 'the wait to be told' }, async () =>
      log.lines.some((line) => line.includes('cannot be read')),
    )
    for (const index of [1, 2]) cluster.node(index).signal('SIGCONT')
    expect((await opening).desired.value.value).toEqual(configured)
  })

  test('a change whose answer was lost is made once', async () => {
    const [one, other] = await two()
    await cluster.leadBy(1)
    const entry = { name: 'repl', password: 'p', rights: ['replicate'] } as const
    let calls = 0
    // The member hangs between the read and the write, which therefore gets no answer.
    const change = one.desired.change((now) => {
      calls += 1
      if (calls === 1) cluster.node(0).signal('SIGSTOP')
      return { ...now, users: withUser(now.users ?? [], entry, 'the cluster') }
    })
    const goOn = waitFor({ what: 'another attempt' }, async () => calls > 1)
    await goOn.finally(() => cluster.node(0).signal('SIGCONT'))
    await change
    await told(other, ({ users }) => users?.length === 1)
    await one.desired.refresh()
    expect(one.desired.value.value.users).toEqual([entry])
  })

  test('a change that was made though its answer was lost is not made again', async () => {
    const [one] = await two()
    await cluster.leadBy(0)
    const entry = { name: 'repl', password: 'p', rights: ['replicate'] } as const
    let calls = 0
    // etcd's leader has the write in its log, but nobody to agree until after its deadline.
    const change = one.desired.change((now) => {
      calls += 1
      if (calls === 1) for (const index of [1, 2]) cluster.node(index).signal('SIGSTOP')
      return { ...now, users: withUser(now.users ?? [], entry, 'the cluster') }
    })
    const cancel = systemClock.after(5500, () => {
      for (const index of [1, 2]) cluster.node(index).signal('SIGCONT')
    })
    await change
    cancel()
    await one.desired.refresh()
    expect(one.desired.value.value.users).toEqual([entry])
  })

  test('a change of which nobody can know is said to be one', async () => {
    const [one] = await two()
    const change = one.desired.change((now) => {
      for (const index of [0, 1, 2]) cluster.node(index).signal('SIGSTOP')
      return stopped(now)
    })
    await expect(change).rejects.toMatchObject({ code: 'E_CHANGE_UNSETTLED' })
    for (const index of [0, 1, 2]) cluster.node(index).signal('SIGCONT')
  })
})

describe('secrets', () => {
  test('are nowhere in etcd in clear', async () => {
    const [one] = await two()
    const users = [{ name: 'repl', password: 'secret of repl', rights: [] }]
    await one.desired.change((now) => ({ ...now, users }))
    const all = await cluster.node(0).etcdctl('get', '--prefix', `/kingbus/${channel}/`)
    expect(all).toContain('"host":"db1"')
    expect(all).toContain('v1:')
    expect(all).not.toMatch(/secret of|"repl"},/)
  })

  test('of another cluster secret, or from another key, are refused and change nothing', async () => {
    const [one] = await two()
    const foreign = new KeptLog()
    const opening = open(1, { secret: 'another secret of the cluster', log: foreign })
    await waitFor({ what: 'the other secret to be told' }, async () =>
      foreign.lines.some((line) => line.includes('E_CLUSTER_SECRET')),
    )
    for (const stop of stopping.slice(-1)) stop.abort()
    expect((await opening).desired.isKnown.value).toBe(false)
    // Whole, with its checksum, as it stands in another channel.
    const key = `/kingbus/${channel}/source`
    newChannel()
    const elsewhere = await open(1)
    await elsewhere.desired.change(stopped)
    await cluster.node(0).etcdctl('put', key, await raw('source'))
    await waitFor({ what: 'the foreign value to be told' }, async () =>
      one.log.lines.some((line) => line.includes('E_CLUSTER_SECRET')),
    )
    expect(one.desired.value.value).toEqual(configured)
    await expect(one.desired.change(stopped)).rejects.toMatchObject({ code: 'E_CLUSTER_SECRET' })
  })
})

test('a key that somebody removes leaves what held, and the next change brings it back', async () => {
  const [one, other] = await two()
  await one.desired.change(stopped)
  await told(other, ({ isSourceRunning }) => !isSourceRunning)
  await cluster.node(0).etcdctl('del', `/kingbus/${channel}/source`)
  await waitFor({ what: 'the removal to be told' }, async () =>
    other.log.lines.some((line) => line.includes('was removed')),
  )
  expect(other.desired.value.value.isSourceRunning).toBe(false)
  await other.desired.change((now) => ({ ...now, source: { ...exampleSource, host: 'db3' } }))
  await told(one, ({ source }) => source?.host === 'db3')
  expect(one.desired.value.value.isSourceRunning).toBe(false)
})
