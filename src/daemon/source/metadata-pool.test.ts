import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Desired } from '../../desired/index.ts'
import { exampleRetention } from '../../desired/testing/example-desired.ts'
import { OperationalError, Watch, waitUntil } from '../../lib/index.ts'
import { dial, systemClock, systemDisk } from '../../platform/index.ts'
import { METADATA_LIMITS, MetadataPool, type SourceAddress } from '../../source/index.ts'
import { SilentSource } from '../testing/silent-source.ts'
import { metadataAddress } from './metadata-address.ts'

const QUESTION = { sql: 'SHOW DATABASES', database: undefined }

let source: SilentSource
const gone = new AbortController()

beforeEach(async () => {
  source = await SilentSource.listen()
})

afterEach(() => source.close())

function address(): SourceAddress {
  const tls = { mode: 'disabled', authorities: () => undefined } as const
  return { dial, host: '127.0.0.1', port: source.port, user: 'meta', password: () => '', tls }
}

function poolOf(limits: Partial<typeof METADATA_LIMITS>, where = address): MetadataPool {
  return new MetadataPool({
    address: where,
    limits: { ...METADATA_LIMITS, connectionsMost: 1, ...limits },
    clock: systemClock,
  })
}

/** Asks, and tells the code of the error that comes of it. */
async function codeOf(pool: MetadataPool, signal: AbortSignal): Promise<string> {
  try {
    await pool.ask(QUESTION, signal).next()
  } catch (thrown) {
    if (thrown instanceof OperationalError) return thrown.code
    throw thrown
  }
  return 'answered'
}

test('who finds no connection waits for so long, and is refused then', async () => {
  const pool = poolOf({ waitMs: 20 })
  const client = new AbortController()
  const first = codeOf(pool, client.signal)
  await source.has(1)
  expect(await codeOf(pool, gone.signal)).toBe('E_METADATA_BUSY')
  client.abort()
  expect(await first).toBe('E_SOURCE_CLOSED')
})

test('one more than may wait is refused at once', async () => {
  const pool = poolOf({ waitingMost: 0 })
  const client = new AbortController()
  const first = codeOf(pool, client.signal)
  await source.has(1)
  expect(await codeOf(pool, gone.signal)).toBe('E_METADATA_BUSY')
  client.abort()
  await first
})

test('a client that goes hands its turn to who waits longest', async () => {
  const pool = poolOf({})
  const clients = [new AbortController(), new AbortController()] as const
  const asked = clients.map((client) => codeOf(pool, client.signal))
  await source.has(1)
  clients[0].abort()
  expect(await asked[0]).toBe('E_SOURCE_CLOSED')
  await waitUntil(source.connections, () => source.accepted === 2)
  clients[1].abort()
  expect(await asked[1]).toBe('E_SOURCE_CLOSED')
})

test('an answer that takes too long is broken off, and its place is free', async () => {
  const pool = poolOf({ answerMs: 20 })
  expect(await codeOf(pool, gone.signal)).toBe('E_SOURCE_CLOSED')
  expect(await codeOf(pool, gone.signal)).toBe('E_SOURCE_CLOSED')
  expect(source.accepted).toBe(2)
})

test('a client that has gone before it is its turn is told so, and nobody is asked', async () => {
  expect(await codeOf(poolOf({}), AbortSignal.abort())).toBe('E_SOURCE_CLOSED')
  expect(source.accepted).toBe(0)
})

test('nobody is asked where no source is known', async () => {
  const pool = new MetadataPool({
    address: () => undefined,
    limits: METADATA_LIMITS,
    clock: systemClock,
  })
  expect(await codeOf(pool, gone.signal)).toBe('E_SOURCE_UNCONFIGURED')
})

test('the address stays the same object until the source is another', () => {
  const place = { host: 'a', port: 3306, tls: 'preferred', caFile: undefined } as const
  const wish = { user: 'repl', password: 'x', startAt: 'oldest', semiSync: false, ...place }
  const first: Desired = {
    source: wish,
    self: { serverId: 1, uuid: '' },
    isSourceRunning: true,
    retention: exampleRetention,
    users: undefined,
  }
  const desired = new Watch(first)
  const current = metadataAddress(desired, { user: 'meta', password: 'y' }, systemDisk)
  const before = current()
  expect(before).toMatchObject({ host: 'a', user: 'meta' })
  desired.set({ ...first, isSourceRunning: false, source: { ...wish, password: 'z' } })
  expect(current()).toBe(before)
  desired.set({ ...first, source: { ...wish, host: 'b' } })
  expect(current()).toMatchObject({ host: 'b', user: 'meta' })
})
