import { afterEach, expect, test, vi } from 'vitest'
import { type Logger, ProtocolError, silentLogger } from '../../lib/index.ts'
import { type Connection, systemRandom } from '../../platform/index.ts'
import { introduce } from './handshake.ts'
import { dialPeer, type LinkLimits, type PeerLink } from './index.ts'
import { linkPair, listenAs, optionsOf, type Pair, type Scheme } from './testing/link-pair.ts'
import { type Relay, relayTo } from './testing/relay.ts'
import { bytesOf, recordOf, recordsMessage, SAMPLES } from './testing/sample-messages.ts'
import { knock } from './testing/stranger.ts'

const SCHEMES: readonly Scheme[] = ['http', 'https']
const { signal } = new AbortController()
const closing: Array<() => unknown> = []

afterEach(async () => {
  for (const close of closing.splice(0)) await close()
})

async function pair(scheme: Scheme, limits?: Parameters<typeof linkPair>[1]): Promise<Pair> {
  const made = await linkPair(scheme, limits)
  closing.push(() => made.close())
  return made
}

/** A link to `two` through a relay, and what `two` has of it. */
async function relayed(
  limits: Partial<LinkLimits>,
): Promise<{ relay: Relay; dialled: PeerLink; accepted: PeerLink }> {
  const links: PeerLink[] = []
  const follow = (link: PeerLink): void => void links.push(link)
  const { listener, url } = await listenAs(optionsOf('two', { limits }), { follow }, 'http')
  const relay = await relayTo(url)
  const dialled = await dialPeer(relay.url, optionsOf('one', { limits }), signal)
  const [accepted] = await vi.waitFor(() => {
    expect(links).toHaveLength(1)
    return links
  })
  closing.push(() => dialled.close())
  closing.push(() => listener.close())
  closing.push(() => relay.close())
  return { relay, dialled, accepted: accepted as PeerLink }
}

/** Somebody who has the secret, and then says what it likes. */
async function proven(url: URL): Promise<Connection> {
  const { connection } = await knock(url)
  const { secret } = optionsOf('rogue')
  const key = await secret.key('peer link', 32)
  await introduce(connection, 'follow', { node: 'rogue', key, random: systemRandom })
  return connection
}

/** The sequences of what arrives, in order. */
function sequencesOf(link: PeerLink): number[] {
  const all: number[] = []
  link.receive(({ records }) => all.push(...records.map(({ sequence }) => sequence)))
  return all
}

function sendRecord(link: PeerLink, sequence: number, size: number): void {
  const { message, records } = recordsMessage([recordOf(sequence, Buffer.alloc(size, sequence))])
  link.send(message, records)
}

test.each(SCHEMES)('messages go both ways over %s, in order', async (scheme) => {
  const { dialled, accepted } = await pair(scheme)
  expect([dialled.peer, accepted.peer]).toEqual(['two', 'one'])
  for (const [from, to] of [
    [dialled, accepted],
    [accepted, dialled],
  ] as const) {
    const received: Buffer[] = []
    to.receive((carried) => void received.push(bytesOf(carried)))
    for (const { message, records } of SAMPLES) from.send(message, records)
    await vi.waitFor(() => expect(received).toHaveLength(SAMPLES.length))
    expect(Buffer.concat(received).equals(Buffer.concat(SAMPLES.map(bytesOf)))).toBe(true)
  }
})

test.each(SCHEMES)(
  'records of any sizes, both ways at once over %s, are those sent',
  async (scheme) => {
    const { dialled, accepted } = await pair(scheme)
    const MEBIBYTE = 1024 * 1024
    const sizes = [1, 300_000, 17, 2, MEBIBYTE, 65_536, 3, MEBIBYTE - 1, 9000, MEBIBYTE, 1, 16_384]
    const all = [dialled, accepted].map(async (from, at) => {
      const to = at === 0 ? accepted : dialled
      const arrived: Buffer[] = []
      to.receive((carried) => void arrived.push(bytesOf(carried)))
      const sent = sizes.map((size, index) =>
        recordsMessage([
          recordOf(index + 1, systemRandom.bytes(size)),
          recordOf(index + 2, Buffer.of(at)),
        ]),
      )
      for (const { message, records } of sent) from.send(message, records)
      await vi.waitFor(() => expect(arrived).toHaveLength(sizes.length), 5000)
      expect(Buffer.concat(arrived).equals(Buffer.concat(sent.map(bytesOf)))).toBe(true)
    })
    await Promise.all(all)
  },
)

test.each(SCHEMES)(
  'who does not read over %s holds up who sends, and loses nothing',
  async (scheme) => {
    const { dialled, accepted } = await pair(scheme)
    const sequences = sequencesOf(dialled)
    dialled.pause()
    let sent = 0
    const MESSAGES = 300
    const sender = (async () => {
      while (sent < MESSAGES) {
        await accepted.writable()
        sent += 1
        sendRecord(accepted, sent, 256 * 1024)
      }
    })()
    // What the kernel takes is bounded, so at some time nothing goes on any more.
    let before = -1
    await vi.waitFor(
      () => {
        const isStill = sent === before
        before = sent
        expect(isStill).toBe(true)
      },
      { interval: 100, timeout: 5000 },
    )
    expect(sent).toBeLessThan(MESSAGES)
    expect(accepted.queuedBytes).toBeGreaterThan(2 * 1024 * 1024)
    expect(accepted.queuedBytes).toBeLessThan(2 * 1024 * 1024 + 300 * 1024)
    expect(sequences).toEqual([])
    dialled.resume()
    await sender
    await vi.waitFor(() => expect(sequences).toHaveLength(MESSAGES), 5000)
    expect(sequences).toEqual(Array.from({ length: MESSAGES }, (_, at) => at + 1))
    expect(accepted.queuedBytes).toBe(0)
  },
)

test('between two messages that arrive together the reader can be stopped', async () => {
  const { dialled, accepted } = await pair('http')
  const sequences: number[] = []
  dialled.receive(({ records }) => {
    sequences.push(...records.map(({ sequence }) => sequence))
    dialled.pause()
  })
  for (const sequence of [1, 2, 3]) sendRecord(accepted, sequence, 10)
  const last = dialled.closed
  for (const count of [1, 2, 3]) {
    await vi.waitFor(() => expect(sequences).toHaveLength(count))
    // A turn of the event loop and more: whatever was going to come has come.
    await new Promise((resolve) => {
      setTimeout(resolve, 20)
    })
    expect(sequences).toHaveLength(count)
    dialled.resume()
  }
  dialled.close()
  await last
})

test('a link on which nothing is said stays, for as long as both sides live', async () => {
  const { dialled, accepted } = await pair('http', {
    one: { silenceMs: 120 },
    two: { silenceMs: 120 },
  })
  const ends: string[] = []
  for (const link of [dialled, accepted]) {
    link.receive(() => {})
    void link.closed.then(({ reason }) => ends.push(reason))
  }
  await new Promise((resolve) => {
    setTimeout(resolve, 600)
  })
  // A process that sleeps for longer than that is no silence either.
  const awakeMs = performance.now() + 200
  while (performance.now() < awakeMs);
  await new Promise((resolve) => {
    setTimeout(resolve, 100)
  })
  expect(ends).toEqual([])
})

test('silence ends a link, on both sides', async () => {
  const { relay, dialled, accepted } = await relayed({ silenceMs: 150 })
  for (const link of [dialled, accepted]) link.receive(() => {})
  relay.stall()
  const ends = await Promise.all([dialled.closed, accepted.closed])
  expect(ends.map(({ reason }) => reason)).toEqual([
    'nothing was heard for 150 ms',
    'nothing was heard for 150 ms',
  ])
})

test('who does not read does not call it silence, and has the whole time when it reads again', async () => {
  const { relay, dialled, accepted } = await relayed({ silenceMs: 200 })
  const ends: string[] = []
  for (const link of [dialled, accepted]) {
    link.receive(() => {})
    link.pause()
    void link.closed.then(({ reason }) => ends.push(reason))
  }
  relay.stall()
  await new Promise((resolve) => {
    setTimeout(resolve, 500)
  })
  expect(ends).toEqual([])
  const resumedMs = performance.now()
  dialled.resume()
  expect((await dialled.closed).reason).toBe('nothing was heard for 200 ms')
  expect(performance.now() - resumedMs).toBeGreaterThan(190)
})

test('who queues without looking loses the link, not its memory', async () => {
  const { dialled, accepted } = await pair('http', { two: { queuedBytesMost: 3_000_000 } })
  dialled.receive(() => {})
  dialled.pause()
  for (let sequence = 1; sequence < 400; sequence += 1) sendRecord(accepted, sequence, 100_000)
  expect((await accepted.closed).reason).toMatch(/bytes wait to be sent/)
  await accepted.writable()
})

test('what was sent before a close arrives, and nothing is handed out after it', async () => {
  const { dialled, accepted } = await pair('http')
  const sequences = sequencesOf(dialled)
  // More than the kernel takes at once.
  for (let sequence = 1; sequence <= 20; sequence += 1) sendRecord(accepted, sequence, 900_000)
  accepted.close('all is said')
  accepted.send({ kind: 'hand-over' })
  expect(await accepted.closed).toEqual({ reason: 'all is said' })
  expect(await dialled.closed).toEqual({ reason: 'the other node has closed it' })
  expect(sequences).toHaveLength(20)
})

test('a link that is closed by its own handler hands out nothing more', async () => {
  const { dialled, accepted } = await pair('http')
  let count = 0
  dialled.receive(() => {
    count += 1
    dialled.close()
  })
  for (const sequence of [1, 2, 3]) sendRecord(accepted, sequence, 10)
  accepted.receive(() => {})
  await Promise.all([dialled.closed, accepted.closed])
  expect(count).toBe(1)
})

test('a link ends once, and with the listener', async () => {
  const { dialled, accepted, close } = await linkPair('https')
  dialled.receive(() => {})
  await close()
  accepted.close('later')
  dialled.close('later')
  expect((await accepted.closed).reason).toBe('this node closes its links')
})

test.each<[string, Buffer, RegExp]>([
  ['noise', Buffer.alloc(40, 0xee), /no frame of type/],
  [
    'a message with a byte changed',
    Buffer.concat([bytesOf(SAMPLES[5] as (typeof SAMPLES)[0]).subarray(0, -1), Buffer.of(9)]),
    /checksum/,
  ],
])('%s ends the link, and the log names who and why', async (_, bytes, why) => {
  const lines: object[] = []
  const warn: Logger['warn'] = (fields, message) => void lines.push({ ...fields, message })
  const links: PeerLink[] = []
  const { listener, url } = await listenAs(
    optionsOf('two', { logger: { ...silentLogger, warn } }),
    { follow: (link) => void links.push(link) },
    'http',
  )
  closing.push(() => listener.close())
  for (let time = 1; time <= 25; time += 1) {
    const rogue = await proven(url)
    const link = await vi.waitFor(() => {
      expect(links).toHaveLength(time)
      return links.at(-1)
    })
    link?.receive(() => {})
    rogue.write(bytes)
    expect((await link?.closed)?.reason).toMatch(why)
    rogue.destroy()
  }
  // One may do so as often as it likes: the log is not flooded.
  expect(lines).toHaveLength(20)
  expect(lines[0]).toEqual(
    expect.objectContaining({ peer: 'rogue', reason: expect.stringMatching(why) as string }),
  )
})

test('a handler that finds fault with a message ends the link', async () => {
  const { dialled, accepted } = await pair('http')
  dialled.receive(() => {
    throw new ProtocolError('a hand-over of nothing')
  })
  accepted.send({ kind: 'hand-over' })
  expect(await dialled.closed).toEqual({ reason: 'a hand-over of nothing' })
})
