import { createHmac } from 'node:crypto'
import { afterEach, expect, test, vi } from 'vitest'
import { type Logger, OperationalError, silentLogger } from '../../lib/index.ts'
import { Authority } from '../authority.ts'
import { ClusterSecret } from '../cluster-secret.ts'
import {
  encodeGreeting,
  GREETING_HEAD_BYTES,
  type Greeting,
  PROOF_BYTES,
  sharedVersion,
} from './greeting.ts'
import { callPeer, dialPeer, type LinkLimits, type LinkOptions, type PeerLink } from './index.ts'
import type { Intake } from './intake.ts'
import { listenAs, optionsOf, type Scheme } from './testing/link-pair.ts'
import { relayTo } from './testing/relay.ts'
import { knock, pose, readToEnd } from './testing/stranger.ts'

const SCHEMES: readonly Scheme[] = ['http', 'https']
const { signal } = new AbortController()
const closing: Array<() => unknown> = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

interface Heard {
  readonly url: URL
  readonly links: PeerLink[]
  readonly lines: Array<Record<string, unknown>>
}

/** The node `two`, with what it has come to know. */
async function node(
  limits: Partial<LinkLimits> = {},
  scheme: Scheme = 'http',
  options: Partial<LinkOptions> = {},
): Promise<Heard> {
  const links: PeerLink[] = []
  const lines: Heard['lines'] = []
  const warn: Logger['warn'] = (fields, message) => void lines.push({ ...fields, message })
  const logger: Logger = { ...silentLogger, warn }
  const follow = (link: PeerLink): void => void links.push(link)
  const all = { ...optionsOf('two', { limits, logger }), ...options }
  const { listener, url } = await listenAs(all, { follow }, scheme)
  closing.push(() => listener.close())
  return { url, links, lines }
}

async function otherSecret(): Promise<Pick<LinkOptions, 'secret' | 'authority'>> {
  const secret = await ClusterSecret.from('another secret altogether')
  return { secret, authority: await Authority.from(secret) }
}

function greetingOf(greeting: Partial<Greeting>, chance = Buffer.alloc(32, 1)): Buffer {
  return encodeGreeting({ oldest: 1, newest: 1, purpose: 'follow', node: 'x', ...greeting }, chance)
}

async function takeGreeting(intake: Intake): Promise<Buffer> {
  const head = await intake.take(GREETING_HEAD_BYTES)
  const rest = head && (await intake.take(head.readUInt16LE(GREETING_HEAD_BYTES - 2)))
  return Buffer.concat([head ?? Buffer.alloc(0), rest ?? Buffer.alloc(0)])
}

/** Whoever answers a dialler's proof with this. */
async function impostor(verdict: (proof: Buffer) => Buffer): Promise<URL> {
  const { url, close } = await pose(async (connection, intake) => {
    await takeGreeting(intake)
    connection.write(greetingOf({ node: 'two' }))
    connection.write(verdict((await intake.take(PROOF_BYTES)) ?? Buffer.alloc(0)))
    await readToEnd(connection)
    connection.destroy()
  })
  closing.push(close)
  return url
}

const hasCode = (code: string, context: object = {}): OperationalError =>
  expect.objectContaining({ code, context: expect.objectContaining(context) }) as OperationalError

test.each(SCHEMES)(
  'a node with another secret gets no link over %s, and says so',
  async (scheme) => {
    const two = await node({}, scheme)
    const one = { ...optionsOf('one'), ...(await otherSecret()) }
    await expect(dialPeer(two.url, one, signal)).rejects.toEqual(hasCode('E_PEER_SECRET'))
    await vi.waitFor(() => expect(two.lines).toHaveLength(1))
    expect(two.links).toEqual([])
  },
)

test('with the right certificate and another secret there is no link either', async () => {
  const two = await node({}, 'https')
  const { secret } = await otherSecret()
  const one = { ...optionsOf('one'), secret }
  await expect(dialPeer(two.url, one, signal)).rejects.toEqual(hasCode('E_PEER_SECRET'))
  expect(two.links).toEqual([])
})

test('a certificate of another authority is not let in, whatever the secret', async () => {
  const two = await node({}, 'https')
  const { authority } = await otherSecret()
  // Trusts the node as it should, but shows what a stranger has made for itself.
  const own = optionsOf('one')
  const forged = Object.create(authority, {
    certificate: { value: own.authority.certificate },
  }) as Authority
  forged.issueForClient = (name) => authority.issueForClient(name)
  const one = { ...own, authority: forged }
  await expect(dialPeer(two.url, one, signal)).rejects.toEqual(hasCode('E_PEER_UNREACHABLE'))
  await vi.waitFor(() => expect(two.lines).toHaveLength(1))
  expect(two.links).toEqual([])
})

test.each<[string, (proof: Buffer) => Buffer]>([
  ['sends the proof back', (proof) => Buffer.concat([Buffer.of(1), proof])],
  ['makes one up', () => Buffer.concat([Buffer.of(1), Buffer.alloc(PROOF_BYTES, 7)])],
])('who listens without the secret and %s is found out', async (_, verdict) => {
  const url = await impostor(verdict)
  await expect(dialPeer(url, optionsOf('one'), signal)).rejects.toEqual(hasCode('E_PEER_SECRET'))
})

test.each<[string, Buffer]>([
  ['HTTP', Buffer.from('GET / HTTP/1.1\r\nHost: two\r\n\r\n')],
  ['noise', Buffer.alloc(300, 0xa5)],
  ['a greeting that is too long', Buffer.concat([greetingOf({}).subarray(0, 8), Buffer.of(1, 4)])],
])('who sends %s hears nothing', async (_, bytes) => {
  const two = await node()
  const { connection } = await knock(two.url)
  connection.write(bytes)
  expect(await readToEnd(connection)).toHaveLength(0)
  expect(two.lines).toEqual([expect.objectContaining({ client: '127.0.0.1' })])
})

test.each(SCHEMES)('who says nothing over %s is closed in time', async (scheme) => {
  const two = await node({ greetingMs: 60 }, scheme)
  const { connection } = await knock(two.url)
  expect(await readToEnd(connection)).toHaveLength(0)
})

test('who greets and proves nothing hears the greeting and no more', async () => {
  const two = await node({ greetingMs: 100 })
  const { connection, intake } = await knock(two.url)
  connection.write(greetingOf({}))
  expect((await takeGreeting(intake)).subarray(0, 8).toString()).toBe('kb-link\n')
  expect(await intake.take(1)).toBeUndefined()
  const { connection: next, intake: again } = await knock(two.url)
  next.write(greetingOf({}))
  await takeGreeting(again)
  next.write(Buffer.alloc(PROOF_BYTES))
  expect(await again.take(1)).toEqual(Buffer.of(0))
  expect(await again.take(1)).toBeUndefined()
  expect(two.links).toEqual([])
})

test('connections that have proven nothing are few, and make room in time', async () => {
  const two = await node({ unprovenMost: 2, greetingMs: 300 })
  const waiting = [await knock(two.url), await knock(two.url)]
  const { connection } = await knock(two.url)
  expect(await readToEnd(connection)).toHaveLength(0)
  await expect(dialPeer(two.url, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'ended' }),
  )
  await Promise.all(waiting.map((one) => readToEnd(one.connection)))
  const link = await vi.waitFor(() => dialPeer(two.url, optionsOf('one'), signal))
  link.close()
})

test('connections of nodes are few too', async () => {
  const two = await node({ provenMost: 1 })
  const first = await dialPeer(two.url, optionsOf('one'), signal)
  const second = await dialPeer(two.url, optionsOf('three'), signal)
  second.receive(() => {})
  expect((await second.closed).reason).toBeDefined()
  expect(two.links).toHaveLength(1)
  first.close()
})

test('a node does not link to itself', async () => {
  const two = await node()
  await expect(dialPeer(two.url, optionsOf('two'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'itself' }),
  )
  expect(two.links).toEqual([])
})

test('what a node has said cannot be said again by another', async () => {
  const two = await node()
  const said: Buffer[] = []
  const relay = await relayTo(two.url, (bytes, from) => {
    if (from === 'dialler') said.push(bytes)
    return bytes
  })
  closing.push(() => relay.close())
  const link = await dialPeer(relay.url, optionsOf('one'), signal)
  await vi.waitFor(() => expect(two.links).toHaveLength(1))
  link.close()
  const { connection } = await knock(two.url)
  connection.write(Buffer.concat(said))
  const heard = await readToEnd(connection)
  expect(heard.at(-1)).toBe(0)
  expect(two.links).toHaveLength(1)
})

test('no byte of a greeting can be changed on the way', async () => {
  const two = await node()
  const size = greetingOf({ node: 'one' }).length
  // From the versions to the last byte of chance, of both greetings.
  for (const side of ['dialler', 'listener'] as const) {
    for (let place = GREETING_HEAD_BYTES; place < size; place += 5) {
      let seen = 0
      const relay = await relayTo(two.url, (bytes, from) => {
        if (from !== side) return bytes
        const changed = Buffer.from(bytes)
        const at = place - seen
        seen += bytes.length
        if (at >= 0 && at < bytes.length) changed[at] = (changed[at] ?? 0) ^ 4
        return changed
      })
      await expect(
        dialPeer(relay.url, optionsOf('one', { limits: { greetingMs: 300 } }), signal),
      ).rejects.toThrow(OperationalError)
      relay.close()
    }
  }
  expect(two.links).toEqual([])
})

const VERSION_1 = { oldest: 1, newest: 1 }
const VERSIONS_1_2 = { oldest: 1, newest: 2 }
const VERSIONS_2_3 = { oldest: 2, newest: 3 }

test.each([
  ['a node of today and the next version', VERSION_1, VERSIONS_1_2, 1],
  ['the next version and a node of today', VERSIONS_1_2, VERSION_1, 1],
  ['two of the next version', VERSIONS_1_2, VERSIONS_1_2, 2],
  ['the next version and the one after it', VERSIONS_1_2, VERSIONS_2_3, 2],
])('%s meet in the newest that both speak', async (_, ours, theirs, version) => {
  const two = await node({}, 'http', { versions: theirs })
  const options = { ...optionsOf('one'), versions: ours }
  const link = await dialPeer(two.url, options, signal)
  closing.push(() => link.close())
  await vi.waitFor(() => expect(two.links).toHaveLength(1))
  expect([link.version, two.links[0]?.version]).toEqual([version, version])
})

test('a node that is two versions back is refused, and both say what both speak', async () => {
  const two = await node({}, 'http', { versions: VERSIONS_2_3 })
  await expect(dialPeer(two.url, optionsOf('one'), signal)).rejects.toMatchObject({
    code: 'E_PEER_VERSION',
    message: expect.stringContaining('versions 2 to 3 of the link, this node 1 to 1'),
  })
  const reason = 'it speaks the versions 1 to 1 of the link, this node 2 to 3'
  await vi.waitFor(() => expect(two.lines).toEqual([expect.objectContaining({ reason })]))
  expect(two.links).toEqual([])
})

test('versions that have none in common are told apart from other failures', async () => {
  const two = await node()
  const { connection, intake } = await knock(two.url)
  connection.write(greetingOf({ oldest: 2, newest: 3 }))
  expect(await takeGreeting(intake)).not.toHaveLength(0)
  expect(await intake.take(1)).toBeUndefined()
  expect(two.lines).toEqual([
    expect.objectContaining({ reason: expect.stringContaining('versions 2 to 3') as string }),
  ])
  const newer = await pose(async (from, heard) => {
    await takeGreeting(heard)
    from.write(greetingOf({ oldest: 2, newest: 3 }))
    from.end(100)
  })
  closing.push(newer.close)
  await expect(dialPeer(newer.url, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_VERSION'),
  )
})

test.each<[readonly [number, number], readonly [number, number], number | undefined]>([
  [[1, 1], [1, 1], 1],
  [[1, 2], [2, 3], 2],
  [[2, 3], [1, 2], 2],
  [[1, 3], [2, 5], 3],
  [[1, 1], [2, 3], undefined],
  [[3, 4], [1, 2], undefined],
])('the versions %s and %s share %s', (ours, theirs, shared) => {
  const [one, other] = [ours, theirs].map(([oldest, newest]) => ({ oldest, newest }))
  expect(one && other && sharedVersion(one, other)).toBe(shared)
})

test('the greeting and the proofs are those of the document', async () => {
  const two = await node()
  const { connection, intake } = await knock(two.url)
  // magic, size, versions, purpose, node, chance
  const magic = '6b622d6c696e6b0a'
  const ours = Buffer.from(`${magic}260001010101007a${'01'.repeat(32)}`, 'hex')
  connection.write(ours)
  const theirs = await takeGreeting(intake)
  expect(theirs.subarray(0, -32).toString('hex')).toBe(`${magic}2800010101030074776f`)
  const key = await optionsOf('z').secret.key('peer link', 32)
  const proof = (side: string): Buffer =>
    createHmac('sha256', key).update(`${side}\0`).update(ours).update(theirs).digest()
  connection.write(proof('dialler'))
  expect(await intake.take(33)).toEqual(Buffer.concat([Buffer.of(1), proof('listener')]))
  expect(two.links.map(({ peer }) => peer)).toEqual(['z'])
  connection.destroy()
})

test('why there is no connection is told apart', async () => {
  const { url, close } = await pose(async (connection) => void (await readToEnd(connection)))
  const slow = optionsOf('one', { limits: { greetingMs: 60 } })
  await expect(dialPeer(url, slow, signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'timeout' }),
  )
  const over = new AbortController()
  const aborted = dialPeer(url, optionsOf('one'), over.signal)
  setTimeout(() => over.abort(), 20)
  await expect(aborted).rejects.toEqual(hasCode('E_PEER_UNREACHABLE', { reason: 'aborted' }))
  await expect(dialPeer(url, optionsOf('one'), over.signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'aborted' }),
  )
  close()
  await expect(dialPeer(url, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'refused' }),
  )
  const nowhere = new URL('https://no-such-host.invalid:1')
  await expect(dialPeer(nowhere, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'network' }),
  )
})

test('a node that speaks no link is told apart, whichever side has TLS', async () => {
  const web = await pose(async (connection) => {
    await connection.read()
    connection.write(Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'))
    connection.end(100)
  })
  closing.push(web.close)
  await expect(dialPeer(web.url, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'protocol' }),
  )
  const plain = await node()
  const asTls = new URL(plain.url.href.replace('http:', 'https:'))
  await expect(dialPeer(asTls, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE', { reason: 'ended' }),
  )
  const secure = await node({}, 'https')
  const asPlain = new URL(secure.url.href.replace('https:', 'http:'))
  await expect(dialPeer(asPlain, optionsOf('one'), signal)).rejects.toEqual(
    hasCode('E_PEER_UNREACHABLE'),
  )
})

test.each(['http://192.0.2.1:3400', 'http://example.org:3400', 'tcp://127.0.0.1:3400'])(
  '%s is no peer URL',
  async (url) => {
    const options = optionsOf('one')
    const asked = { method: 'status', body: null }
    await expect(dialPeer(new URL(url), options, signal)).rejects.toEqual(
      hasCode('E_CONFIG_INVALID'),
    )
    await expect(callPeer(new URL(url), options, asked, signal)).rejects.toEqual(
      hasCode('E_CONFIG_INVALID'),
    )
  },
)

test.each(SCHEMES)(
  'a connection over %s that breaks at any byte is no link, and no hang',
  async (scheme) => {
    const two = await node({ greetingMs: 500 }, scheme)
    for (let place = 0; place < 400; place += 37) {
      let left = place
      const relay = await relayTo(two.url, (bytes) => {
        const passed = bytes.subarray(0, left)
        left -= passed.length
        if (left === 0) setImmediate(() => relay.close())
        return passed
      })
      const options = optionsOf('one', { limits: { greetingMs: 500 } })
      const outcome = await dialPeer(relay.url, options, signal).catch((thrown: unknown) => thrown)
      if (!(outcome instanceof OperationalError)) {
        const link = outcome as PeerLink
        link.receive(() => {})
        relay.close()
        await link.closed
      }
      relay.close()
    }
    for (const link of two.links) {
      link.receive(() => {})
      await link.closed
    }
  },
)
