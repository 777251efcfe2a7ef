import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { GtidSet } from '../../mysql/index.ts'
import type { BinlogStore } from '../binlog-store.ts'
import { findGtidStart } from '../lookup/gtid-lookup.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import {
  beginOf,
  bigFile,
  chunksOf,
  endingsOf,
  heldOf,
  UUID,
  withPreviousGtids,
} from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog } from '../testing/log-feed.ts'
import type { ReplicatedLog } from './replicated-log.ts'

const ONE = 'binlog.000001'
const TWO = 'binlog.000002'
const REAL = readFileSync(new URL('../../../test/fixtures/ddl-xa.000005', import.meta.url))
const SMALL = withPreviousGtids(REAL, GtidSet.empty())
const BIG = [
  { name: ONE, bytes: bigFile(REAL, { count: 40, size: 300_000, open: 0 }) },
  { name: TWO, bytes: bigFile(REAL, { count: 40, size: 300_000, open: 0, first: 41 }) },
]
const PURGED = GtidSet.parse('99999999-2222-3333-4444-555555555555:1-7')

let root: string
const crashing = new CrashDisk()
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kingbus-shown-'))
})
afterEach(async () => {
  await crashing.crash()
  crashing.onSync = async () => {}
  rmSync(root, { recursive: true, force: true })
})

const open = (name: string): Promise<ReplicatedLog> => openLog(crashing.disk, join(root, name))

async function reopen(name: string): Promise<ReplicatedLog> {
  await crashing.crash()
  return await open(name)
}

async function readAll(store: BinlogStore, name: string, from = 4): Promise<Buffer> {
  const reader = await store.openFile(name)
  const target = Buffer.alloc(RECORD_BYTES_MAX)
  const parts: Buffer[] = []
  for (let position = from; position < reader.limit; ) {
    const { bytes, end } = await reader.readAsync(position, target)
    parts.push(Buffer.from(bytes))
    position = end
  }
  await reader.close()
  return Buffer.concat(parts)
}

const facts = (store: BinlogStore) => ({
  visible: store.visible.value,
  executed: store.executed().toString(),
  purged: store.purged().toString(),
  files: store.files(),
})

/** A leader with the small file, a record for each event. */
async function small(): Promise<LogFeed> {
  const feed = new LogFeed(await open('log'))
  await feed.file(ONE, PURGED)
  const ends = endingsOf(SMALL).map(({ end }) => end)
  for (const chunk of chunksOf(SMALL, 4, SMALL.length, ends)) await feed.piece(chunk)
  await feed.log.sync()
  return feed
}

describe('a store, a leader and a follower with the same records', () => {
  it('show the same, and begin for a replica where it lacks nothing before', async () => {
    const store = await crashing.reopen(join(root, 'store'))
    const leader = new LogFeed(await open('leader'))
    const follower = await open('follower')
    let given = 0
    const show = async (): Promise<void> => {
      store.commit(await store.sync())
      await leader.log.sync()
      await follower.append(leader.sent.slice(given))
      given = leader.sent.length
      await follower.sync()
      void leader.log.show(leader.log.end)
      await follower.show(follower.end)
      expect(facts(leader.log)).toEqual(facts(store))
      expect(facts(follower)).toEqual(facts(store))
    }
    for (const [index, { name, bytes }] of BIG.entries()) {
      const purged = index === 0 ? PURGED : undefined
      store.commit(await store.beginFile(beginOf(name, purged)))
      await leader.file(name, purged)
      await show()
      const ends = Array.from({ length: 60 }, (_, step) => 250_000 * (step + 1))
      for (const [step, chunk] of chunksOf(bytes, 4, bytes.length, ends).entries()) {
        await store.append(chunk)
        await leader.piece(chunk)
        if (step % 3 === 0) await show()
      }
      await show()
    }
    const reopened = await open('follower')
    await reopened.show(reopened.end)
    const { executed, files } = facts(store)
    expect(facts(reopened)).toMatchObject({ executed, files })
    for (const one of [store, leader.log, follower, reopened]) {
      for (const { name, bytes } of BIG) {
        expect((await readAll(one, name)).equals(bytes.subarray(4))).toBe(true)
      }
      await expectStarts(one)
    }
  }, 60_000)
})

/** Where the transactions end: number n of the file at n - 1. */
const ENDS = BIG.map(({ bytes }) =>
  endingsOf(bytes).flatMap(({ end, gtid }) => (gtid ? [end] : [])),
)

/** A replica begins before the first transaction that it lacks, and not far. */
async function expectStarts(store: BinlogStore): Promise<void> {
  for (let gno = 1; gno <= 80; gno += 1) {
    const held = PURGED.union(GtidSet.parse(`${UUID}:1-${gno}`))
    const start = await findGtidStart(store, held)
    const [file, count] = gno < 40 ? [0, gno] : [1, gno - 40]
    expect(start?.file).toBe(BIG[file]?.name)
    const ideal = ENDS[file]?.[count - 1] ?? 300
    expect(start?.position).toBeLessThanOrEqual(ideal)
    expect(start?.position).toBeGreaterThan(ideal - 6_000_000)
    expect(await store.positionFor(TWO, GtidSet.parse(`${UUID}:2-80`))).toBe(4)
  }
}

function never(): never {
  throw new Error('there is no such file')
}

describe('what a log shows', () => {
  it('is nothing after opening, and then each place as it was asked for', async () => {
    const { log } = await small()
    const { end } = log
    for (let sequence = 1; sequence <= end; sequence += 1) {
      const again = await reopen('log')
      expect(facts(again)).toEqual({ visible: undefined, executed: '', purged: '', files: [] })
      await again.show(sequence)
      const position = again.visible.value?.position ?? 0
      const endings = endingsOf(SMALL)
      const asked = endings[sequence - 2]?.end ?? 4
      const wanted = endings.findLast((one) => one.boundary && one.end <= asked)?.end ?? 4
      expect(position).toBe(wanted)
      expect(again.executed().equals(heldOf(SMALL, position).union(PURGED))).toBe(true)
      expect(again.purged().equals(PURGED)).toBe(true)
    }
  })

  it('moves within the call when the GTIDs came with the records', async () => {
    const { log } = await small()
    void log.show(log.end)
    expect(log.visible.value).toEqual({ file: ONE, position: SMALL.length, sequence: log.end })
    expect(log.executed().equals(log.heldGtids())).toBe(true)
    expect(log.heldGtids().equals(heldOf(SMALL, SMALL.length).union(PURGED))).toBe(true)
  })

  it('never goes back, whatever is asked while it is learned', async () => {
    const { sent } = await small()
    const log = await open('other')
    await log.append(sent)
    await log.sync()
    const seen: number[] = []
    log.visible.follow((end) => seen.push(end?.position ?? 0))
    await Promise.all([3, 9, 2, log.end, 5, 1].map((sequence) => log.show(sequence)))
    expect(seen).toEqual(seen.toSorted((one, other) => one - other))
    expect(seen.at(-1)).toBe(SMALL.length)
    expect(log.executed().equals(heldOf(SMALL, SMALL.length).union(PURGED))).toBe(true)
  })

  it('is not taken from bytes that are damaged', async () => {
    const { sent } = await small()
    const log = await open('other')
    await log.append(sent)
    await log.sync()
    const file = join(root, 'other', ONE)
    crashing.onWasRead = (path, bytes) => {
      if (path === file && bytes.length > 400) bytes[300] = (bytes[300] ?? 0) ^ 1
    }
    await expect(log.show(log.end)).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
    expect(log.visible.value).toBeUndefined()
    crashing.onWasRead = () => {}
    await log.show(log.end)
    expect(log.visible.value?.position).toBe(SMALL.length)
  })

  it('goes on with a leader that was a follower', async () => {
    const { sent } = await small()
    const feed = new LogFeed(await open('other'))
    await feed.log.append(sent.slice(0, 9))
    await feed.log.sync()
    expect(() => feed.log.heldGtids()).toThrow('shown')
    await feed.log.show(9)
    const rest = chunksOf(SMALL, feed.log.tail.end, SMALL.length, [])
    for (const chunk of rest) await feed.piece(chunk)
    await feed.log.sync()
    void feed.log.show(feed.log.end)
    expect(feed.log.executed().equals(heldOf(SMALL, SMALL.length).union(PURGED))).toBe(true)
  })
})

describe('who reads a log', () => {
  it('is not disturbed while records are taken back and others come', async () => {
    const feed = new LogFeed(await open('log'))
    const { bytes } = BIG[0] ?? never()
    await feed.file(ONE)
    const ends = endingsOf(bytes).map(({ end }) => end)
    const chunks = chunksOf(bytes, 4, bytes.length, ends)
    for (const chunk of chunks.slice(0, 60)) await feed.piece(chunk)
    await feed.log.sync()
    const shown = 41
    void feed.log.show(shown)
    const reader = await feed.log.openFile(ONE)
    const target = Buffer.alloc(RECORD_BYTES_MAX)
    const compare = async (): Promise<void> => {
      for (let position = 4; position < reader.limit; ) {
        const read = await reader.readAsync(position, target)
        expect(read.bytes.equals(bytes.subarray(position, read.end))).toBe(true)
        position = read.end
      }
    }
    const work = feed.log.truncate(shown)
    for (let turn = 0; turn < 20; turn += 1) await compare()
    await work
    await compare()
    await expect(feed.log.truncate(shown - 1)).rejects.toThrow('shown')
    for (const chunk of chunks.slice(shown - 1)) await feed.piece(chunk)
    await feed.log.sync()
    await feed.log.show(feed.log.end)
    expect(reader.limit).toBe(bytes.length)
    await compare()
    await feed.file(TWO)
    await feed.log.show(feed.log.end)
    await compare()
    await reader.close()
  })

  it('keeps a file that is purged, and cannot open it again', async () => {
    const feed = await small()
    const { log } = feed
    void log.show(log.end)
    const reader = await log.openFile(ONE)
    await feed.file(TWO)
    const next = withPreviousGtids(REAL, heldOf(SMALL, SMALL.length))
    for (const chunk of chunksOf(next, 4, 4 + next.readUInt32LE(13) + 300, []))
      await feed.piece(chunk)
    await feed.purge(TWO)
    await log.sync()
    const [removal] = log.removals
    if (removal !== undefined) await log.remove(removal)
    const { bytes } = reader.read(4, Buffer.alloc(RECORD_BYTES_MAX))
    expect(bytes.equals(SMALL.subarray(4, 4 + bytes.length))).toBe(true)
    await expect(log.openFile(ONE)).rejects.toMatchObject({ code: 'E_FILE_UNKNOWN' })
    expect(log.files().map(({ name }) => name)).toEqual([TWO])
    expect(log.purged().equals(heldOf(SMALL, SMALL.length).union(PURGED))).toBe(true)
    await reader.close()
    const again = await reopen('log')
    await again.show(again.end)
    expect(again.executed().equals(log.executed())).toBe(true)
    expect(again.purged().equals(log.purged())).toBe(true)
  })

  it('goes on when the log is recovered after a failure', async () => {
    const feed = await small()
    const { log } = feed
    const { end } = log
    void log.show(end)
    const reader = await log.openFile(ONE)
    await feed.file(TWO)
    const chunks = chunksOf(SMALL, 4, SMALL.length, [500])
    for (const chunk of chunks.slice(0, 1)) await feed.piece(chunk)
    crashing.onSync = async (path) => {
      if (path.endsWith(TWO)) throw Object.assign(new Error('EIO'), { code: 'EIO' })
    }
    await expect(log.sync()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    await expect(log.reopen()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    crashing.onSync = async () => {}
    await log.reopen()
    expect(log.failure).toBeUndefined()
    // Its bytes read well, and need not be on the disk: they are given up.
    expect(log.end).toBe(end + 1)
    expect(log.tail).toEqual({ end: 4, boundary: 4 })
    expect(log.visible.value?.position).toBe(SMALL.length)
    expect(reader.read(4, Buffer.alloc(RECORD_BYTES_MAX)).bytes.length).toBeGreaterThan(0)
    await reader.close()
    await log.show(log.end)
    for (const chunk of chunks) await feed.piece(chunk)
    await log.sync()
    void log.show(log.end)
    expect(log.visible.value).toMatchObject({ file: TWO, position: SMALL.length })
    expect((await readAll(log, TWO)).equals(SMALL.subarray(4))).toBe(true)
  })

  it('sees nothing of a log that begins anew until that is shown', async () => {
    const feed = await small()
    void feed.log.show(feed.log.end)
    await feed.file(TWO)
    const next = withPreviousGtids(REAL, heldOf(SMALL, SMALL.length))
    for (const chunk of chunksOf(next, 4, next.length, [1000])) await feed.piece(chunk)
    await feed.purge(TWO)
    await feed.log.sync()
    const behind = await open('behind')
    await behind.append(feed.sent.slice(0, 12))
    await behind.sync()
    await behind.show(12)
    const reader = await behind.openFile(ONE)
    const shown = behind.visible.value
    const [removal] = feed.log.removals
    if (removal !== undefined) await feed.log.remove(removal)
    const { base, lineage } = feed.log
    await behind.startOver(base, lineage.slice(0, 1))
    expect(behind.visible.value).toEqual(shown)
    expect(behind.files()).toEqual([])
    expect(reader.limit).toBe(shown?.position)
    await reader.close()
    await behind.append(feed.sent.slice(base.sequence))
    await behind.sync()
    await behind.show(behind.end)
    void feed.log.show(feed.log.end)
    expect(facts(behind)).toEqual(facts(feed.log))
  })
})
