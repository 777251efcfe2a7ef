import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { exampleDesired, exampleSource } from '../../desired/testing/example-desired.ts'
import {
  type ErrorCode,
  OperationalError,
  silentLogger,
  Watch,
  waitUntil,
} from '../../lib/index.ts'
import { type Clock, systemClock, systemRandom } from '../../platform/index.ts'
import type { SourcePhase, SourceTrial } from '../../source/index.ts'
import { SourceFailover } from './source-failover.ts'

const AFTER_MS = 30_000
const CANDIDATES = [
  { host: 'db1', port: 3306 },
  { host: 'db2', port: 3306 },
  { host: 'db3', port: 3306 },
]

interface Link {
  phase: SourcePhase
  code: ErrorCode | undefined
}

const LOST: Link = { phase: 'waiting', code: 'E_SOURCE_UNREACHABLE' }

let nowMs: number
let link: Link
let counters: { connects: number }
let isHere: boolean
let node: string | undefined
let readOnly: ReadonlySet<string>
/** of whole rounds of candidates, and each candidate that was switched to with the time */
let rounds: Watch<number>
let switched: Watch<readonly [string, number][]>
let looked: string[]
let refusal: OperationalError | undefined
let stopping: AbortController
let running: Promise<void>
let failover: SourceFailover
/** what happens at each look of the node at its link, by its number */
let onTick: (tick: number) => void

function trialOf(host: string): SourceTrial {
  return { address: `${host}:3306`, isReadOnly: readOnly.has(host) }
}

/** Its sleeps take no time, and pass. */
function quickClock(): Clock {
  let ticks = 0
  return {
    ...systemClock,
    monotonicMs: () => nowMs,
    sleep: async (ms) => {
      nowMs += ms
      ticks += 1
      onTick(ticks)
      await new Promise(setImmediate)
    },
  }
}

function start(): void {
  const parts = {
    link: {
      get state() {
        return { value: link }
      },
    },
    ingest: { counters },
  }
  failover = new SourceFailover({
    candidates: CANDIDATES,
    afterMs: AFTER_MS,
    desired: {
      value: new Watch({ ...exampleDesired, source: { ...exampleSource, host: 'db1' } }),
      change: () => Promise.reject(new Error('only a switch changes the source')),
    },
    runner: {
      // What of a link is looked at.
      get current() {
        return parts as never
      },
      get isHere() {
        return isHere
      },
    },
    sourceSwitch: {
      look: async ({ address }) => {
        looked.push(address?.host ?? '')
        rounds.set(rounds.value + 1)
        return trialOf(address?.host ?? '')
      },
      run: async ({ address, password }) => {
        if (refusal !== undefined) throw refusal
        expect(password).toBe(exampleSource.password)
        switched.set([...switched.value, [address.host, nowMs]])
        link = { phase: 'streaming', code: undefined }
        return {} as never
      },
    },
    reachedBy: async () => node,
    clock: quickClock(),
    random: systemRandom,
    logger: silentLogger,
  })
  running = failover.run(stopping.signal)
}

beforeEach(() => {
  nowMs = 1000
  link = { ...LOST }
  counters = { connects: 1 }
  isHere = true
  node = undefined
  readOnly = new Set(['db1', 'db3'])
  rounds = new Watch(0)
  switched = new Watch<readonly [string, number][]>([])
  looked = []
  refusal = undefined
  stopping = new AbortController()
  onTick = () => {}
})

afterEach(async () => {
  stopping.abort()
  await running
})

/** Lets the clock pass two periods in which a candidate would be followed. */
async function whileTicking(perTick: (tick: number) => void = () => {}): Promise<void> {
  const enough = new Watch(false)
  onTick = (tick) => {
    perTick(tick)
    if (nowMs > 3 * AFTER_MS) enough.set(true)
  }
  start()
  await waitUntil(enough, (is) => is)
}

describe('a source that is unreachable', () => {
  it('is left for the one candidate that takes writes, once it has been so for long enough', async () => {
    start()
    await waitUntil(switched, ({ length }) => length === 1)
    const [[host, atMs] = ['', 0]] = switched.value
    expect(host).toBe('db2')
    expect(atMs - 1000).toBeGreaterThanOrEqual(AFTER_MS)
    expect(atMs - 1000).toBeLessThan(AFTER_MS + 2000)
    // The one that is followed is none to go to.
    expect(looked).toEqual(['db2', 'db3'])
    await waitUntil(rounds, () => failover.view?.count === 1)
    expect(failover.view?.error).toBeUndefined()
  })

  it('is not left while nobody is known to take writes, which is told', async () => {
    readOnly = new Set(['db1', 'db2', 'db3'])
    await whileTicking()
    expect(switched.value).toEqual([])
    expect(failover.view?.error?.code).toBe('E_SOURCE_NO_CANDIDATE')
  })

  it('is not left while another node reaches it', async () => {
    node = 'node2'
    await whileTicking()
    expect(switched.value).toEqual([])
    expect(failover.view?.error?.message).toContain('node node2 reaches the source')
  })

  it('is not left by a node that does not read it', async () => {
    isHere = false
    await whileTicking()
    expect(looked).toEqual([])
  })

  it('is followed on when it comes back within the time, however often', async () => {
    await whileTicking((tick) => {
      link = tick % 100 === 0 ? { phase: 'streaming', code: undefined } : { ...LOST }
    })
    expect(looked).toEqual([])
  })

  it('is followed on when a dump has begun between two looks', async () => {
    await whileTicking((tick) => {
      if (tick % 100 === 0) counters.connects += 1
    })
    expect(looked).toEqual([])
  })

  it('is followed on where it is back when the candidates have been looked at', async () => {
    start()
    await waitUntil(rounds, (count) => {
      if (count > 0) counters.connects += 1
      return count >= 4
    })
    expect(switched.value).toEqual([])
  })

  it('is tried to be left again where the switch was refused', async () => {
    refusal = new OperationalError('E_SWITCH_REFUSED', 'another switch is under way')
    start()
    await waitUntil(rounds, (count) => count >= 4)
    expect(failover.view?.error?.code).toBe('E_SWITCH_REFUSED')
    refusal = undefined
    await waitUntil(switched, ({ length }) => length === 1)
  })
})

it.each<Link>([
  { phase: 'failed', code: 'E_SOURCE_OTHER' },
  { phase: 'waiting', code: 'E_SOURCE_REFUSED' },
  { phase: 'paused', code: 'E_DISK_FULL' },
  { phase: 'stopped', code: undefined },
])('a source that is $phase ($code) is not left: it is not the network', async (state) => {
  link = state
  await whileTicking()
  expect(looked).toEqual([])
})
