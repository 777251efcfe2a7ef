import { existsSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { crc32, OperationalError, silentLogger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { systemDisk } from '../../platform/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { checkFile } from '../check/file-check.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import { Store } from '../store.ts'
import { beginOf, chunksOf, heldOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { readServed } from '../testing/read-served.ts'
import type { IndexSource, RangeSource } from './range-source.ts'
import { type Repaired, type RepairOptions, repairFile } from './repair-file.ts'

const CLOSED = 'binlog.000001'
const ACTIVE = 'binlog.000002'
const BYTES = withPreviousGtids(fixture('ddl-xa.000005'), GtidSet.empty())
const HELD = heldOf(BYTES, BYTES.length)
const CUTS = [700, 701, 1500, 2600]
const crashing = new CrashDisk()
afterEach(async () => await crashing.crash())

interface Held {
  readonly folder: string
  readonly store: Store
}

async function twoFiles(): Promise<Held> {
  const folder = temporaryFolder('repair')
  const store = await crashing.reopen(folder)
  const second = withPreviousGtids(fixture('plain.000002'), HELD)
  for (const [name, bytes] of [[CLOSED, BYTES] as const, [ACTIVE, second] as const]) {
    store.commit(await store.beginFile(beginOf(name)))
    for (const chunk of chunksOf(bytes, 4, bytes.length, CUTS)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
  return { folder, store }
}

/** Gives a file in pieces of 100 bytes, from the place where whoever reads events can begin. */
function sourceOf(bytes: Buffer, name = 'the source'): RangeSource {
  return {
    name,
    async *bytes({ start }) {
      for (let at = start; at < bytes.length; at += 100) {
        yield { position: at, bytes: bytes.subarray(at, at + 100) }
      }
    },
  }
}

async function repair(
  { folder, store }: Held,
  name: string,
  change: Partial<RepairOptions> = {},
): Promise<Repaired> {
  const file = store.hold(name)
  try {
    return await repairFile({
      disk: crashing.disk,
      folder,
      storeId: 'store-1',
      name,
      file,
      growing: () => store.growing(name),
      sources: [sourceOf(BYTES)],
      indexes: undefined,
      neighbours: () => ({ before: undefined, after: name === CLOSED ? ACTIVE : undefined }),
      heldAfter: async () => (name === CLOSED ? await store.previousGtids(ACTIVE) : undefined),
      purged: store.purged(),
      dryRun: false,
      progress: () => {},
      logger: silentLogger,
      signal: new AbortController().signal,
      ...change,
    })
  } finally {
    await file.release()
  }
}

async function damagesOf({ folder, store }: Held, name: string): Promise<unknown> {
  const signal = new AbortController().signal
  const where = { disk: crashing.disk, folder, name, growing: store.growing(name) }
  return (await checkFile({ ...where, signal, pace: async () => {} }))?.damages
}

test('any byte of a closed file is brought back, and the store reads it without a restart', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  for (let at = 0; at < BYTES.length; at += 97) {
    flipBit(path, at)
    const { damages, from } = await repair(held, CLOSED)
    expect([at, damages.length, from]).toEqual([at, 1, at < 4 ? [] : ['the source']])
    expect(readFileSync(path).equals(BYTES)).toBe(true)
  }
  expect(await damagesOf(held, CLOSED)).toEqual([])
  expect(readdirSync(join(held.folder, 'repair'))).toEqual([])
})

test('a dump that has the file open goes on with the bytes of the repair', async () => {
  const held = await twoFiles()
  const reader = await held.store.openFile(CLOSED)
  flipBit(join(held.folder, CLOSED), 1600)
  const target = Buffer.alloc(RECORD_BYTES_MAX)
  expect(() => reader.read(1500, target)).toThrow('is damaged at position 1500')
  await repair(held, CLOSED)
  const { bytes } = reader.read(1500, target)
  expect(bytes.equals(BYTES.subarray(1500))).toBe(true)
  await reader.close()
  expect((await readServed(held.store, CLOSED)).equals(BYTES.subarray(4))).toBe(true)
})

test('the file that is written to is repaired where it stands, and goes on to be written to', async () => {
  const held = await twoFiles()
  const path = join(held.folder, ACTIVE)
  const bytes = readFileSync(path)
  flipBit(path, 900)
  await repair(held, ACTIVE, { sources: [sourceOf(bytes)] })
  expect(readFileSync(path).equals(bytes)).toBe(true)
  const more = withPreviousGtids(fixture('plain.000002'), HELD).subarray(-100)
  const { end } = held.store
  const boundary = (end?.position ?? 0) + more.length
  await held.store.append({
    bytes: more,
    crc: crc32(more),
    boundary,
    gtids: undefined,
    timestamp: 7,
  })
  held.store.commit(await held.store.sync())
  expect((await readServed(held.store, ACTIVE)).length).toBe(boundary - 4)
})

test('bytes that are others than those that were stored never take their place', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  flipBit(path, 1600)
  const damaged = readFileSync(path)
  const others = Buffer.from(BYTES)
  others[1700] = (others[1700] ?? 0) ^ 1
  const first = sourceOf(others, 'node2')
  await expect(repair(held, CLOSED, { sources: [first] })).rejects.toMatchObject({
    code: 'E_REPAIR_IMPOSSIBLE',
    message: `${CLOSED} cannot be repaired: node2 has other bytes there than those that were stored here`,
  })
  expect(readFileSync(path).equals(damaged)).toBe(true)
  // The next who has it true is asked.
  const { from } = await repair(held, CLOSED, { sources: [first, sourceOf(BYTES)] })
  expect(from).toEqual(['the source'])
  expect(readFileSync(path).equals(BYTES)).toBe(true)
})

test('a dry run finds out whether it can be repaired, and changes nothing', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  flipBit(path, 1600)
  const damaged = readFileSync(path)
  expect(await repair(held, CLOSED, { dryRun: true })).toMatchObject({ from: ['the source'] })
  expect(readFileSync(path).equals(damaged)).toBe(true)
  const purged: RangeSource = {
    name: 'the source',
    bytes() {
      throw new OperationalError('E_SOURCE_PURGED', 'it has purged the file')
    },
  }
  await expect(repair(held, CLOSED, { dryRun: true, sources: [purged] })).rejects.toThrow(
    `${CLOSED} cannot be repaired: the source: it has purged the file`,
  )
})

test('any byte of an index that is damaged alone is mended from the file, without a source', async () => {
  const held = await twoFiles()
  const index = join(held.folder, `${CLOSED}.idx`)
  const { length } = readFileSync(index)
  for (let at = 0; at < length; at += 23) {
    if (at >= readFileSync(index).length) break
    flipBit(index, at)
    const { from } = await repair(held, CLOSED, { sources: [] })
    expect([at, from]).toEqual([at, []])
    expect(await damagesOf(held, CLOSED)).toEqual([])
  }
  expect((await readServed(held.store, CLOSED)).equals(BYTES.subarray(4))).toBe(true)
  const again = await crashing.reopen(held.folder)
  expect(again.executed().toString()).toBe(held.store.executed().toString())
})

test('a file that is damaged with its index is had again whole', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  flipBit(path, 1600)
  flipBit(`${path}.idx`, 20)
  await expect(repair(held, CLOSED, { sources: [] })).rejects.toThrow('nobody is there to ask')
  const short = sourceOf(BYTES.subarray(0, 3000))
  await expect(repair(held, CLOSED, { sources: [short] })).rejects.toThrow(
    `the source has 3000 bytes of it, and ${BYTES.length} were stored`,
  )
  // Whole events, and those of another file.
  const other = Buffer.concat([withPreviousGtids(fixture('plain.000002'), HELD)])
  const padded = Buffer.concat([other, BYTES.subarray(other.length)])
  await expect(repair(held, CLOSED, { sources: [sourceOf(padded)] })).rejects.toMatchObject({})
  expect(await repair(held, CLOSED)).toMatchObject({ from: ['the source'] })
  expect(readFileSync(path).equals(BYTES)).toBe(true)
  expect(await damagesOf(held, CLOSED)).toEqual([])
})

test('a file that is shorter or longer than what was stored is made what it was', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  truncateSync(path, 1000)
  await repair(held, CLOSED)
  expect(readFileSync(path).equals(BYTES)).toBe(true)
  writeFileSync(path, Buffer.concat([BYTES, Buffer.from('more')]))
  await repair(held, CLOSED, { sources: [] })
  expect(readFileSync(path).equals(BYTES)).toBe(true)
})

test('nobody purges a file while it is repaired', async () => {
  const held = await twoFiles()
  const file = held.store.hold(CLOSED)
  await expect(held.store.purge(ACTIVE)).rejects.toMatchObject({ code: 'E_FILE_IN_USE' })
  await file.release()
  await held.store.purge(ACTIVE)
})

test('a dry run changes nothing in the file that is written to', async () => {
  const held = await twoFiles()
  const path = join(held.folder, ACTIVE)
  const bytes = readFileSync(path)
  flipBit(path, 900)
  const damaged = readFileSync(path)
  const change = { dryRun: true, sources: [sourceOf(bytes)] }
  expect(await repair(held, ACTIVE, change)).toMatchObject({ from: ['the source'] })
  expect(readFileSync(path).equals(damaged)).toBe(true)
})

test('what the disk gave wrong while it was copied does not take the place of the file', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  flipBit(path, 1600)
  const damaged = readFileSync(path)
  // The file is read for the copy when that is there.
  crashing.onWasRead = (read, bytes) => {
    const isCopied = read === path && existsSync(join(held.folder, 'repair', CLOSED))
    if (isCopied) bytes[0] = (bytes[0] ?? 0) ^ 1
  }
  await expect(repair(held, CLOSED)).rejects.toThrow('what was copied is damaged')
  crashing.onWasRead = () => {}
  expect(readFileSync(path).equals(damaged)).toBe(true)
})

/** The index of the closed file as another store has it. */
async function indexOfOther(cuts: readonly number[]): Promise<IndexSource> {
  const folder = temporaryFolder('repair-other')
  const where = { disk: systemDisk, folder, storeId: 'store-2', logger: silentLogger }
  const store = await Store.open(where)
  store.commit(await store.beginFile(beginOf(CLOSED)))
  for (const chunk of chunksOf(BYTES, 4, BYTES.length, cuts)) await store.append(chunk)
  store.commit(await store.sync())
  store.commit(await store.beginFile(beginOf(ACTIVE)))
  await store.close()
  const bytes = readFileSync(join(folder, `${CLOSED}.idx`))
  return {
    name: 'node2',
    async *index() {
      yield bytes.subarray(0, 200)
      yield bytes.subarray(200)
    },
  }
}

test('the index that another node has becomes that of this store', async () => {
  const held = await twoFiles()
  const path = join(held.folder, `${CLOSED}.idx`)
  const { length } = readFileSync(path)
  for (let at = 0; at < length - 52; at += 29) {
    flipBit(path, at)
    const { from } = await repair(held, CLOSED, { indexes: [await indexOfOther(CUTS)] })
    expect([at, from, await damagesOf(held, CLOSED)]).toEqual([at, ['node2'], []])
  }
  await crashing.reopen(held.folder)
})

test('an index of other records is not taken', async () => {
  const held = await twoFiles()
  const path = join(held.folder, `${CLOSED}.idx`)
  flipBit(path, 150)
  const damaged = readFileSync(path)
  await expect(
    repair(held, CLOSED, { indexes: [await indexOfOther([800])] }),
  ).rejects.toMatchObject({
    code: 'E_REPAIR_IMPOSSIBLE',
    message: expect.stringContaining('its records are not those between our other files'),
  })
  expect(readFileSync(path).equals(damaged)).toBe(true)
  expect(readdirSync(join(held.folder, 'repair'))).toEqual([])
})

test.each([1, 2])(
  'a crash at rename %i leaves a store that opens, and is repaired then',
  async (nth) => {
    const held = await twoFiles()
    const path = join(held.folder, CLOSED)
    flipBit(path, 1600)
    flipBit(`${path}.idx`, 20)
    let left = nth
    const rename: typeof crashing.disk.rename = async (from, to) => {
      left -= 1
      if (left === 0) throw new Error('the process has died')
      await crashing.disk.rename(from, to)
    }
    const dying = { ...crashing.disk, rename, remove: async () => {} }
    await expect(repair(held, CLOSED, { disk: dying })).rejects.toThrow('the process has died')
    const store = await crashing.reopen(held.folder)
    expect(store.executed().toString()).toBe(held.store.executed().toString())
    const again = { folder: held.folder, store }
    await expect(readServed(store, CLOSED)).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
    expect(await repair(again, CLOSED)).toMatchObject({ from: ['the source'] })
    expect((await readServed(store, CLOSED)).equals(BYTES.subarray(4))).toBe(true)
    expect(await damagesOf(again, CLOSED)).toEqual([])
    await crashing.reopen(held.folder)
  },
)

test('a file that was begun inside one of the source’s cannot be had again whole', async () => {
  const held = await twoFiles()
  const path = join(held.folder, CLOSED)
  flipBit(path, 1600)
  flipBit(`${path}.idx`, 20)
  const file = held.store.hold(CLOSED)
  const origin = { ...file.facts.origin, sourcePosition: 9000, basePosition: 500 }
  const moved = { ...file, facts: { ...file.facts, origin } }
  await expect(repair(held, CLOSED, { file: moved })).rejects.toThrow(
    'what is before position 500 was made here, and no source has it',
  )
  await file.release()
})
