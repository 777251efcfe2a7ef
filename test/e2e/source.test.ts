import { cpSync, readFileSync, rmSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { waitUntil } from '../../src/lib/index.ts'
import { GtidSet } from '../../src/mysql/index.ts'
import { IngestAlone, type IngestAloneOptions } from './harness/ingest-alone.ts'
import { Mysqld } from './harness/mysqld.ts'
import { CutProxy } from './harness/network/cut-proxy.ts'
import { makeRunFolder } from './harness/project.ts'

let source: Mysqld
let ours: IngestAlone | undefined

beforeAll(async () => {
  source = await Mysqld.start({ serverId: 61 })
  await source.sql(
    'CREATE DATABASE app',
    'CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, v LONGTEXT)',
  )
})

afterEach(async () => {
  await ours?.stop()
  ours = undefined
})

afterAll(async () => {
  await source?.stop()
})

async function begin(options: Partial<IngestAloneOptions> = {}): Promise<IngestAlone> {
  ours = await IngestAlone.start({ port: source.port, ...options })
  return ours
}

async function insert(count: number, bytes = 100): Promise<void> {
  for (let done = 0; done < count; done += 1) {
    await source.sql(`INSERT INTO app.t (v) VALUES (REPEAT('${done % 10}', ${bytes}))`)
  }
}

/** Names of the source's closed files that differ from ours; both must have them. */
async function differing(from?: string): Promise<string[]> {
  const closed = (await source.binlogs()).slice(0, -1)
  const wanted = closed.filter(({ name }) => from === undefined || name >= from)
  expect(wanted.length).toBeGreaterThan(0)
  return wanted
    .filter(({ name, path }) => {
      const mine = readFileSync(join(ours?.folder ?? '', name))
      return !mine.equals(readFileSync(path))
    })
    .map(({ name }) => name)
}

async function rotateAndCatchUp(one: IngestAlone): Promise<void> {
  await source.sql('FLUSH BINARY LOGS')
  await insert(1)
  await one.caughtUp(await source.gtidExecuted())
}

test('whole files are byte for byte the source’s, over a restart of ours and of the source', async () => {
  await insert(20)
  let one = await begin()
  await one.caughtUp(await source.gtidExecuted())
  await one.stop()
  await insert(20, 50_000)
  one = await begin({ folder: one.folder })
  await one.caughtUp(await source.gtidExecuted())
  await source.restart()
  await insert(5)
  await rotateAndCatchUp(one)
  expect(await differing()).toEqual([])
  expect(one.link.state.value).toMatchObject({ phase: 'streaming', code: undefined })
})

test('a connection cut in the middle of events and transactions leaves no trace in the files', async () => {
  const proxy = await CutProxy.start(source.port)
  const one = await begin({ port: proxy.port })
  await one.caughtUp(await source.gtidExecuted())
  for (const cutAfter of [5_000_000, 17_000_000, 16_777_300, 1_000, 200]) {
    proxy.cutAfter(cutAfter)
    await insert(1, 40_000_000)
    await source.sql(
      'START TRANSACTION',
      ...Array.from({ length: 30 }, () => "INSERT INTO app.t (v) VALUES (REPEAT('x', 100000))"),
      'COMMIT',
    )
    await one.caughtUp(await source.gtidExecuted())
  }
  expect(proxy.cuts).toBeGreaterThan(2)
  expect(one.ingest.counters.cuts).toBeGreaterThan(0)
  await rotateAndCatchUp(one)
  expect(await differing()).toEqual([])
})

test('a killed dump thread is followed by a new dump at the same place', async () => {
  const one = await begin()
  await one.caughtUp(await source.gtidExecuted())
  for (let round = 0; round < 3; round += 1) {
    const writing = insert(3, 20_000_000)
    const rows = await source.sql(
      "SELECT id FROM information_schema.processlist WHERE command LIKE 'Binlog Dump%'",
    )
    for (const row of rows) await source.sql(`KILL ${Object.values(row)[0]}`)
    await writing
  }
  await one.caughtUp(await source.gtidExecuted())
  expect(one.ingest.counters.connects).toBeGreaterThan(1)
  await rotateAndCatchUp(one)
  expect(await differing()).toEqual([])
})

test.each(['disabled', 'required', 'verify-ca'] as const)('reads with TLS %s', async (tls) => {
  const authorities = readFileSync(join(source.dataFolder, 'ca.pem'))
  const one = await begin({ tls, authorities })
  await insert(2)
  await one.caughtUp(await source.gtidExecuted())
  expect(await differing()).toEqual([])
})

test('a certificate that does not carry the address is refused before the password is sent', async () => {
  const authorities = readFileSync(join(source.dataFolder, 'ca.pem'))
  const one = await begin({ tls: 'verify-identity', authorities })
  const state = await waitUntil(one.link.state, ({ phase }) => phase === 'waiting')
  expect(state).toMatchObject({ code: 'E_SOURCE_TLS' })
})

test('begins behind everything with newest, and goes on in that file after a restart', async () => {
  await insert(3)
  const before = await source.gtidExecuted()
  let one = await begin({ startAt: 'newest' })
  await waitUntil(one.link.state, ({ phase }) => phase === 'streaming')
  await insert(3)
  await one.caughtUp(await source.gtidExecuted())
  expect(one.store.purged().toString().replaceAll('\n', '')).toBe(before)
  await one.stop()
  await insert(2, 300_000)
  one = await begin({ folder: one.folder, startAt: 'newest' })
  await one.caughtUp(await source.gtidExecuted())
  await rotateAndCatchUp(one)
  const second = (await source.binlogs()).at(-1)?.name
  await rotateAndCatchUp(one)
  expect(await differing(second)).toEqual([])
})

test('begins behind a GTID set, in the middle of a file', async () => {
  await source.sql('FLUSH BINARY LOGS')
  await insert(3)
  const behind = GtidSet.parse(await source.gtidExecuted())
  await insert(3)
  const one = await begin({ startAt: behind })
  await one.caughtUp(await source.gtidExecuted())
  expect(one.store.purged().equals(behind)).toBe(true)
  expect(one.store.files().length).toBe(1)
})

test('counts what the source has purged as held and purged', async () => {
  await source.sql(
    "SET gtid_next = 'bbbbbbbb-0000-4000-8000-000000000001:some_tag:7'",
    'BEGIN',
    'COMMIT',
    "SET gtid_next = 'cccccccc-0000-4000-8000-000000000001:3'",
    'BEGIN',
    'COMMIT',
    "SET gtid_next = 'AUTOMATIC'",
    'FLUSH BINARY LOGS',
  )
  const newest = (await source.binlogs()).at(-1)?.name ?? ''
  await source.sql(`PURGE BINARY LOGS TO '${newest}'`)
  const purged = GtidSet.parse(await source.value('SELECT @@global.gtid_purged'))
  expect(purged.hasTags).toBe(true)
  await insert(2)
  const one = await begin()
  await one.caughtUp(await source.gtidExecuted())
  expect(one.store.purged().equals(purged)).toBe(true)
  await rotateAndCatchUp(one)
  expect(await differing()).toEqual([])
})

test('stops in words when the source has purged what is missing here', async () => {
  let one = await begin()
  await one.caughtUp(await source.gtidExecuted())
  await one.stop()
  await insert(1)
  await source.sql('FLUSH BINARY LOGS')
  const newest = (await source.binlogs()).at(-1)?.name ?? ''
  await source.sql(`PURGE BINARY LOGS TO '${newest}'`)
  one = await begin({ folder: one.folder })
  const state = await waitUntil(one.link.state, ({ phase }) => phase === 'failed')
  expect(state).toMatchObject({ code: 'E_SOURCE_PURGED' })
  expect(state?.reason).toContain('transactions that are missing here')
})

test('begins the source’s next file when ours was purged and nothing is missing', async () => {
  let one = await begin()
  await insert(1)
  await one.caughtUp(await source.gtidExecuted())
  await one.stop()
  await source.sql('FLUSH BINARY LOGS')
  const newest = (await source.binlogs()).at(-1)?.name ?? ''
  await source.sql(`PURGE BINARY LOGS TO '${newest}'`)
  one = await begin({ folder: one.folder })
  await insert(1)
  await one.caughtUp(await source.gtidExecuted())
  await rotateAndCatchUp(one)
  expect(await differing(newest)).toEqual([])
})

test('gives up a source that says nothing any more, and goes on when it speaks again', async () => {
  const one = await begin({ limits: { heartbeatMs: 200, silenceMs: 500, connectMs: 500 } })
  await one.caughtUp(await source.gtidExecuted())
  source.freeze()
  const state = await waitUntil(one.link.state, ({ phase }) => phase === 'waiting')
  source.thaw()
  expect(state).toMatchObject({ code: 'E_SOURCE_GONE_SILENT' })
  await insert(1)
  await one.caughtUp(await source.gtidExecuted())
})

test('waits while the disk is full, and goes on with the same piece', async () => {
  const one = await begin()
  await one.caughtUp(await source.gtidExecuted())
  one.journal.full = true
  await insert(3, 1_000_000)
  const state = await waitUntil(one.link.state, ({ phase }) => phase === 'paused')
  expect(state).toMatchObject({ code: 'E_DISK_FULL' })
  expect(one.journal.refusals).toBeGreaterThan(0)
  one.journal.full = false
  await one.caughtUp(await source.gtidExecuted())
  expect(one.link.state.value).toMatchObject({ phase: 'streaming', code: undefined })
  expect(one.ingest.counters.connects).toBe(1)
  await rotateAndCatchUp(one)
  expect(await differing()).toEqual([])
})

test('a damaged byte on the way is read again and never stored', async () => {
  const proxy = await startDamagingProxy(source.port)
  const one = await begin({ port: proxy.port, tls: 'disabled' })
  await one.caughtUp(await source.gtidExecuted())
  proxy.damageNext()
  await insert(1, 3_000_000)
  await one.caughtUp(await source.gtidExecuted())
  expect(proxy.damaged()).toBe(true)
  expect(one.ingest.counters.checksumErrors).toBe(1)
  await rotateAndCatchUp(one)
  expect(await differing()).toEqual([])
  proxy.close()
})

test('the operator stops the link and starts it again', async () => {
  const one = await begin()
  await one.caughtUp(await source.gtidExecuted())
  one.link.stop()
  await waitUntil(one.link.state, ({ phase }) => phase === 'stopped')
  const before = one.store.executed().toString()
  await insert(1)
  expect(one.store.executed().toString()).toBe(before)
  one.link.start()
  await one.caughtUp(await source.gtidExecuted())
})

test('ends at once although the source does not answer a login', async () => {
  source.freeze()
  const one = await begin()
  await waitUntil(one.link.state, ({ phase }) => phase === 'connecting')
  const began = performance.now()
  await one.stop()
  source.thaw()
  ours = undefined
  expect(performance.now() - began).toBeLessThan(2_000)
})

test('begins behind the files whose transactions have no GTID', async () => {
  const old = await Mysqld.start({
    serverId: 62,
    options: { gtid_mode: 'OFF', enforce_gtid_consistency: 'ON' },
  })
  try {
    await old.sql('CREATE DATABASE early', 'FLUSH BINARY LOGS', 'CREATE DATABASE later')
    for (const mode of ['OFF_PERMISSIVE', 'ON_PERMISSIVE', 'ON']) {
      await old.sql(`SET GLOBAL gtid_mode = ${mode}`)
    }
    await old.sql('CREATE DATABASE app', 'FLUSH BINARY LOGS', 'CREATE DATABASE more')
    const one = await begin({ port: old.port })
    await one.caughtUp(await old.gtidExecuted())
    const [first] = one.store.files()
    const closed = (await old.binlogs()).filter(({ name }) => name >= (first?.name ?? ''))
    expect(closed.length).toBeGreaterThan(1)
    for (const { name, path } of closed.slice(0, -1)) {
      expect(readFileSync(join(one.folder, name)).equals(readFileSync(path)), name).toBe(true)
    }
    await one.stop()
    ours = undefined
  } finally {
    await old.stop()
  }
})

test('stops in words when the source was set back to an earlier state', async () => {
  const one = await begin()
  await insert(1)
  await one.caughtUp(await source.gtidExecuted())
  await source.stop()
  const backup = join(makeRunFolder('backup'), 'data')
  cpSync(source.dataFolder, backup, { recursive: true })
  await source.restart()
  await insert(3)
  await one.caughtUp(await source.gtidExecuted())
  await source.stop()
  rmSync(source.dataFolder, { recursive: true })
  cpSync(backup, source.dataFolder, { recursive: true })
  await source.restart()
  const state = await waitUntil(one.link.state, ({ phase }) => phase === 'failed')
  expect(state).toMatchObject({ code: 'E_SOURCE_DIVERGED' })
  await insert(5)
  one.link.retryNow()
  const again = await waitUntil(
    one.link.state,
    ({ phase, reason }) => phase === 'failed' && reason !== state?.reason,
  )
  expect(again?.code).toMatch(/E_SOURCE_(DIVERGED|SHORTER)/)
})

/** Flips one bit behind the 2 MB that follow `damageNext`, so in the middle of a large event. */
async function startDamagingProxy(port: number): Promise<{
  port: number
  damageNext: () => void
  damaged: () => boolean
  close: () => void
}> {
  let left = Number.POSITIVE_INFINITY
  let damaged = false
  const server = createServer((client) => {
    const target = connect(port, '127.0.0.1')
    target.on('data', (bytes) => {
      left -= bytes.length
      if (left < 0 && !damaged) {
        damaged = true
        bytes.writeUInt8(bytes.readUInt8(bytes.length >> 1) ^ 1, bytes.length >> 1)
      }
      client.write(bytes)
    })
    client.on('data', (bytes) => target.write(bytes))
    const pairs = [
      [client, target],
      [target, client],
    ] as const
    for (const [one, other] of pairs) {
      one.on('error', () => {})
      one.on('close', () => other.destroy())
    }
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port')
  return {
    port: address.port,
    damageNext: () => {
      left = 2_000_000
    },
    damaged: () => damaged,
    close: () => server.close(),
  }
}
