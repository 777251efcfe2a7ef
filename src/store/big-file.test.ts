import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { present } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'
import { findGtidStart } from './lookup/gtid-lookup.ts'
import { RECORD_BYTES_MAX } from './record.ts'
import type { Store } from './store.ts'
import { beginOf, bigFile, chunksOf, endingsOf, heldOf } from './testing/binlog-feed.ts'
import { CrashDisk } from './testing/crash-disk.ts'

const NAME = 'binlog.000001'
const REAL = readFileSync(new URL('../../test/fixtures/plain.000002', import.meta.url))
const WHOLE = bigFile(REAL, { count: 60, size: 300_000, open: 0 })
const HALF = bigFile(REAL, { count: 60, size: 300_000, open: 40 })

let folder: string
const crashing = new CrashDisk()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-big-'))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(folder, { recursive: true, force: true })
})

const open = (): Promise<Store> => crashing.reopen(folder)

const steps = (size: number, end: number): number[] =>
  Array.from({ length: Math.floor(end / size) }, (_, index) => (index + 1) * size)

async function append(store: Store, file: Buffer, from: number, size: number): Promise<void> {
  for (const chunk of chunksOf(file, from, file.length, steps(size, file.length))) {
    await store.append(chunk)
    store.commit(await store.sync())
  }
}

async function filled(file: Buffer, size: number): Promise<Store> {
  const store = await open()
  store.commit(await store.beginFile(beginOf(NAME)))
  await append(store, file, 4, size)
  return store
}

async function expectFile(store: Store, file: Buffer): Promise<void> {
  const reader = await store.openFile(NAME)
  const target = Buffer.alloc(RECORD_BYTES_MAX)
  for (let position = 4; position < file.length; ) {
    const { bytes, end } = await reader.readAsync(position, target)
    expect(bytes.equals(file.subarray(position, end))).toBe(true)
    expect(end).toBeGreaterThan(position)
    position = end
  }
  expect(reader.read(file.length, target).bytes).toHaveLength(0)
  // Anywhere, and backwards, so that blocks of the index are not read in their order.
  for (let position = file.length - 1; position > 4; position -= 777_777) {
    const { bytes, end } = reader.read(position, target)
    expect(bytes.equals(file.subarray(position, end))).toBe(true)
  }
  await reader.close()
}

describe('a file of many blocks of the index', () => {
  it('is read as it was given, before and after a restart and when it is closed', async () => {
    const store = await filled(WHOLE, 256 * 1024)
    await expectFile(store, WHOLE)
    const again = await open()
    await expectFile(again, WHOLE)
    again.commit(await again.beginFile(beginOf('binlog.000002')))
    await expectFile(again, WHOLE)
    await expectFile(await open(), WHOLE)
  })

  it('has at most 1 % of index beside it when the records are large', async () => {
    const store = await filled(WHOLE, 256 * 1024)
    await store.close()
    expect(statSync(join(folder, `${NAME}.idx`)).size).toBeLessThan(WHOLE.length / 100)
  })

  it('gives every replica a place before which it has everything, not far before its end', async () => {
    const store = await filled(WHOLE, 256 * 1024)
    const ends = endingsOf(WHOLE).filter((ending) => ending.gtid !== undefined)
    for (let count = 0; count <= 60; count += 7) {
      const held = GtidSet.empty()
      for (let gno = 1; gno <= count; gno += 1) {
        held.add({ origin: '11111111-2222-3333-4444-555555555555', gno: BigInt(gno) })
      }
      const { file, position } = present(await findGtidStart(store, held), 'a place')
      const end = count === 0 ? 4 : present(ends[count - 1], 'a transaction').end
      expect(file).toBe(NAME)
      expect(held.contains(heldOf(WHOLE, position))).toBe(true)
      expect(position).toBeLessThanOrEqual(end)
      expect(end - position).toBeLessThan(6 * 1024 * 1024)
    }
  })

  it('tells what is held behind any of its transactions', async () => {
    const store = await filled(WHOLE, 256 * 1024)
    const origin = '11111111-2222-3333-4444-555555555555'
    for (const gno of [1n, 17n, 60n]) {
      const held = await store.heldBehind({ origin, gno })
      expect(held?.toString()).toBe(`${origin}:1${gno === 1n ? '' : `-${gno}`}`)
    }
    expect(await store.heldBehind({ origin, gno: 61n })).toBeUndefined()
  })

  it('tells its last transaction although its end is far behind its beginning', async () => {
    const store = await filled(HALF, 256 * 1024)
    const last = present(await store.lastTransaction(), 'a transaction')
    expect(last.event.readBigUInt64LE(19 + 17)).toBe(60n)
  })
})

describe('a cut that reaches back over blocks', () => {
  it('leaves the file as it was before the half transaction, and it goes on', async () => {
    const store = await filled(HALF, 700_000)
    const boundary = store.end?.boundary ?? 0
    expect(boundary).toBe(WHOLE.length)
    store.commit(await store.cut(boundary))
    await expectFile(store, WHOLE)
    const longer = bigFile(REAL, { count: 75, size: 300_000, open: 0 })
    await append(store, longer, boundary, 300_001)
    await expectFile(store, longer)
    const again = await open()
    await expectFile(again, longer)
    expect(again.executed().equals(heldOf(longer, longer.length))).toBe(true)
    again.commit(await again.beginFile(beginOf('binlog.000002')))
    await expectFile(await open(), longer)
  })

  it('is kept by a restart that comes right after it', async () => {
    const store = await filled(HALF, 700_000)
    await store.cut(store.end?.boundary ?? 0)
    const again = await open()
    expect(again.end).toEqual({ file: NAME, position: WHOLE.length, boundary: WHOLE.length })
    await expectFile(again, WHOLE)
  })

  it('can be made after a restart', async () => {
    await filled(HALF, 700_000)
    const store = await open()
    expect(store.end?.position).toBe(HALF.length)
    store.commit(await store.cut(store.end?.boundary ?? 0))
    await expectFile(store, WHOLE)
    await append(store, HALF, WHOLE.length, 500_000)
    store.commit(await store.cut(store.end?.boundary ?? 0))
    await expectFile(store, WHOLE)
    await expectFile(await open(), WHOLE)
  })
})

describe('a lost index of a big file', () => {
  it('is made anew, with places for replicas in it', async () => {
    await filled(HALF, 256 * 1024)
    rmSync(join(folder, `${NAME}.idx`))
    const store = await open()
    expect(store.end).toEqual({ file: NAME, position: HALF.length, boundary: WHOLE.length })
    await expectFile(store, WHOLE)
    const start = await findGtidStart(store, heldOf(WHOLE, WHOLE.length))
    expect(start?.position).toBeGreaterThan(WHOLE.length / 2)
  })
})
