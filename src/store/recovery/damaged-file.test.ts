import { appendFileSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { crc32 } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import type { Store } from '../store.ts'
import { beginOf, chunksOf, heldOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { readServed } from '../testing/read-served.ts'

const OLDEST = 'binlog.000001'
const MIDDLE = 'binlog.000002'
const ACTIVE = 'binlog.000003'
const CUTS = [700, 701, 1500, 2600]
const crashing = new CrashDisk()
let folder = ''
let files: ReadonlyMap<string, Buffer>
let executed = ''
let purged = ''

/** Each of them has a PREVIOUS_GTIDS of those before; `purged` was held before the first. */
function threeFiles(): ReadonlyMap<string, Buffer> {
  const made = new Map<string, Buffer>()
  let held = GtidSet.parse('11111111-1111-1111-1111-111111111111:1-7')
  for (const [name, kind] of [
    [OLDEST, 'ddl-xa.000005'],
    [MIDDLE, 'plain.000002'],
    [ACTIVE, 'statement-rowsquery-partialjson.000007'],
  ] as const) {
    const bytes = withPreviousGtids(fixture(kind), held)
    made.set(name, bytes)
    held = held.union(heldOf(bytes, bytes.length))
  }
  return made
}

beforeEach(async () => {
  folder = temporaryFolder('damaged')
  files = threeFiles()
  const store = await crashing.reopen(folder)
  for (const [name, bytes] of files) {
    const first = GtidSet.parse('11111111-1111-1111-1111-111111111111:1-7')
    store.commit(await store.beginFile(beginOf(name, name === OLDEST ? first : undefined)))
    for (const chunk of chunksOf(bytes, 4, bytes.length, CUTS)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
  executed = store.executed().toString()
  purged = store.purged().toString()
  await store.close()
})
afterEach(async () => await crashing.crash())

const pathOf = (name: string): string => join(folder, name)

/** Files that are named when the store is opened, each once. */
const suspects = (store: Store): string[] => [
  ...new Set(store.alarms.suspects.value.map(({ file }) => file)),
]

async function expectWhole(store: Store, ...names: readonly string[]): Promise<void> {
  for (const name of names) {
    expect(
      (await readServed(store, name)).equals((files.get(name) ?? Buffer.alloc(0)).subarray(4)),
    ).toBe(true)
  }
  expect(store.executed().toString()).toBe(executed)
}

describe('a closed file', () => {
  it('that is damaged with its index is named and not read, and the others are served', async () => {
    flipBit(pathOf(MIDDLE), 900)
    flipBit(pathOf(`${MIDDLE}.idx`), 20)
    const index = readFileSync(pathOf(`${MIDDLE}.idx`))
    for (let start = 1; start <= 2; start += 1) {
      const store = await crashing.reopen(folder)
      expect(suspects(store)).toEqual([MIDDLE, `${MIDDLE}.idx`])
      await expectWhole(store, OLDEST, ACTIVE)
      expect(store.purged().toString()).toBe(purged)
      await expect(store.openFile(MIDDLE)).rejects.toMatchObject({
        code: 'E_STORE_DAMAGED',
        context: { file: `${MIDDLE}.idx` },
      })
      expect(store.files().map(({ name }) => name)).toEqual([OLDEST, MIDDLE, ACTIVE])
      // What is left of it stays for whoever repairs.
      expect(readFileSync(pathOf(`${MIDDLE}.idx`)).equals(index)).toBe(true)
    }
  })

  it.each([0, 100, 10_000])(
    'whose index has changed at %i of 10,000 is given another',
    async (at) => {
      const path = pathOf(`${MIDDLE}.idx`)
      const { length } = readFileSync(path)
      flipBit(path, Math.min(length - 1, Math.trunc((at * length) / 10_000)))
      // The start after that finds nothing to do.
      for (let start = 1; start <= 2; start += 1) {
        const store = await crashing.reopen(folder)
        expect(suspects(store)).toEqual([])
        await expectWhole(store, OLDEST, MIDDLE, ACTIVE)
      }
    },
  )

  it('that has lost its end is named where it ends, and the others are served', async () => {
    truncateSync(pathOf(MIDDLE), 1000)
    const store = await crashing.reopen(folder)
    expect(suspects(store)).toEqual([MIDDLE])
    await expectWhole(store, OLDEST, ACTIVE)
    const reader = await store.openFile(MIDDLE)
    expect(() => reader.read(4, Buffer.alloc(RECORD_BYTES_MAX))).toThrow(
      'is damaged at position 701',
    )
    await reader.close()
  })

  it('that has more than was stored is served as it was stored', async () => {
    appendFileSync(pathOf(MIDDLE), 'more')
    const store = await crashing.reopen(folder)
    expect(suspects(store)).toEqual([MIDDLE])
    await expectWhole(store, OLDEST, MIDDLE, ACTIVE)
  })

  it('that is damaged where it says what was before it is opened, and tells it when it is repaired', async () => {
    flipBit(pathOf(OLDEST), 170)
    const store = await crashing.reopen(folder)
    expect(suspects(store)).toEqual([OLDEST])
    await expectWhole(store, MIDDLE, ACTIVE)
    await expect(store.previousGtids(OLDEST)).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
    const held = store.hold(OLDEST)
    flipBit(pathOf(OLDEST), 170)
    await held.renew()
    await held.release()
    expect(store.purged().toString()).toBe(purged)
    await expectWhole(store, OLDEST)
  })
})

describe('the file that is written to', () => {
  it('gets its first bytes again, since they are known', async () => {
    flipBit(pathOf(ACTIVE), 1)
    await expectWhole(await crashing.reopen(folder), OLDEST, MIDDLE, ACTIVE)
    expect(readFileSync(pathOf(ACTIVE)).equals(files.get(ACTIVE) ?? Buffer.alloc(0))).toBe(true)
  })

  it.each([
    ['a byte of it is another one', () => flipBit(pathOf(ACTIVE), 900)],
    ['it has lost its end', () => truncateSync(pathOf(ACTIVE), 900)],
  ])(
    'is refused where %s, nothing is cut, and the remedy that is told helps',
    async (_, damage) => {
      damage()
      const damaged = readFileSync(pathOf(ACTIVE))
      await expect(crashing.reopen(folder)).rejects.toMatchObject({
        code: 'E_STORE_DAMAGED',
        context: { file: ACTIVE },
        message: expect.stringContaining(
          `put the source's file of that name in its place (or a backup's), remove ${ACTIVE}.idx, and start`,
        ) as string,
      })
      expect(readFileSync(pathOf(ACTIVE)).equals(damaged)).toBe(true)

      writeFileSync(pathOf(ACTIVE), files.get(ACTIVE) ?? '')
      rmSync(pathOf(`${ACTIVE}.idx`))
      const store = await crashing.reopen(folder)
      await expectWhole(store, OLDEST, MIDDLE, ACTIVE)
      expect(store.purged().toString()).toBe(purged)
    },
  )

  it('is opened where it is damaged before a place whose GTIDs are known', async () => {
    const store = await crashing.reopen(folder)
    const { length: start } = files.get(ACTIVE) ?? Buffer.alloc(0)
    const filler = await fill(store, start)
    await store.close()
    flipBit(pathOf(ACTIVE), start + 10)
    const again = await crashing.reopen(folder)
    expect(suspects(again)).toEqual([ACTIVE])
    expect(again.executed().toString()).toBe(executed)
    expect(again.end).toEqual(filler.end)
    await expect(readServed(again, ACTIVE)).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
    const behind = await readServed(again, ACTIVE, start + filler.size)
    expect(behind.length).toBe((filler.end?.position ?? 0) - start - filler.size)
  })
})

/** Appends 6 MiB of events that stand outside transactions: the index says on the way what is held. */
async function fill(store: Store, from: number): Promise<{ size: number; end: Store['end'] }> {
  const size = 512 * 1024
  let at = from
  for (let piece = 0; piece < 12; piece += 1) {
    const bytes = ignorableEvent(size, at)
    at += size
    const facts = { crc: crc32(bytes), boundary: at, gtids: undefined, timestamp: 7 }
    await store.append({ bytes, ...facts })
    store.commit(await store.sync())
  }
  return { size, end: store.end }
}

/** IGNORABLE_LOG_EVENT, with its checksum. */
function ignorableEvent(size: number, position: number): Buffer {
  const event = Buffer.alloc(size, 0x20)
  event.writeUInt32LE(7, 0)
  event.writeUInt8(28, 4)
  event.writeUInt32LE(1, 5)
  event.writeUInt32LE(size, 9)
  event.writeUInt32LE(position + size, 13)
  event.writeUInt16LE(0x80, 17)
  event.writeUInt32LE(crc32(event.subarray(0, size - 4)), size - 4)
  return event
}
