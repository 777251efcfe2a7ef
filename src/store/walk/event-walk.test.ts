import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type DiskFile, systemDisk } from '../../platform/index.ts'
import { bigFile, endingsOf } from '../testing/binlog-feed.ts'
import { EventWalk, type WalkedEvent, type WalkOptions } from './event-walk.ts'

let folder = ''
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'kingbus-walk-'))
})
afterAll(async () => await rm(folder, { recursive: true }))

/** Some events smaller than the window of the walk, then some that are larger. */
const real = readFileSync(new URL('../../../test/fixtures/plain.000002', import.meta.url))
const mixed = Buffer.concat([
  bigFile(real, { count: 3, size: 400_000, open: 0 }),
  bigFile(real, { count: 2, size: 2_500_000, open: 0 }).subarray(real.readUInt32LE(13) + 4 + 31),
])

async function opened(bytes: Buffer): Promise<DiskFile> {
  const path = join(folder, 'file')
  await writeFile(path, bytes)
  return await systemDisk.open(path, 'read')
}

async function walked(bytes: Buffer, options: Partial<WalkOptions> = {}) {
  const file = await opened(bytes)
  const walk = new EventWalk(file, { from: 4, limit: bytes.length, verifyFrom: 4, ...options })
  const events: WalkedEvent[] = []
  while (await walk.load()) {
    for (let event = walk.next(); event !== undefined; event = walk.next()) {
      const head = walk.prefix(event, 200)
      expect(head.equals(bytes.subarray(event.position, event.position + head.length))).toBe(true)
      events.push(event)
    }
  }
  await file.close()
  return { events, walk }
}

test('finds every event, also one larger than what is held in memory', async () => {
  const { events, walk } = await walked(mixed)
  expect(events.map((event) => event.end)).toEqual(endingsOf(mixed).map(({ end }) => end))
  expect(walk.fault).toBeUndefined()
})

test('looks at headers only where nothing is to be verified', async () => {
  const broken = Buffer.from(mixed)
  broken.writeUInt8(0xff, broken.length - 1_000_000)
  expect((await walked(broken, { verifyFrom: Infinity })).walk.fault).toBeUndefined()
  expect((await walked(broken)).walk.fault).toMatchObject({ kind: 'checksum' })
})

test('shows every byte once and in order, whatever is passed over', async () => {
  const seen: Buffer[] = []
  const sees = (bytes: Buffer, position: number): void => {
    expect(position).toBe(4 + seen.reduce((sum, part) => sum + part.length, 0))
    seen.push(Buffer.from(bytes))
  }
  const file = await opened(mixed)
  const walk = new EventWalk(file, { from: 4, limit: mixed.length, verifyFrom: Infinity, sees })
  while (await walk.load()) while (walk.next() !== undefined);
  await file.close()
  expect(Buffer.concat(seen).equals(mixed.subarray(4))).toBe(true)
})

test.each([
  ['the last event lacks its last byte', mixed.length - 1, 'size'],
  ['the last header lacks its last byte', (endingsOf(mixed).at(-2)?.end ?? 0) + 18, 'short'],
])('ends before the fault when %s, and names it', async (_, size, kind) => {
  const { events, walk } = await walked(mixed.subarray(0, size))
  expect(events).toHaveLength(endingsOf(mixed).length - 1)
  expect(walk.fault).toMatchObject({ kind, position: events.at(-1)?.end })
})

test('goes on behind a fault when it is told where', async () => {
  const ends = endingsOf(mixed).map(({ end }) => end)
  for (const index of [3, ends.length - 1]) {
    const broken = Buffer.from(mixed)
    const end = ends[index] ?? 0
    broken.writeUInt8(broken.readUInt8(end - 5) ^ 0x10, end - 5)
    const file = await opened(broken)
    const walk = new EventWalk(file, { from: 4, limit: broken.length, verifyFrom: 4 })
    const found: number[] = []
    for (;;) {
      while (await walk.load()) {
        for (let event = walk.next(); event !== undefined; event = walk.next()) {
          found.push(event.end)
        }
      }
      if (walk.fault === undefined) break
      expect(walk.fault).toMatchObject({ kind: 'checksum', event: { end } })
      walk.goOn(end)
    }
    await file.close()
    expect(found).toEqual(ends.filter((other) => other !== end))
  }
})
