import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { crc32 } from '../../lib/index.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog } from '../testing/log-feed.ts'

const FILE = 'binlog.000001'
let folder: string
const crashing = new CrashDisk()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-damage-'))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(folder, { recursive: true, force: true })
})

/** Three groups of records; returns how long the index was before the last one, and after. */
async function filled(): Promise<{ before: number; after: number; ends: number[] }> {
  const feed = new LogFeed(await openLog(crashing.disk, folder))
  await feed.file(FILE)
  const sizes: number[] = []
  const ends: number[] = []
  for (const group of [1, 2, 3]) {
    for (let count = 0; count < 3; count += 1) {
      const bytes = Buffer.alloc(90 + group, 64 * count)
      const boundary = feed.log.tail.end + bytes.length
      await feed.piece({ bytes, crc: crc32(bytes), boundary, gtids: undefined, timestamp: 7 })
    }
    await feed.log.sync()
    sizes.push(readFileSync(join(folder, `${FILE}.idx`)).length)
    ends.push(feed.log.end)
  }
  await crashing.crash()
  copyFileSync(join(folder, FILE), join(folder, 'kept'))
  copyFileSync(join(folder, `${FILE}.idx`), join(folder, 'kept.idx'))
  return { before: sizes[1] ?? 0, after: sizes[2] ?? 0, ends }
}

/** Where the log ends that is opened with this index, or why it is not. */
async function openedWith(index: Buffer, heldAtLeast = 0): Promise<number | string> {
  copyFileSync(join(folder, 'kept'), join(folder, FILE))
  writeFileSync(join(folder, `${FILE}.idx`), index)
  try {
    const log = await openLog(crashing.disk, folder, heldAtLeast)
    const { end } = log
    await log.close()
    return end
  } catch (thrown) {
    return (thrown as { code?: string }).code ?? String(thrown)
  }
}

it('an index that is damaged before its last group is refused, at each byte of it', async () => {
  const { before } = await filled()
  const index = readFileSync(join(folder, 'kept.idx'))
  for (let at = 12; at < before; at += 1) {
    for (const mask of [0x01, 0x40, 0xff]) {
      const damaged = Buffer.from(index)
      damaged[at] = (damaged[at] ?? 0) ^ mask
      expect([at, await openedWith(damaged)]).toEqual([at, 'E_STORE_DAMAGED'])
    }
  }
}, 60_000)

it('an index that is torn in its last group ends there, whatever came of what is behind', async () => {
  const { before, after, ends } = await filled()
  const index = readFileSync(join(folder, 'kept.idx'))
  for (let at = before; at < after; at += 1) {
    const torn = await openedWith(index.subarray(0, at))
    expect(torn).toBeGreaterThanOrEqual(ends[1] ?? 0)
    expect(torn).toBeLessThan(ends[2] ?? 0)
    const holed = Buffer.from(index)
    holed.fill(0, at, Math.min(after, at + 8))
    expect(await openedWith(holed)).toBeGreaterThanOrEqual(ends[1] ?? 0)
  }
}, 60_000)

it('a file that is damaged before its last group is refused, and torn in it', async () => {
  const { ends } = await filled()
  const index = readFileSync(join(folder, 'kept.idx'))
  const bytes = readFileSync(join(folder, 'kept'))
  const synced = 4 + 3 * 91 + 3 * 92
  for (let at = 4; at < bytes.length; at += 13) {
    const damaged = Buffer.from(bytes)
    damaged[at] = (damaged[at] ?? 0) ^ 1
    writeFileSync(join(folder, 'kept'), damaged)
    const last = (ends[1] ?? 0) + Math.floor((at - synced) / 93)
    expect([at, await openedWith(index)]).toEqual([at, at < synced ? 'E_STORE_DAMAGED' : last])
    writeFileSync(join(folder, 'kept'), bytes.subarray(0, at))
    expect([at, await openedWith(index)]).toEqual([at, at < synced ? 'E_STORE_DAMAGED' : last])
  }
})

it('damage in the last group is told from a torn end where it was committed, and nothing is cut', async () => {
  const { before, after, ends } = await filled()
  const [, first = 0, last = 0] = ends
  const index = readFileSync(join(folder, 'kept.idx'))
  const bytes = readFileSync(join(folder, 'kept'))
  expect(await openedWith(index, last)).toBe(last)
  for (let at = before; at < after; at += 1) {
    const damaged = Buffer.from(index)
    damaged[at] = (damaged[at] ?? 0) ^ 0x10
    expect([at, await openedWith(damaged, last)]).toEqual([at, 'E_STORE_DAMAGED'])
    expect(readFileSync(join(folder, `${FILE}.idx`))).toEqual(damaged)
    expect(readFileSync(join(folder, FILE))).toEqual(bytes)
    // Of the records up to there all are true.
    expect(await openedWith(damaged, first)).toBeGreaterThanOrEqual(first)
  }
  const flipped = Buffer.from(bytes)
  flipped[bytes.length - 1] = (flipped[bytes.length - 1] ?? 0) ^ 1
  writeFileSync(join(folder, 'kept'), flipped)
  expect(await openedWith(index, last)).toBe('E_STORE_DAMAGED')
  expect(readFileSync(join(folder, FILE))).toEqual(flipped)
  expect(await openedWith(index, last - 1)).toBe(last - 1)
}, 60_000)

it('a log whose files are gone is not taken for a new one where its records were committed', async () => {
  const { ends } = await filled()
  rmSync(join(folder, FILE))
  rmSync(join(folder, `${FILE}.idx`))
  await expect(openLog(crashing.disk, folder, ends[2])).rejects.toMatchObject({
    code: 'E_STORE_DAMAGED',
  })
})
