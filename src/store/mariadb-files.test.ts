import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { fixture } from '../../test/captured-files.ts'
import { formatGtid, GtidSet } from '../mysql/index.ts'
import { findGtidStart } from './lookup/gtid-lookup.ts'
import type { Store } from './store.ts'
import { beginOf, chunksOf, endingsOf } from './testing/binlog-feed.ts'
import { CrashDisk } from './testing/crash-disk.ts'

const FILES = ['000001', '000002'].map((number) => ({
  name: `binlog.${number}`,
  bytes: fixture(`mariadb-kinds.${number}`),
}))
const STATE = '0-11-23,7-11-1'
const GTIDS = FILES.flatMap(({ bytes }) => endingsOf(bytes)).flatMap(({ gtid }) => gtid ?? [])
const cuts = fc.uniqueArray(fc.integer({ min: 5, max: 5433 }), { maxLength: 12 })

let folder: string
const crashing = new CrashDisk()
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-store-'))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(folder, { recursive: true, force: true })
})

async function filled(at: readonly number[]): Promise<Store> {
  const store = await crashing.reopen(folder)
  for (const { name, bytes } of FILES) {
    store.commit(await store.beginFile(beginOf(name)))
    for (const chunk of chunksOf(bytes, 4, bytes.length, at)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
  return store
}

/** Of each transaction in the order of the files, what is held behind it. */
function heldBehindEach(): GtidSet[] {
  const held = GtidSet.empty()
  return GTIDS.map((gtid) => {
    held.add(gtid)
    return held.clone()
  })
}

async function expectAll(store: Store): Promise<void> {
  expect(store.executed().toString()).toBe(STATE)
  expect(store.purged().isEmpty).toBe(true)
  expect((await store.previousGtids('binlog.000002')).toString()).toBe('0-11-22,7-11-1')
  for (const [index, held] of heldBehindEach().entries()) {
    const gtid = GTIDS[index]
    if (gtid === undefined) continue
    const found = await store.heldBehind(gtid)
    expect(`${formatGtid(gtid)}: ${found?.toString()}`).toBe(
      `${formatGtid(gtid)}: ${held.toString()}`,
    )
    const start = await findGtidStart(store, held)
    expect(start?.file).toBe(index < 22 ? 'binlog.000001' : 'binlog.000002')
  }
}

it('holds what MariaDB wrote however it came, and finds every transaction after a restart too', async () => {
  await fc.assert(
    fc.asyncProperty(cuts, async (at) => {
      await expectAll(await filled(at))
      await expectAll(await crashing.reopen(folder))
      await crashing.crash()
      rmSync(folder, { recursive: true })
    }),
    { numRuns: 8 },
  )
})

it('makes lost indexes anew from the files', async () => {
  const store = await filled([1000, 3000])
  await store.close()
  for (const { name } of FILES) rmSync(join(folder, `${name}.idx`))
  await expectAll(await crashing.reopen(folder))
})

it('tells half a transaction by its MariaDB events and gives it up', async () => {
  const store = await crashing.reopen(folder)
  store.commit(await store.beginFile(beginOf('binlog.000001')))
  const [first] = FILES
  // Inside 0-11-10, behind its XA END.
  for (const chunk of chunksOf(first?.bytes ?? Buffer.alloc(0), 4, 2678, []))
    await store.append(chunk)
  store.commit(await store.sync())
  const again = await crashing.reopen(folder)
  expect(again.end).toMatchObject({ boundary: 2411, position: 2678 })
  expect(again.executed().toString()).toBe('0-11-9')
})
