import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { silentLogger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { systemDisk } from '../../platform/index.ts'
import { Store } from '../../store/index.ts'
import { beginOf, chunksOf } from '../../store/testing/binlog-feed.ts'
import type { DumpRequest } from '../dump-request.ts'
import { Replicas } from '../replicas.ts'
import { binlogReaderOf } from './binlog-reader.ts'
import { Dumps } from './dumps.ts'
import { REAL_FILES } from './testing/captures.ts'
import { CollectingSink } from './testing/collecting-sink.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { dumpsOver, hex, isHeartbeat, REQUEST, until } from './testing/run-dumps.ts'

const SOURCE = '90b578d4-e6e1-11f1-82c0-02fc00000001'
const BEFORE = GtidSet.parse(`${SOURCE}:1-2`)
const cutLists = fc.array(fc.nat(160_000), { maxLength: 40 })

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kingbus-dump-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

async function openStore(): Promise<Store> {
  rmSync(folder, { recursive: true, force: true })
  await systemDisk.makeFolder(folder)
  return await Store.open({ disk: systemDisk, folder, storeId: 'one', logger: silentLogger })
}

/** Gives the store the real files, cut at `cuts`, each piece durable before the next. */
async function feed(store: Store, cuts: readonly number[]): Promise<void> {
  for (const [index, { name, bytes }] of REAL_FILES.entries()) {
    store.commit(await store.beginFile(beginOf(name, index === 0 ? BEFORE : undefined)))
    for (const chunk of chunksOf(bytes, 4, bytes.length, cuts)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
}

function dumpsOf(store: Store): Dumps {
  const clock = new FakeClock()
  const parts = { replicas: new Replicas(clock), clock, logger: silentLogger, serverId: 1 }
  return new Dumps({ reader: binlogReaderOf(store), ...parts })
}

async function fromMemory(change: Partial<DumpRequest>): Promise<string[]> {
  const { dump, dumps } = dumpsOver(REAL_FILES)
  const { sink, end } = dump({ ...change, nonBlocking: true })
  await end
  await until(() => dumps.buffersInUse === 0)
  return hex(sink.events.filter((event) => !isHeartbeat(event)))
}

const HELD = GtidSet.parse(`${SOURCE}:1-12:20-28:alpha:1-2`)
const REQUESTS: readonly Partial<DumpRequest>[] = [
  { held: BEFORE },
  { held: HELD },
  { from: { file: '', position: 4 } },
  { from: { file: 'binlog.000003', position: 198 } },
]

describe('a dump of stored files', () => {
  it('is the same from the store as from memory, however the store was fed', async () => {
    const cases = fc.asyncProperty(cutLists, async (cuts) => {
      const store = await openStore()
      await feed(store, cuts)
      const dumps = dumpsOf(store)
      for (const change of REQUESTS) {
        const sink = new CollectingSink()
        await dumps.run({ ...REQUEST, ...change, nonBlocking: true }, sink)
        await until(() => sink.isTaken)
        const sent = sink.events.filter((event) => !isHeartbeat(event))
        expect(hex(sent)).toEqual(await fromMemory(change))
      }
      expect(dumps.buffersInUse).toBe(0)
      await store.close()
    })
    await fc.assert(cases, { numRuns: 5 })
  })

  it('is the same for dumps that wait at the end while the store is fed', async () => {
    const cases = fc.asyncProperty(cutLists, async (cuts) => {
      const store = await openStore()
      const [first] = REAL_FILES
      store.commit(await store.beginFile(beginOf(first?.name ?? '', BEFORE)))
      const dumps = dumpsOf(store)
      const inFirst = REQUESTS.filter((change) => change.from?.file !== 'binlog.000003')
      const running = inFirst.map((change, connectionId) => {
        const sink = new CollectingSink()
        const replica = { ...REQUEST.replica, serverId: 0, connectionId }
        return { change, sink, end: dumps.run({ ...REQUEST, ...change, replica }, sink) }
      })
      for (const [index, { name, bytes }] of REAL_FILES.entries()) {
        if (index > 0) store.commit(await store.beginFile(beginOf(name)))
        for (const chunk of chunksOf(bytes, 4, bytes.length, cuts)) {
          await store.append(chunk)
          store.commit(await store.sync())
        }
      }
      for (const { change, sink, end } of running) {
        const wanted = await fromMemory(change)
        const sent = (): string[] => hex(sink.events.filter((event) => !isHeartbeat(event)))
        await until(() => sent().length >= wanted.length)
        sink.end('KILL')
        await end
        if (change.held !== HELD) expect(sent()).toEqual(wanted)
        expect(sent().slice(-60)).toEqual(wanted.slice(-60))
      }
      await store.close()
    })
    await fc.assert(cases, { numRuns: 5 })
  })
})
