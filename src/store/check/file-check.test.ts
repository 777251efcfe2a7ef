import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { crc32 } from '../../lib/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog } from '../testing/log-feed.ts'
import { readDigestPoints } from './digest-points.ts'
import { type CheckedFile, checkFile } from './file-check.ts'

const FILE = 'binlog.000001'
const NEXT = 'binlog.000002'
const RECORD_BYTES = 90
const crashing = new CrashDisk()
const { disk } = crashing
afterEach(async () => {
  crashing.onWasRead = () => {}
  await crashing.crash()
})

async function piece(feed: LogFeed, size: number, isOpen = false): Promise<void> {
  const bytes = Buffer.alloc(size, feed.log.end + 1)
  const { end, boundary } = feed.log.tail
  const to = isOpen ? boundary : end + size
  await feed.piece({ bytes, crc: crc32(bytes), boundary: to, gtids: undefined, timestamp: 7 })
}

/** Three records, half a transaction that a cut took, a record, and the next file. */
async function closedFile(): Promise<{ folder: string; feed: LogFeed }> {
  const folder = temporaryFolder('closed-file')
  const feed = new LogFeed(await openLog(disk, folder))
  await feed.file(FILE)
  for (let count = 0; count < 3; count += 1) await piece(feed, RECORD_BYTES)
  await piece(feed, RECORD_BYTES, true)
  await feed.cut()
  for (const removal of feed.log.removals) await feed.log.remove(removal)
  await piece(feed, RECORD_BYTES)
  await feed.file(NEXT)
  await feed.log.sync()
  return { folder, feed }
}

interface Pace {
  readonly pace?: (bytes: number) => Promise<void>
  readonly signal?: AbortSignal
}

async function check(folder: string, options: Pace = {}): Promise<CheckedFile | undefined> {
  const { pace = async () => {}, signal = new AbortController().signal } = options
  return await checkFile({ disk, folder, name: FILE, pace, signal })
}

test('a file that is what was stored has no damage, and its digests are those of its index', async () => {
  const { folder, feed } = await closedFile()
  const checked = await check(folder)
  expect(checked?.damages).toEqual([])
  expect(checked?.points).toEqual(await readDigestPoints(disk, folder, FILE))
  const last = checked?.points.at(-1)
  expect(last).toMatchObject({ sequence: 7, position: 4 + 4 * RECORD_BYTES })
  expect(last?.digest).toBe(await feed.log.digestAt(7))
})

test('each byte of the file that is another is named with its record', async () => {
  const { folder } = await closedFile()
  const path = join(folder, FILE)
  const bytes = readFileSync(path)
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] ?? 0) ^ 0x10
    writeFileSync(path, flipped)
    const from = at < 4 ? 0 : at - ((at - 4) % RECORD_BYTES)
    const to = at < 4 ? 4 : from + RECORD_BYTES
    expect((await check(folder))?.damages).toMatchObject([{ file: FILE, from, to }])
  }
})

test('each byte of the index that is another is named, and no digest is taken from it', async () => {
  const { folder } = await closedFile()
  const path = join(folder, `${FILE}.idx`)
  const bytes = readFileSync(path)
  for (let at = 0; at < bytes.length; at += 1) {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] ?? 0) ^ 0x10
    writeFileSync(path, flipped)
    const checked = await check(folder)
    const [damage] = checked?.damages ?? []
    expect([at, damage?.file]).toEqual([at, `${FILE}.idx`])
    expect(damage?.from).toBeLessThanOrEqual(at)
    expect(damage?.to).toBeGreaterThan(at)
    expect(checked?.points).toEqual([])
  }
})

test('damage in records beside each other is one range, and in others another', async () => {
  const { folder } = await closedFile()
  const path = join(folder, FILE)
  const bytes = readFileSync(path)
  for (const record of [0, 1, 3]) bytes.writeUInt8(0xff, 4 + record * RECORD_BYTES)
  writeFileSync(path, bytes)
  expect((await check(folder))?.damages).toMatchObject([
    { from: 4, to: 4 + 2 * RECORD_BYTES },
    { from: 4 + 3 * RECORD_BYTES, to: 4 + 4 * RECORD_BYTES },
  ])
})

test('a file that is shorter or longer than what was stored is named with what is too little or too much', async () => {
  const { folder } = await closedFile()
  const path = join(folder, FILE)
  const bytes = readFileSync(path)
  const end = bytes.length
  writeFileSync(path, bytes.subarray(0, end - 1))
  expect((await check(folder))?.damages).toMatchObject([{ from: end - RECORD_BYTES, to: end }])
  writeFileSync(path, bytes.subarray(0, end - RECORD_BYTES))
  expect((await check(folder))?.damages).toMatchObject([{ from: end - RECORD_BYTES, to: end }])
  writeFileSync(path, Buffer.concat([bytes, Buffer.from('more')]))
  expect((await check(folder))?.damages).toMatchObject([{ from: end, to: end + 4 }])
})

test('what the disk does not give is named, and the rest is read', async () => {
  const { folder } = await closedFile()
  const bad = Object.assign(new Error('EIO: i/o error, read'), { code: 'EIO' })
  crashing.onWasRead = (path, bytes) => {
    if (path.endsWith(FILE) && bytes.length > 4) throw bad
  }
  expect((await check(folder))?.damages).toMatchObject([
    { file: FILE, from: 4, to: 4 + 4 * RECORD_BYTES, what: expect.stringContaining('EIO') },
  ])
})

test('the index of another file is not taken for its own, and one that is gone is named', async () => {
  const { folder, feed } = await closedFile()
  await feed.file('binlog.000003')
  const index = join(folder, `${FILE}.idx`)
  renameSync(join(folder, `${NEXT}.idx`), index)
  const what = expect.stringContaining('not the index of')
  expect((await check(folder))?.damages).toMatchObject([{ file: `${FILE}.idx`, what }])
  rmSync(index)
  expect((await check(folder))?.damages).toMatchObject([
    { file: `${FILE}.idx`, what: 'it is missing' },
  ])
})

test('a file that was purged has no result', async () => {
  const { folder } = await closedFile()
  rmSync(join(folder, FILE))
  expect(await check(folder)).toBeUndefined()
  rmSync(join(folder, `${FILE}.idx`))
  expect(await check(folder)).toBeUndefined()
  expect(await readDigestPoints(disk, folder, FILE)).toBeUndefined()
})

test('it reads in pieces, and nothing more once the signal has fired', async () => {
  const folder = temporaryFolder('closed-file')
  const feed = new LogFeed(await openLog(disk, folder))
  await feed.file(FILE)
  for (let count = 0; count < 4; count += 1) await piece(feed, 600_000)
  await feed.file(NEXT)
  const paces: number[] = []
  const stop = new AbortController()
  const pace = async (bytes: number): Promise<void> => {
    paces.push(bytes)
    if (paces.length === 2) stop.abort()
  }
  expect(await check(folder, { pace, signal: stop.signal })).toBeUndefined()
  // The index, and the first record.
  expect(paces).toEqual([readFileSync(join(folder, `${FILE}.idx`)).length, 600_000])
})
