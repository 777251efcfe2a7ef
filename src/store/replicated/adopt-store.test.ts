import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { crc32 } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import type { Store } from '../store.ts'
import { beginOf, bigFile, chunksOf, UUID } from '../testing/binlog-feed.ts'
import { CrashDisk } from '../testing/crash-disk.ts'
import { LogFeed, openLog, recordsOf } from '../testing/log-feed.ts'
import type { ReplicatedLog } from './replicated-log.ts'

const REAL = readFileSync(new URL('../../../test/fixtures/ddl-xa.000005', import.meta.url))
const FILES = [0, 1, 2, 3].map((index) => ({
  name: `binlog.00000${index + 1}`,
  bytes: bigFile(REAL, { count: 10, size: 700_000, open: 2, first: 1 + 10 * index }),
}))
const PURGED = GtidSet.parse('99999999-2222-3333-4444-555555555555:1-7')

let root: string
const crashing = new CrashDisk()
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'kingbus-adopt-'))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(root, { recursive: true, force: true })
})

const open = (name: string, disk: Disk = crashing.disk): Promise<ReplicatedLog> =>
  openLog(disk, join(root, name))

/** A store that has given up half a transaction in each file, and goes on in the last one. */
async function filled(): Promise<Store> {
  const store = await crashing.reopen(join(root, 'store'))
  for (const [index, { name, bytes }] of FILES.entries()) {
    store.commit(await store.beginFile(beginOf(name, index === 0 ? PURGED : undefined)))
    const ends = Array.from({ length: 40 }, (_, step) => 210_001 * (step + 1))
    for (const chunk of chunksOf(bytes, 4, bytes.length, ends)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
    store.commit(await store.cut(store.end?.boundary ?? 4))
  }
  const { name, bytes } = FILES[3] ?? never()
  const from = store.end?.position ?? 4
  for (const chunk of chunksOf(bytes, from, bytes.length, [from + 100, from + 800_000]))
    await store.append(chunk)
  store.commit(await store.sync())
  expect(store.end).toMatchObject({ file: name, position: bytes.length })
  return store
}

function never(): never {
  throw new Error('there is no such file')
}

function binlogs(name: string): Map<string, number> {
  const folder = join(root, name)
  const names = readdirSync(folder).filter((one) => /\.\d+$/.test(one))
  return new Map(names.sort().map((one) => [one, crc32(readFileSync(join(folder, one)))]))
}

/** Every digest behind the base. */
async function digestsOf(log: ReplicatedLog): Promise<string[]> {
  const digests: string[] = []
  for (let at = log.base.sequence; at <= log.end; at += 1) digests.push(await log.digestAt(at))
  return digests
}

/** The same records, given to an empty log. */
async function expectSameAsFed(log: ReplicatedLog): Promise<void> {
  const fed = await open(`fed-${readdirSync(root).length}`)
  if (log.base.sequence > 0) await fed.startOver(log.base, [log.base])
  for (const record of await recordsOf(log, log.base.sequence + 1)) {
    await fed.append([record])
    for (const removal of fed.removals) await fed.remove(removal)
  }
  await fed.sync()
  expect(await digestsOf(fed)).toEqual(await digestsOf(log))
  await fed.show(fed.end)
  await log.show(log.end)
  const facts = (one: ReplicatedLog) => [one.visible.value, one.executed().toString()]
  expect(facts(fed)).toEqual(facts(log))
}

describe('the folder of a single node', () => {
  it('is a log with the same files, which shows the same', async () => {
    const store = await filled()
    const [before, executed] = [binlogs('store'), store.executed().clone()]
    const { file, position: shown } = store.visible.value ?? never()
    const log = await open('store')
    expect(binlogs('store')).toEqual(before)
    expect(log.lineage).toEqual([{ epoch: 0, sequence: log.end }])
    await log.show(log.end)
    expect(log.executed().equals(executed)).toBe(true)
    expect(log.visible.value).toMatchObject({ file, position: shown })
    for (const gno of [1, 5, 12, 19, 33, 40]) {
      const held = PURGED.union(GtidSet.parse(`${UUID}:1-${gno}`))
      for (const { name } of FILES) {
        const position = await log.positionFor(name, held)
        expect(await store.positionFor(name, held)).toBeGreaterThanOrEqual(position)
        expect(position === 4 || (await store.positionFor(name, held)) - position < 5e6).toBe(true)
      }
    }
    await expectSameAsFed(log)
    const again = await open('store')
    expect(await digestsOf(again)).toEqual(await digestsOf(log))
  })

  it('goes on as a log', async () => {
    await filled()
    const feed = new LogFeed(await open('store'))
    await feed.log.show(feed.log.end)
    await feed.cut()
    for (const removal of feed.log.removals) await feed.log.remove(removal)
    await feed.file('binlog.000005')
    await feed.log.sync()
    await expectSameAsFed(await open('store'))
  })

  it('is no single node’s any more, empty or not', async () => {
    for (const name of ['store', 'empty']) {
      if (name === 'store') await filled()
      await crashing.crash()
      await open(name)
      const reopened = crashing.reopen(join(root, name))
      await expect(reopened).rejects.toMatchObject({ code: 'E_CONFIG_INVALID' })
    }
  })

  it('begins behind what was purged', async () => {
    const store = await filled()
    const sequence = await store.purge('binlog.000003')
    await store.sync()
    store.commit(sequence)
    // The files are still there: a crash came in between.
    const log = await open('store')
    expect([...binlogs('store').keys()]).toEqual(['binlog.000003', 'binlog.000004'])
    const [first] = log.filesHeld()
    expect(log.base.sequence).toBe((first?.firstSequence ?? 0) - 1)
    expect(log.removals).toEqual([])
    await expectSameAsFed(log)
    expect(log.purged().equals(store.purged())).toBe(true)
  })

  it('may have lost indexes: the sequences are made anew', async () => {
    await filled()
    await crashing.crash()
    for (const { name } of FILES.slice(1, 3)) rmSync(join(root, 'store', `${name}.idx`))
    const log = await open('store')
    await expectSameAsFed(log)
    expect(await digestsOf(await open('store'))).toEqual(await digestsOf(log))
  })

  it('is converted on a disk that answers late', async () => {
    const store = await filled()
    const before = binlogs('store')
    await store.close()
    const log = await open('store', lateDisk())
    expect(binlogs('store')).toEqual(before)
    await expectSameAsFed(log)
  })

  it('is converted whole when a crash came in between, wherever that was', async () => {
    await filled()
    await crashing.crash()
    rmSync(join(root, 'store', 'binlog.000002.idx'))
    let wanted: string[] | undefined
    for (let dies = 1; ; dies += 1) {
      const name = `copy-${dies}`
      cpSync(join(root, 'store'), join(root, name), { recursive: true })
      const died = await open(name, dyingDisk(dies)).then(
        () => false,
        () => true,
      )
      const log = await open(name)
      wanted ??= await digestsOf(log)
      expect(await digestsOf(log)).toEqual(wanted)
      await log.close()
      rmSync(join(root, name), { recursive: true })
      if (!died) break
      expect(dies).toBeLessThan(200)
    }
  }, 60_000)

  it('is not converted while the index of an older file is damaged in its middle', async () => {
    await filled()
    await crashing.crash()
    const path = join(root, 'store', `${FILES[0]?.name}.idx`)
    flipBit(path, Math.trunc(readFileSync(path).length / 2))
    const damaged = readFileSync(path)
    await expect(open('store')).rejects.toMatchObject({
      code: 'E_STORE_DAMAGED',
      message: expect.stringContaining('start without a cluster'),
    })
    expect(readFileSync(path).equals(damaged)).toBe(true)
  })

  it('of a cluster that lost its log.json is not taken for one', async () => {
    await filled()
    const feed = new LogFeed(await open('store'))
    await feed.cut()
    await feed.log.sync()
    rmSync(join(root, 'store', 'log.json'))
    await expect(open('store')).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
  })
})

/** What is written into new files is there a moment later. */
function lateDisk(): Disk {
  const { disk } = crashing
  return {
    ...disk,
    open: async (path, mode) => {
      const file = await disk.open(path, mode)
      if (mode !== 'create') return file
      const write = file.write.bind(file)
      file.write = (bytes, position) => Promise.resolve().then(() => write(bytes, position))
      return file
    },
  }
}

/** Dies before the n-th of the calls that change something. */
function dyingDisk(dies: number): Disk {
  let count = 0
  const step = async <T>(work: () => Promise<T>): Promise<T> => {
    count += 1
    if (count >= dies) throw new Error('died')
    return await work()
  }
  const { disk } = crashing
  return {
    ...disk,
    makeFolder: (path) => step(() => disk.makeFolder(path)),
    remove: (path) => step(() => disk.remove(path)),
    rename: (from, to) => step(() => disk.rename(from, to)),
    syncFolder: (path) => step(() => disk.syncFolder(path)),
    replaceFile: (path, bytes) => step(() => disk.replaceFile(path, bytes)),
    open: (path, mode) =>
      mode === 'read' ? disk.open(path, mode) : step(() => disk.open(path, mode)),
  }
}
