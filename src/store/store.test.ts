import { mkdtempSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixture } from '../../test/captured-files.ts'
import { OperationalError } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'
import { findGtidStart } from './lookup/gtid-lookup.ts'
import { RECORD_BYTES_MAX } from './record.ts'
import type { Store } from './store.ts'
import { beginOf, chunksOf, endingsOf, heldOf, withPreviousGtids } from './testing/binlog-feed.ts'
import { CrashDisk } from './testing/crash-disk.ts'
import { readServed } from './testing/read-served.ts'

const PLAIN = withPreviousGtids(fixture('ddl-xa.000005'), GtidSet.empty())
const LARGE = withPreviousGtids(fixture('large-trx.000006'), GtidSet.empty())
const NAME = 'binlog.000005'

let folder: string
const crashing = new CrashDisk()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-store-'))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(folder, { recursive: true, force: true })
})

const open = (): Promise<Store> => crashing.reopen(folder)

async function flush(store: Store): Promise<void> {
  store.commit(await store.sync())
}

async function begin(store: Store, name: string, purged?: GtidSet): Promise<void> {
  store.commit(await store.beginFile(beginOf(name, purged)))
}

/** A store that holds `file` whole or up to `to`, in records cut at `cuts`, each synced. */
async function filled(file: Buffer, cuts: readonly number[], to = file.length): Promise<Store> {
  const store = await open()
  await begin(store, NAME)
  for (const chunk of chunksOf(file, 4, to, cuts)) {
    await store.append(chunk)
    await flush(store)
  }
  return store
}

async function damageOf(work: () => Promise<unknown>): Promise<unknown> {
  const thrown = await work().then(
    () => undefined,
    (error: unknown) => error,
  )
  return thrown instanceof OperationalError ? { code: thrown.code, ...thrown.context } : thrown
}

describe('what was synced', () => {
  it('is there after the process has died, whatever the records were', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.integer({ min: 5, max: PLAIN.length - 1 }), { maxLength: 40 }),
        fc.integer({ min: 5, max: PLAIN.length }),
        async (cuts, to) => {
          rmSync(folder, { recursive: true, force: true })
          const first = await filled(PLAIN, cuts, to)
          const before = { end: first.end, executed: first.executed().toString() }
          const store = await open()
          expect(store.end).toEqual(before.end)
          expect(store.executed().toString()).toBe(before.executed)
          expect(store.executed().equals(heldOf(PLAIN, to))).toBe(true)
          const boundary = store.end?.boundary ?? 0
          expect(await readServed(store, NAME)).toEqual(PLAIN.subarray(4, boundary))
          expect(store.sequence).toBe(first.sequence)
        },
      ),
      { numRuns: 40 },
    )
  })

  it('is the same file, byte for byte', async () => {
    await filled(PLAIN, [100, 1000, 1001, 2000])
    expect(readFileSync(join(folder, NAME))).toEqual(PLAIN)
  })

  it('costs an index of at most 20 bytes for each further small record', async () => {
    const cuts = endingsOf(PLAIN).map((ending) => ending.end)
    await filled(PLAIN, [])
    const one = statSync(join(folder, `${NAME}.idx`)).size
    rmSync(folder, { recursive: true })
    await filled(PLAIN, cuts)
    const many = statSync(join(folder, `${NAME}.idx`)).size
    expect((many - one) / (cuts.length - 1)).toBeLessThanOrEqual(20)
  })
})

describe('the visible end', () => {
  it('stays before a transaction until all of it is committed', async () => {
    const store = await open()
    await begin(store, NAME)
    const [half, rest] = chunksOf(LARGE, 4, LARGE.length, [100_000])
    await store.append(half as never)
    await flush(store)
    const shown = store.visible.value?.position ?? 0
    expect(shown).toBe(store.end?.boundary)
    expect(shown).toBeLessThan(100_000)
    expect((await readServed(store, NAME)).length).toBe(shown - 4)
    await store.append(rest as never)
    expect(store.visible.value?.position).toBe(shown)
    await flush(store)
    expect(await readServed(store, NAME)).toEqual(LARGE.subarray(4))
  })
})

describe('recovery of a tail that the index does not speak of', () => {
  // Hundreds of starts, each with its syncs: half a minute on a disk that others use.
  it('keeps whole events and cuts the torn one away, wherever the file ends', {
    timeout: 120_000,
  }, async () => {
    const cut = 1200
    await filled(PLAIN, [cut], cut)
    const index = readFileSync(join(folder, `${NAME}.idx`))
    const endings = [cut, ...endingsOf(PLAIN).map((ending) => ending.end)]
    for (let size = cut; size <= PLAIN.length; size += size < 2200 ? 1 : 37) {
      writeFileSync(join(folder, NAME), PLAIN.subarray(0, size))
      writeFileSync(join(folder, `${NAME}.idx`), index)
      const store = await open()
      const expected = Math.max(...endings.filter((end) => end <= size))
      expect(store.end?.position).toBe(expected)
      expect(store.executed().equals(heldOf(PLAIN, expected))).toBe(true)
      expect(statSync(join(folder, NAME)).size).toBe(expected)
    }
  })

  it('cuts away garbage behind the last event', async () => {
    const store = await filled(PLAIN, [500])
    await store.close()
    writeFileSync(join(folder, NAME), Buffer.concat([PLAIN, Buffer.alloc(5000, 7)]))
    expect((await open()).end?.position).toBe(PLAIN.length)
    expect(readFileSync(join(folder, NAME))).toEqual(PLAIN)
  })

  it('takes an index that was torn at any byte', async () => {
    await filled(PLAIN, [300, 900, 1500])
    const index = readFileSync(join(folder, `${NAME}.idx`))
    for (let size = 0; size < index.length; size += 1) {
      writeFileSync(join(folder, `${NAME}.idx`), index.subarray(0, size))
      const store = await open()
      expect(store.end?.position).toBe(PLAIN.length)
      expect(store.executed().equals(heldOf(PLAIN, PLAIN.length))).toBe(true)
      expect(store.origin).toEqual(beginOf(NAME))
      expect(await readServed(store, NAME)).toEqual(PLAIN.subarray(4))
    }
  })

  it('makes a lost index anew, with the origin and the purged set of the source', async () => {
    const purged = GtidSet.parse('11111111-2222-3333-4444-555555555555:1-9')
    const first = await open()
    await begin(first, NAME, purged)
    for (const chunk of chunksOf(PLAIN, 4, PLAIN.length, [])) await first.append(chunk)
    await flush(first)
    rmSync(join(folder, `${NAME}.idx`))
    const store = await open()
    expect(store.origin).toEqual(beginOf(NAME, purged))
    expect(store.executed().equals(heldOf(PLAIN, PLAIN.length).union(purged))).toBe(true)
    expect(store.purged().equals(purged)).toBe(true)
    expect(await readServed(store, NAME)).toEqual(PLAIN.subarray(4))
  })

  it('refuses a last file that has lost even its magic bytes, and does not take it for a new one', async () => {
    await filled(PLAIN, [500])
    await crashing.crash()
    for (const size of [3, 0]) {
      truncateSync(join(folder, NAME), size)
      const damage = { code: 'E_STORE_DAMAGED', file: NAME, position: size }
      expect(await damageOf(open)).toMatchObject(damage)
    }
  })

  it('begins a last file anew whose magic bytes a power cut has kept from the disk', async () => {
    const first = await open()
    await begin(first, NAME)
    await crashing.crash()
    writeFileSync(join(folder, NAME), Buffer.alloc(4))
    const store = await open()
    expect(store.end).toBeUndefined()
    await begin(store, NAME)
    expect(store.end).toMatchObject({ file: NAME, position: 4 })
  })

  it('refuses a file that is shorter than what was stored, and names the place', async () => {
    await filled(PLAIN, [500])
    truncateSync(join(folder, NAME), 700)
    expect(await damageOf(open)).toMatchObject({
      code: 'E_STORE_DAMAGED',
      file: NAME,
      position: 700,
    })
  })
})

describe('a damaged byte', () => {
  function flip(at: number): void {
    const bytes = readFileSync(join(folder, NAME))
    bytes[at] = (bytes[at] ?? 0) ^ 0x10
    writeFileSync(join(folder, NAME), bytes)
  }

  it('in the last records is found when the store opens', async () => {
    await filled(PLAIN, [500, 1000])
    flip(700)
    expect(await damageOf(open)).toMatchObject({
      code: 'E_STORE_DAMAGED',
      file: NAME,
      position: 500,
    })
  })

  it('is found when it is read and never handed out', async () => {
    const store = await filled(PLAIN, [500, 1000])
    flip(700)
    const reader = await store.openFile(NAME)
    const target = Buffer.alloc(RECORD_BYTES_MAX)
    const damage = { code: 'E_STORE_DAMAGED', file: NAME, position: 500 }
    expect(await damageOf(async () => reader.read(4, target))).toMatchObject(damage)
    expect(await damageOf(() => reader.readAsync(600, target))).toMatchObject(damage)
    expect(reader.read(1000, target).bytes).toEqual(PLAIN.subarray(1000))
    await reader.close()
  })
})

describe('a cut', () => {
  it('ends the file at the boundary, also in the middle of a record, and what follows is stored', async () => {
    const store = await filled(LARGE, [50_000], 100_000)
    const boundary = store.end?.boundary ?? 0
    expect(boundary).toBeLessThan(50_000)
    const sequence = await store.cut(boundary)
    store.commit(sequence)
    expect(store.end).toEqual({ file: NAME, position: boundary, boundary })
    expect(await readServed(store, NAME)).toEqual(LARGE.subarray(4, boundary))
    for (const chunk of chunksOf(LARGE, boundary, LARGE.length, [70_000])) await store.append(chunk)
    await flush(store)
    expect(await readServed(store, NAME)).toEqual(LARGE.subarray(4))
    const again = await open()
    expect(await readServed(again, NAME)).toEqual(LARGE.subarray(4))
    expect(again.sequence).toBe(sequence + 2)
  })

  it('is done again when the process died before the bytes were gone', async () => {
    const store = await filled(LARGE, [50_000], 100_000)
    const boundary = store.end?.boundary ?? 0
    const full = readFileSync(join(folder, NAME))
    const before = statSync(join(folder, `${NAME}.idx`)).size
    await store.cut(boundary)
    // The entry of the cut without what follows it: the tag, three numbers, a CRC and the check.
    const index = readFileSync(join(folder, `${NAME}.idx`))
    writeFileSync(join(folder, NAME), full)
    let done = false
    for (let size = before; size < index.length; size += 1) {
      writeFileSync(join(folder, NAME), full)
      writeFileSync(join(folder, `${NAME}.idx`), index.subarray(0, size))
      const { position } = (await open()).end ?? { position: 0 }
      done ||= position === boundary
      expect(position).toBe(done ? boundary : 100_000)
      if (done) break
    }
    expect(done).toBe(true)
  })
})

describe('several files', () => {
  it.each([1, 52])(
    'that was being closed is closed as if nothing was, %i bytes missing',
    async (lost) => {
      const store = await filled(PLAIN, [])
      await begin(store, 'binlog.000006')
      await store.close()
      const index = join(folder, `${NAME}.idx`)
      const closed = readFileSync(index)
      // The next file goes on from the running digest there.
      truncateSync(index, closed.length - lost)
      await open()
      expect(readFileSync(index)).toEqual(closed)
    },
  )

  const names = ['binlog.000009', 'binlog.000010', 'other.000011']

  /** Files that follow each other; returns them as they were given to the store. */
  async function threeFiles(): Promise<{ store: Store; files: Buffer[] }> {
    const store = await open()
    const held = GtidSet.empty()
    const files: Buffer[] = []
    for (const [index, source] of [PLAIN, LARGE, fixture('tagged-gtids.000003')].entries()) {
      const file = withPreviousGtids(source, held)
      await begin(store, names[index] ?? '')
      for (const chunk of chunksOf(file, 4, file.length, [1000, 60_000])) await store.append(chunk)
      await flush(store)
      held.addAll(heldOf(file, file.length))
      files.push(file)
    }
    return { store, files }
  }

  it('are read again after a restart, each whole, with what was before it', async () => {
    const { files } = await threeFiles()
    const store = await open()
    expect(store.files().map((file) => file.name)).toEqual(names)
    for (const [index, file] of files.entries()) {
      expect(await readServed(store, names[index] ?? '')).toEqual(file.subarray(4))
    }
    const before = heldOf(files[0] as Buffer, Infinity).union(heldOf(files[1] as Buffer, Infinity))
    expect((await store.previousGtids('other.000011')).equals(before)).toBe(true)
  })

  it('are read again when every index was lost', async () => {
    const { files, store: first } = await threeFiles()
    for (const name of names) rmSync(join(folder, `${name}.idx`))
    const store = await open()
    for (const [index, file] of files.entries()) {
      expect(await readServed(store, names[index] ?? '')).toEqual(file.subarray(4))
    }
    expect(store.executed().equals(first.executed())).toBe(true)
    expect((await open()).files()).toEqual(store.files())
  })

  it('are refused when one in the middle is gone', async () => {
    await threeFiles()
    rmSync(join(folder, names[1] ?? ''))
    expect(await damageOf(open)).toMatchObject({ code: 'E_STORE_DAMAGED', file: names[2] })
  })

  it('give a replica the newest place before which nothing is missing', async () => {
    const { store, files } = await threeFiles()
    const whole = files.map((file) => heldOf(file, Infinity))
    const held = GtidSet.empty()
    const starts = [await findGtidStart(store, held)]
    for (const set of whole) {
      held.addAll(set)
      starts.push(await findGtidStart(store, held))
    }
    expect(starts.map((start) => start?.file)).toEqual([...names, 'other.000011'])
  })

  it('go oldest first in a purge, never one that is read, and stay gone', async () => {
    const { store, files } = await threeFiles()
    const reader = await store.openFile('binlog.000009')
    await expect(store.purge('binlog.000010')).rejects.toMatchObject({ code: 'E_FILE_IN_USE' })
    await reader.close()
    await store.purge('other.000011')
    await flush(store)
    await store.removePurged()
    expect(store.files().map((file) => file.name)).toEqual(['other.000011'])
    const gone = heldOf(files[0] as Buffer, Infinity).union(heldOf(files[1] as Buffer, Infinity))
    expect(store.purged().equals(gone)).toBe(true)
    await expect(store.openFile('binlog.000010')).rejects.toMatchObject({ code: 'E_FILE_UNKNOWN' })
    expect(await findGtidStart(store, GtidSet.empty())).toBeUndefined()
    const again = await open()
    expect(again.purged().equals(gone)).toBe(true)
    expect(again.executed().equals(store.executed())).toBe(true)
    expect(again.sequence).toBe(store.sequence)
  })
})

describe('a newest file', () => {
  it('is purged up to only once it says what came before it', async () => {
    const store = await filled(PLAIN, [])
    const names = async (): Promise<string[]> => (await store.purgeableTo()).map(({ name }) => name)
    expect(await names()).toEqual([NAME])
    await begin(store, 'binlog.000009')
    expect(store.files().map(({ name }) => name)).toEqual([NAME, 'binlog.000009'])
    let from = 4
    for (const { end } of endingsOf(PLAIN).slice(0, 2)) {
      expect(await names()).toEqual([NAME])
      for (const chunk of chunksOf(PLAIN, from, end, [])) await store.append(chunk)
      await flush(store)
      from = end
    }
    expect(await names()).toEqual([NAME, 'binlog.000009'])
  })
})

describe('the last transaction', () => {
  it('is told by its GTID event', async () => {
    const store = await filled(PLAIN, [500])
    const last = await store.lastTransaction()
    expect(last?.file).toBe(NAME)
    const { position = 0, event = Buffer.alloc(0) } = last ?? {}
    expect(event).toEqual(PLAIN.subarray(position, position + event.length))
    const after = endingsOf(PLAIN).filter((ending) => ending.end > position && ending.gtid)
    expect(after).toHaveLength(1)
  })

  it('is unknown in a file without any', async () => {
    const store = await filled(PLAIN, [], endingsOf(PLAIN)[1]?.end)
    expect(await store.lastTransaction()).toBeUndefined()
  })
})
