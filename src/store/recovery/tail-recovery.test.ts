import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { GtidSet } from '../../mysql/index.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { beginOf, chunksOf, withPreviousGtids } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'

const NAME = 'binlog.000006'
const FILE = withPreviousGtids(fixture('large-trx.000006'), GtidSet.empty())
const SMALL = withPreviousGtids(fixture('plain.000002'), GtidSet.empty())

describe('a tail that the index does not speak of', () => {
  let folder: string
  let crashing: CrashDisk
  beforeEach(async () => {
    folder = temporaryFolder('tail-recovery')
    crashing = new CrashDisk()
    const store = await crashing.reopen(folder)
    store.commit(await store.beginFile(beginOf(NAME)))
    for (const chunk of chunksOf(FILE, 4, FILE.length, [])) await store.append(chunk)
    await crashing.crash()
  })
  afterEach(() => crashing.crash())

  /** Turns a bit over in what the so many-th read of the whole tail gives. */
  function misread(number: number): () => number {
    const path = join(folder, NAME)
    let reads = 0
    crashing.onWasRead = (read, bytes) => {
      if (read !== path || bytes.length < FILE.length - 4) return
      reads += 1
      if (reads === number) bytes[1000] = (bytes[1000] ?? 0) ^ 1
    }
    return () => reads
  }

  it.each([
    ['cut where the first read of it', 1],
    ['overwritten by what the second read of it', 2],
  ])('is not %s got wrong', async (_, number) => {
    const reads = misread(number)
    await expect(crashing.reopen(folder)).rejects.toMatchObject({
      code: 'E_STORE_DAMAGED',
      message: expect.stringContaining('reads otherwise the second time'),
    })
    expect(reads()).toBeGreaterThanOrEqual(number)
    expect(readFileSync(join(folder, NAME))).toEqual(FILE)

    crashing.onWasRead = () => {}
    const store = await crashing.reopen(folder)
    expect(store.end?.position).toBe(FILE.length)
  })
})

it('no read that gets a byte wrong makes other GTIDs, or another end, of what the index speaks of', async () => {
  const folder = temporaryFolder('tail-recovery')
  const path = join(folder, NAME)
  const crashing = new CrashDisk()
  const store = await crashing.reopen(folder)
  store.commit(await store.beginFile(beginOf(NAME)))
  for (const chunk of chunksOf(SMALL, 4, SMALL.length, [])) await store.append(chunk)
  store.commit(await store.sync())
  await crashing.crash()

  const held = (await crashing.reopen(folder)).executed().toString()
  await crashing.crash()
  let refused = 0
  for (let at = 130; at < 430; at += 5) {
    let isRead = true
    for (let wrong = 1; isRead; wrong += 1) {
      let reads = 0
      crashing.onWasRead = (read, bytes) => {
        if (read !== path || bytes.length <= at) return
        reads += 1
        if (reads === wrong) bytes[at] = (bytes[at] ?? 0) ^ 4
      }
      const opened = await crashing.reopen(folder).catch((thrown: unknown) => {
        expect(thrown).toMatchObject({ code: 'E_STORE_DAMAGED' })
        refused += 1
      })
      if (opened !== undefined) {
        expect(opened.executed().toString(), `read ${wrong}, byte ${at}`).toBe(held)
        expect(opened.end?.position).toBe(SMALL.length)
      }
      await crashing.crash()
      expect(readFileSync(path)).toEqual(SMALL)
      isRead = reads >= wrong
    }
  }
  expect(refused).toBeGreaterThan(60)
})
