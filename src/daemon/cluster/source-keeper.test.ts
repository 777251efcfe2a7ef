import { createServer, type Server } from 'node:net'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exampleSource } from '../../desired/testing/example-desired.ts'
import { type ErrorCode, OperationalError, silentLogger, Watch } from '../../lib/index.ts'
import { SeededRandom } from '../../platform/testing/seeded-random.ts'
import { SimulatedClock } from '../../platform/testing/simulated-clock.ts'
import type { SourcePhase } from '../../source/index.ts'
import { SourceKeeper } from './source-keeper.ts'

interface Link {
  phase: SourcePhase
  code: ErrorCode | undefined
  sinceMs: number
}

let time: SimulatedClock
let link: Link
let leads: Watch<boolean>
/** what the others answer when they are asked whether they could: undefined for no answer */
let others: Map<string, boolean | undefined>
let asked: string[]
let led: string[]
let hasRoom: boolean
let port: number
let answer: () => Promise<unknown>
let over: AbortController
let running: Promise<void>

function begin(): void {
  const clock = time.process()
  const keeper = new SourceKeeper({
    node: {
      leads,
      management: {
        handle: (_, handler) => {
          answer = async () => await handler(null)
        },
        get heirs() {
          return [...others.keys()].map((node) => ({ node, store: '1' }))
        },
        ask: async (node) => {
          asked.push(node)
          const said = others.get(node)
          if (said === undefined)
            throw new OperationalError('E_PEER_UNREACHABLE', `${node} is away`)
          return said
        },
        lead: async (node) => {
          led.push(node ?? '')
          leads.set(false)
        },
      },
    },
    desired: {
      get value() {
        return { source: { ...exampleSource, host: '127.0.0.1', port } }
      },
    } as never,
    runner: {
      // What of a link is looked at.
      get current() {
        return { link: { state: { value: link }, progress: { lastEventAtMs: 0 } } } as never
      },
    },
    hasRoom: () => hasRoom,
    clock,
    random: new SeededRandom(1),
    logger: silentLogger,
  })
  running = keeper.run(over.signal)
  // Of the same clock as the keeper's.
  link.sinceMs = clock.nowMs()
}

beforeEach(() => {
  time = new SimulatedClock()
  link = { phase: 'paused', code: 'E_DISK_FULL', sinceMs: 0 }
  leads = new Watch(true)
  others = new Map()
  asked = []
  led = []
  hasRoom = true
  port = 1
  over = new AbortController()
})

afterEach(async () => {
  over.abort()
  await running
})

async function pass(ms: number): Promise<void> {
  const end = time.nowMs + ms
  while (time.nowMs < end && time.step()) await new Promise(setImmediate)
}

describe('a node that leads and has no room for what the source sends', () => {
  it('lets one lead that has, once that has lasted', async () => {
    others = new Map([
      ['full', false],
      ['away', undefined],
      ['good', true],
      ['other', true],
    ])
    begin()
    await pass(4000)
    expect(asked).toEqual([])
    await pass(4000)
    expect(asked).toEqual(['full', 'away', 'good'])
    expect(led).toEqual(['good'])
    await pass(60_000)
    expect(led).toEqual(['good'])
  })

  it('goes on leading, and pauses, where no other has, which is asked ever more seldom', async () => {
    others = new Map([['full', false]])
    begin()
    await pass(600_000)
    expect(led).toEqual([])
    expect(asked.length).toBeGreaterThan(3)
    expect(asked.length).toBeLessThan(20)
    others.set('full', true)
    await pass(130_000)
    expect(led).toEqual(['full'])
  })

  it.each<[string, () => void]>([
    ['it waits for the disk for another reason', () => (link.code = 'E_DISK_SLOW')],
    ['it follows the source again', () => (link.phase = 'streaming')],
    ['it does not lead', () => leads.set(false)],
  ])('asks nobody while %s', async (_, change) => {
    others = new Map([['good', true]])
    change()
    begin()
    await pass(60_000)
    expect(asked).toEqual([])
  })
})

describe('a node that is asked whether it could lead', () => {
  let server: Server
  beforeEach(async () => {
    server = createServer((socket) => socket.destroy())
    await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    port = typeof address === 'object' && address !== null ? address.port : 0
    leads.set(false)
    begin()
  })
  afterEach(() => void server.close())

  it('says yes when it reaches the source and its disk takes what that sends', async () => {
    expect(await answer()).toBe(true)
    hasRoom = false
    expect(await answer()).toBe(false)
    hasRoom = true
    await new Promise((resolve) => void server.close(resolve))
    expect(await answer()).toBe(false)
  })
})
