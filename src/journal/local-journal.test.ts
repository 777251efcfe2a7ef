import { existsSync, mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { present } from '../lib/index.ts'
import { GtidSet } from '../mysql/index.ts'
import type { Chunk, Store } from '../store/index.ts'
import {
  beginOf,
  chunksOf,
  endingsOf,
  heldOf,
  withPreviousGtids,
} from '../store/testing/binlog-feed.ts'
import { CrashDisk } from '../store/testing/crash-disk.ts'
import { LocalJournal } from './local-journal.ts'

const NAME = 'binlog.000005'
const REAL = readFileSync(new URL('../../test/fixtures/ddl-xa.000005', import.meta.url))
const FILE = withPreviousGtids(REAL, GtidSet.empty())
const CHUNKS: readonly Chunk[] = chunksOf(
  FILE,
  4,
  FILE.length,
  endingsOf(FILE).map((ending) => ending.end),
)
const chunk = (index: number): Chunk => present(CHUNKS[index], 'chunk')
const waitedFor = (one: Chunk): Chunk => ({ ...one, awaited: { position: one.boundary } })

let folder: string
let crashing: CrashDisk
let store: Store
let journal: LocalJournal

async function open(): Promise<void> {
  store = await crashing.reopen(folder)
  journal = new LocalJournal(store)
}

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-journal-'))
  crashing = new CrashDisk()
  await open()
  await journal.beginFile(beginOf(NAME))
})
afterEach(async () => {
  await crashing.crash()
  rmSync(folder, { recursive: true, force: true })
})

/** Makes the syncs of binlog files wait; returns how many began, and lets them go on one by one. */
function holdSyncs(): { began: number; letGo(): void } {
  const waiting: Array<() => void> = []
  const held = {
    began: 0,
    letGo: () => {
      waiting.shift()?.()
    },
  }
  crashing.onSync = (path) => {
    if (path.endsWith('.idx')) return Promise.resolve()
    held.began += 1
    return new Promise((resolve) => waiting.push(resolve))
  }
  return held
}

async function until(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}

describe('closing', () => {
  it('waits for the sync under way, so that the index speaks of every record in its order', async () => {
    const syncs = holdSyncs()
    await journal.append(chunk(0))
    await until(() => syncs.began === 1)
    await journal.append(chunk(1))
    await journal.append(chunk(2))
    const closing = journal.close()
    await new Promise((resolve) => setImmediate(resolve))
    expect(syncs.began).toBe(1)
    syncs.letGo()
    await until(() => syncs.began === 2)
    syncs.letGo()
    await closing
    crashing.onSync = () => Promise.resolve()
    await open()
    const size = CHUNKS.slice(0, 3).reduce((sum, { bytes }) => sum + bytes.length, 4)
    expect(store.end).toMatchObject({ file: NAME, position: size })
  })
})

describe('group commit', () => {
  it('begins no second sync while one is under way, and covers all that waits with the next', async () => {
    const syncs = holdSyncs()
    await journal.append(chunk(0))
    await until(() => syncs.began === 1)
    for (const next of CHUNKS.slice(1)) await journal.append(next)
    const before = journal.committed.value
    expect(syncs.began).toBe(1)
    syncs.letGo()
    await until(() => syncs.began === 2)
    expect(journal.committed.value).toBe(before + 1)
    syncs.letGo()
    await journal.settled()
    expect(syncs.began).toBe(2)
    expect(journal.committed.value).toBe(before + CHUNKS.length)
    expect(journal.visible.value?.position).toBe(FILE.length)
  })

  it('shows nothing that is not synced', async () => {
    const syncs = holdSyncs()
    const shown = journal.visible.value
    await journal.append(chunk(0))
    await until(() => syncs.began === 1)
    expect(journal.visible.value).toEqual(shown)
    expect(journal.end?.position).toBe(4 + chunk(0).bytes.length)
    syncs.letGo()
    await journal.settled()
    expect(journal.visible.value?.position).toBe(4 + chunk(0).bytes.length)
  })

  it('makes the caller wait while more than 16 MiB is not synced', async () => {
    const syncs = holdSyncs()
    const bytes = Buffer.alloc(1024 * 1024)
    const piece = { bytes, crc: 0, boundary: 4, gtids: undefined, timestamp: 0 }
    for (let count = 0; count < 16; count += 1) await journal.append(piece)
    let taken = false
    const over = journal.append(piece).then(() => {
      taken = true
    })
    await until(() => syncs.began === 1)
    expect(taken).toBe(false)
    crashing.onSync = async () => {}
    syncs.letGo()
    await over
    await journal.settled()
  })
})

describe('a piece that is awaited', () => {
  const awaited = (index: number): Chunk => waitedFor(chunk(index))

  it('is committed when `append` returns, and its index entry is written after that was told', async () => {
    const told: string[] = []
    crashing.onWrite = (path) => told.push(path.endsWith('.idx') ? 'index' : 'bytes')
    crashing.onSyncNow = () => told.push('sync')
    journal.visible.follow(() => told.push('visible'))
    const appended = journal.append(awaited(0))
    expect(journal.visible.value?.position).toBe(4 + chunk(0).bytes.length)
    expect(told).toEqual(['bytes', 'sync', 'visible', 'index'])
    await appended
    await open()
    expect(store.end?.position).toBe(4 + chunk(0).bytes.length)
  })

  it('joins a sync that is under way, and does not hold up the process beside it', async () => {
    const syncs = holdSyncs()
    await journal.append(chunk(0))
    await until(() => syncs.began === 1)
    await journal.append(awaited(1))
    await journal.append(awaited(2))
    const { value } = journal.committed
    syncs.letGo()
    await until(() => syncs.began === 2)
    expect(journal.committed.value).toBe(value + 1)
    syncs.letGo()
    await journal.settled()
    expect(journal.committed.value).toBe(value + 3)
  })

  it('is synced on the thread pool for a while after a sync that took long', async () => {
    crashing.onSyncNow = () => 3
    await journal.append(awaited(0))
    crashing.onSyncNow = () => {
      throw new Error('the process waited for a sync')
    }
    for (const index of [1, 2, 3]) await journal.append(awaited(index))
    await journal.settled()
    expect(journal.failed.value).toBeUndefined()
    for (const more of CHUNKS.slice(4)) {
      await journal.append(more)
      await journal.settled()
    }
  })

  it('fails as any other when it cannot be synced, and nothing of it is shown', async () => {
    const shown = journal.visible.value
    crashing.onSyncNow = () => {
      throw Object.assign(new Error('i/o error'), { code: 'EIO' })
    }
    await expect(journal.append(awaited(0))).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    expect(journal.failed.value).toMatchObject({ code: 'E_STORE_WRITE' })
    await expect(journal.append(awaited(1))).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    expect(journal.visible.value).toEqual(shown)
  })
})

describe('a failed sync', () => {
  it('rejects all who wait, is never tried again, and reading goes on', async () => {
    await journal.append(chunk(0))
    await journal.settled()
    let syncs = 0
    crashing.onSync = () => {
      syncs += 1
      return Promise.reject(Object.assign(new Error('i/o error'), { code: 'EIO' }))
    }
    await journal.append(chunk(1))
    await expect(journal.settled()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    await expect(journal.append(chunk(2))).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    await expect(journal.beginFile(beginOf('binlog.000006'))).rejects.toMatchObject({
      code: 'E_STORE_WRITE',
    })
    expect(syncs).toBe(1)
    expect(journal.failed.value).toMatchObject({ code: 'E_STORE_WRITE' })
    const reader = await store.openFile(NAME)
    expect(reader.read(4, Buffer.alloc(2 ** 20)).bytes).toEqual(chunk(0).bytes)
    await reader.close()
  })
})

describe('a full disk', () => {
  it('refuses the piece, loses nothing, and takes the same piece when there is room', async () => {
    await journal.append(chunk(0))
    crashing.onWrite = (path) => {
      if (!path.endsWith('.idx')) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    }
    await expect(journal.append(chunk(1))).rejects.toMatchObject({ code: 'E_DISK_FULL' })
    expect(journal.failed.value).toBeUndefined()
    crashing.onWrite = () => {}
    for (const next of CHUNKS.slice(1)) await journal.append(next)
    await journal.settled()
    await open()
    expect(store.end?.position).toBe(FILE.length)
  })

  it('that has no room for the index stops nothing, and the entries follow', async () => {
    crashing.onWrite = (path) => {
      if (path.endsWith('.idx')) throw Object.assign(new Error('full'), { code: 'ENOSPC' })
    }
    for (const next of CHUNKS.slice(0, 5)) await journal.append(next)
    await journal.settled()
    crashing.onWrite = () => {}
    for (const next of CHUNKS.slice(5)) await journal.append(next)
    await journal.settled()
    await open()
    expect(store.sequence).toBe(1 + CHUNKS.length)
    expect(store.executed().equals(heldOf(FILE, FILE.length))).toBe(true)
  })
})

describe('a disk that does not answer at once', () => {
  const isBytes = (path: string): boolean => !path.endsWith('.idx')

  it('makes the caller wait; nothing is shown before, and all goes on afterwards', async () => {
    await journal.append(chunk(0))
    await journal.settled()
    const before = journal.visible.value
    let answer = (): void => {}
    crashing.onLate = (path) =>
      isBytes(path) ? new Promise((resolve) => (answer = resolve)) : undefined
    for (const next of [chunk(1), waitedFor(chunk(2))]) {
      let isTaken = false
      const taken = journal.append(next).then(() => (isTaken = true))
      await new Promise((resolve) => setImmediate(resolve))
      expect(isTaken).toBe(false)
      answer()
      await taken
    }
    expect(before?.position).toBe(4 + chunk(0).bytes.length)
    crashing.onLate = () => undefined
    for (const next of CHUNKS.slice(3)) await journal.append(next)
    await journal.settled()
    await open()
    expect(store.end?.position).toBe(FILE.length)
    expect(store.executed().equals(heldOf(FILE, FILE.length))).toBe(true)
  })

  it('commits nothing of an awaited piece before its sync has ended, however late that is', async () => {
    let answer = (): void => {}
    crashing.onLate = (path) =>
      isBytes(path) ? new Promise((resolve) => (answer = resolve)) : undefined
    const syncs = holdSyncs()
    const taken = journal.append(waitedFor(chunk(0)))
    answer()
    await until(() => syncs.began === 1)
    const shown = journal.visible.value
    expect(shown?.position).toBe(4)
    syncs.letGo()
    await taken
    expect(journal.visible.value?.position).toBe(4 + chunk(0).bytes.length)
  })

  it('and has no room in the end refuses the piece, which is taken when there is room', async () => {
    crashing.onLate = (path) =>
      isBytes(path)
        ? Promise.reject(Object.assign(new Error('full'), { code: 'ENOSPC' }))
        : undefined
    await expect(journal.append(chunk(0))).rejects.toMatchObject({ code: 'E_DISK_FULL' })
    await expect(journal.append(waitedFor(chunk(0)))).rejects.toMatchObject({
      code: 'E_DISK_FULL',
    })
    crashing.onLate = () => undefined
    for (const next of CHUNKS) await journal.append(next)
    await journal.settled()
    await open()
    expect(store.end?.position).toBe(FILE.length)
  })

  it('takes index entries later, in their order', async () => {
    const answers: (() => void)[] = []
    crashing.onLate = (path) =>
      isBytes(path) ? undefined : new Promise((resolve) => answers.push(resolve))
    for (const next of CHUNKS.slice(0, 5)) {
      await journal.append(next)
      await journal.settled()
    }
    expect(answers).toHaveLength(1)
    crashing.onLate = () => undefined
    answers[0]?.()
    for (const next of CHUNKS.slice(5)) await journal.append(next)
    await journal.settled()
    await open()
    expect(store.sequence).toBe(1 + CHUNKS.length)
    expect(store.executed().equals(heldOf(FILE, FILE.length))).toBe(true)
  })

  it('and fails the index in the end takes no more records', async () => {
    let fail: (error: Error) => void = () => {}
    crashing.onLate = (path) =>
      isBytes(path) ? undefined : new Promise((_, reject) => (fail = reject))
    await journal.append(chunk(0))
    await journal.settled()
    fail(Object.assign(new Error('i/o error'), { code: 'EIO' }))
    await new Promise((resolve) => setImmediate(resolve))
    await journal.append(chunk(1)).catch(() => {})
    await expect(journal.settled()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
  })
})

describe('after a failure', () => {
  const eio = (): Error => Object.assign(new Error('i/o error'), { code: 'EIO' })
  const stored = (name: string): Buffer => readFileSync(join(folder, name))

  async function failAt(index: number): Promise<void> {
    await journal.append(chunk(0))
    await journal.settled()
    crashing.onSync = () => Promise.reject(eio())
    await journal.append(chunk(index))
    await expect(journal.settled()).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
  }

  it('it goes on from what was durable, as soon as the disk takes it, and readers go on', async () => {
    const reader = await store.openFile(NAME)
    await failAt(1)
    const shown = journal.visible.value
    await expect(journal.reopen()).rejects.toMatchObject({ reaction: 'pause' })
    expect(journal.failed.value).toMatchObject({ code: 'E_STORE_WRITE' })
    crashing.onSync = async () => {}
    await journal.reopen()
    expect(journal.failed.value).toBeUndefined()
    expect(journal.visible.value).toEqual(shown)
    // What the failed sync has left reads well, and need not be on the disk.
    expect(stored(NAME).length).toBe(4 + chunk(0).bytes.length)
    for (const next of CHUNKS.slice(1)) await journal.append(next)
    await journal.settled()
    expect(journal.visible.value?.position).toBe(FILE.length)
    expect(reader.read(4, Buffer.alloc(2 ** 20)).bytes).toEqual(FILE.subarray(4))
    await reader.close()
    await open()
    expect(store.heldGtids().equals(heldOf(FILE, FILE.length))).toBe(true)
    expect(stored(NAME)).toEqual(FILE)
  })

  it('nothing is left of a file that was just beginning', async () => {
    await failAt(1)
    crashing.onSync = async () => {}
    await journal.reopen()
    for (const next of CHUNKS.slice(1)) await journal.append(next)
    crashing.onSync = (path) =>
      path.includes('000006') ? Promise.reject(eio()) : Promise.resolve()
    await expect(journal.beginFile(beginOf('binlog.000006'))).rejects.toMatchObject({
      code: 'E_STORE_WRITE',
    })
    writeFileSync(join(folder, 'binlog.000006'), stored(NAME).subarray(0, 4))
    crashing.onSync = async () => {}
    await journal.reopen()
    expect(existsSync(join(folder, 'binlog.000006'))).toBe(false)
    await journal.beginFile(beginOf('binlog.000006'))
    expect(journal.end?.file).toBe('binlog.000006')
  })

  it('of a sync, be it for want of room, a file does not begin', async () => {
    for (const next of CHUNKS) await journal.append(next)
    const full = Object.assign(new Error('no room'), { code: 'ENOSPC', syscall: 'fdatasync' })
    crashing.onSync = (path) => (path.endsWith('.idx') ? Promise.reject(full) : Promise.resolve())
    await expect(journal.beginFile(beginOf('binlog.000006'))).rejects.toMatchObject({
      code: 'E_STORE_WRITE',
    })
    crashing.onSync = async () => {}
    await journal.reopen()
    await journal.beginFile(beginOf('binlog.000006'))
  })

  it('of a disk that does not give the last transaction it goes on, too', async () => {
    for (const next of CHUNKS) await journal.append(next)
    await journal.settled()
    const last = await journal.lastTransaction()
    crashing.onWasRead = () => {
      throw eio()
    }
    await expect(journal.lastTransaction()).rejects.toMatchObject({ reaction: 'pause' })
    expect(journal.failed.value).toMatchObject({ code: 'E_STORE_WRITE' })
    await expect(journal.append(chunk(0))).rejects.toMatchObject({ code: 'E_STORE_WRITE' })
    await expect(journal.reopen()).rejects.toMatchObject({ reaction: 'pause' })
    crashing.onWasRead = () => {}
    await journal.reopen()
    expect(journal.failed.value).toBeUndefined()
    expect(await journal.lastTransaction()).toEqual(last)
  })

  it('it stays failed where what was shown is not there any more', async () => {
    await failAt(1)
    crashing.onSync = async () => {}
    truncateSync(join(folder, NAME), 100)
    await expect(journal.reopen()).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
    expect(journal.failed.value).toMatchObject({ code: 'E_STORE_DAMAGED', reaction: 'operator' })
    expect(stored(NAME).length).toBe(100)
    await expect(journal.append(chunk(1))).rejects.toMatchObject({ code: 'E_STORE_DAMAGED' })
  })
})

describe('a session', () => {
  it('that begins between transactions gives nothing up, once all is committed', async () => {
    void journal.append(chunk(0))
    expect(await journal.openSession(new AbortController().signal)).toBeUndefined()
    expect(journal.committed.value).toBe(store.sequence)
  })
})

describe('cut, new file and purge', () => {
  it('keep their order with pieces that were given before', async () => {
    // The first piece that ends inside a transaction ends adds nothing to what lies outside one.
    const half = CHUNKS.findIndex(({ boundary }, index) => boundary === CHUNKS[index - 1]?.boundary)
    for (const next of CHUNKS.slice(0, half + 1)) void journal.append(next)
    const before = present(journal.end, 'end')
    expect(before.position).toBeGreaterThan(before.boundary)
    expect(await journal.openSession(new AbortController().signal)).toEqual(before)
    const position = before.boundary
    expect(journal.end?.position).toBe(position)
    for (const next of chunksOf(FILE, position, FILE.length, [])) void journal.append(next)
    await journal.beginFile(beginOf('binlog.000006'))
    expect(journal.visible.value).toMatchObject({ file: 'binlog.000006', position: 4 })
    await journal.purge('binlog.000006')
    expect(store.files().map((info) => info.name)).toEqual(['binlog.000006'])
    await open()
    expect(store.files().map((info) => info.name)).toEqual(['binlog.000006'])
  })
})
