import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test, vi } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { type LogFields, silentLogger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { systemClock } from '../../platform/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import type { Store } from '../store.ts'
import { beginOf, chunksOf, endingsOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { FileScrub, type FileScrubOptions } from './file-scrub.ts'

const CLOSED = 'binlog.000001'
const ACTIVE = 'binlog.000002'
const BYTES = withPreviousGtids(fixture('ddl-xa.000005'), GtidSet.empty())
/** Its events begin at these places; the last one ends the file. */
const EVENTS = [4, ...endingsOf(BYTES).map(({ end }) => end)]
const crashing = new CrashDisk()
afterEach(async () => {
  crashing.onRead = () => {}
  crashing.onSize = () => {}
  await crashing.crash()
})

/** A closed file and one that is written to, with the same transactions. */
async function twoFiles(): Promise<{ folder: string; store: Store }> {
  const folder = temporaryFolder('scrub')
  const store = await crashing.reopen(folder)
  for (const name of [CLOSED, ACTIVE]) {
    store.commit(await store.beginFile(beginOf(name)))
    for (const chunk of chunksOf(BYTES, 4, BYTES.length, [700, 701, 1500, 2600])) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
  return { folder, store }
}

const clock: FileScrubOptions['clock'] = { ...systemClock, sleep: async () => {} }

function scrubOf(folder: string, store: Store, change: Partial<FileScrubOptions> = {}): FileScrub {
  return new FileScrub({
    name: 'one',
    disk: crashing.disk,
    folder,
    store,
    bytesPerSecond: 1024 * 1024,
    clock,
    logger: silentLogger,
    ...change,
  })
}

const flip = (folder: string, file: string, position: number): void =>
  flipBit(join(folder, file), position)

const never = new AbortController().signal

test('a file that is written to is checked as far as it is shown, and is what was stored', async () => {
  const { folder, store } = await twoFiles()
  const scrub = scrubOf(folder, store)
  for (const name of [CLOSED, ACTIVE]) {
    expect((await scrub.checkNow(name, never))?.damages).toEqual([])
  }
  // More than the two files: their indexes, too.
  expect(scrub.checkedBytes).toBeGreaterThan(2 * BYTES.length)
})

test('a byte that is another is named with its record, its event and its transaction', async () => {
  const { folder, store } = await twoFiles()
  const scrub = scrubOf(folder, store)
  const [begin = 0, end = 0] = EVENTS.slice(-4)
  for (const name of [CLOSED, ACTIVE]) {
    flip(folder, name, end - 1)
    await scrub.checkNow(name, never)
    const [alarm] = store.alarms.of(name, 'E_STORE_DAMAGED')
    expect(alarm).toMatchObject({ code: 'E_STORE_DAMAGED', file: name, to: BYTES.length })
    expect(alarm?.transaction).toMatch(/^90b578d4-e6e1-11f1-82c0-02fc[0-9a-f]+:\d+$/)
    expect(alarm?.message).toContain(`kingbus repair ${name}`)
    expect(alarm?.message).toContain(`event at ${begin}, in transaction ${alarm?.transaction}`)
  }
  expect(store.alarms.count('E_STORE_DAMAGED')).toBe(2)
  expect(store.alarms.raised).toBe(2)
})

test('each byte of the index of a file that is written to is compared, too', async () => {
  const { folder, store } = await twoFiles()
  const scrub = scrubOf(folder, store)
  const index = `${ACTIVE}.idx`
  const { length } = readFileSync(join(folder, index))
  for (let at = 0; at < length; at += 1) {
    flip(folder, index, at)
    const [damage] = (await scrub.checkNow(ACTIVE, never))?.damages ?? []
    expect([at, damage?.file]).toEqual([at, index])
    flip(folder, index, at)
  }
  expect((await scrub.checkNow(ACTIVE, never))?.damages).toEqual([])
  expect(store.alarms.list).toEqual([])
})

test('what a read has met is named at once, although nothing is read in the background', async () => {
  const { folder, store } = await twoFiles()
  const logged: LogFields[] = []
  const logger = { ...silentLogger, error: (fields: LogFields) => void logged.push(fields) }
  const stop = new AbortController()
  const running = scrubOf(folder, store, { bytesPerSecond: undefined, logger }).run(stop.signal)
  flip(folder, CLOSED, 1600)
  const reader = await store.openFile(CLOSED)
  const target = Buffer.alloc(RECORD_BYTES_MAX)
  expect(() => reader.read(4, target)).toThrow(`${CLOSED} is damaged at position 1500`)
  await vi.waitFor(() => expect(store.alarms.list).toHaveLength(1))
  const [alarm] = store.alarms.list
  expect(alarm).toMatchObject({ file: CLOSED, from: 1500, to: 2600 })
  expect(alarm?.transaction).toBeDefined()
  // Nothing is read beyond the last event before it, so that a dump ends between events.
  const event = alarm?.event ?? 0
  expect(EVENTS).toContain(event)
  expect(event).toBeLessThanOrEqual(1500)
  const { bytes, end } = reader.read(4, target)
  expect([end, bytes]).toEqual([event, BYTES.subarray(4, event)])
  expect(() => reader.read(end, target)).toThrow(`${CLOSED} is damaged at position 1500`)
  await reader.close()
  stop.abort()
  await running
})

test('a read that was wrong once is no alarm', async () => {
  const { folder, store } = await twoFiles()
  const stop = new AbortController()
  const scrub = scrubOf(folder, store, { bytesPerSecond: undefined })
  const running = scrub.run(stop.signal)
  const reader = await store.openFile(CLOSED)
  crashing.onWasRead = (path, bytes) => {
    if (path.endsWith(CLOSED)) bytes[0] = 0xff
  }
  expect(() => reader.read(4, Buffer.alloc(RECORD_BYTES_MAX))).toThrow('is damaged at position 4')
  crashing.onWasRead = () => {}
  const { length } = readFileSync(join(folder, `${CLOSED}.idx`))
  await vi.waitFor(() => expect(scrub.checkedBytes).toBeGreaterThan(length))
  stop.abort()
  await running
  await reader.close()
  expect(store.alarms.list).toEqual([])
})

test('a disk that gives nothing any more ends no round: nothing is known of its files', async () => {
  const { folder, store } = await twoFiles()
  const logged: string[] = []
  const logger = { ...silentLogger, warn: (_: LogFields, text: string) => void logged.push(text) }
  const scrub = scrubOf(folder, store, { logger })
  const gone = (path: string): never => {
    throw Object.assign(new Error(`EIO: i/o error, '${path}'`), { code: 'EIO' })
  }
  crashing.onRead = gone
  crashing.onSize = gone
  expect(await scrub.checkNow(CLOSED, never)).toBeUndefined()
  expect(logged).toEqual([expect.stringMatching(/^not checked: .* cannot be read .*EIO/)])
  expect(store.alarms.list).toEqual([])
})

test('a round takes as long as the rate says, and is told', async () => {
  const { folder, store } = await twoFiles()
  const stop = new AbortController()
  let sleptMs = 0
  const paced: FileScrubOptions['clock'] = {
    ...systemClock,
    monotonicMs: () => sleptMs,
    sleep: async (ms) => {
      sleptMs += ms
      if (ms > 10_000) stop.abort()
    },
  }
  const scrub = scrubOf(folder, store, { bytesPerSecond: 4096, clock: paced })
  const least = (1000 * 2 * BYTES.length) / 4096
  expect(scrub.roundSeconds(2, 2 * BYTES.length)).toBeGreaterThanOrEqual(Math.floor(least / 1000))
  await scrub.run(stop.signal)
  expect(scrub.lastRound?.tookMs).toBeGreaterThan(least)
  expect(scrub.lastRound?.bytes).toBe(scrub.checkedBytes)
})
