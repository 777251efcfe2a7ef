/*
  Files with one bit that is another: a dump sends what was stored, or says where it is damaged.
*/
import { join } from 'node:path'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { silentLogger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { systemClock, systemDisk } from '../../platform/index.ts'
import { flipBit } from '../../platform/testing/flip-bit.ts'
import { temporaryFolder } from '../../platform/testing/temporary-folder.ts'
import { FileScrub, Store } from '../../store/index.ts'
import { beginOf, bigFile, chunksOf } from '../../store/testing/binlog-feed.ts'
import type { DumpEnd } from '../dump-request.ts'
import { Replicas } from '../replicas.ts'
import { binlogReaderOf } from './binlog-reader.ts'
import { Dumps } from './dumps.ts'
import { REAL_FILES } from './testing/captures.ts'
import { CollectingSink } from './testing/collecting-sink.ts'
import { FakeClock } from './testing/fake-clock.ts'
import { hex, isHeartbeat, REQUEST, until } from './testing/run-dumps.ts'

const BEFORE = GtidSet.parse('90b578d4-e6e1-11f1-82c0-02fc00000001:1-2')
const DAMAGE =
  /^event read from binlog did not pass crc check; the first event .*, the last event read from/
const never = new AbortController().signal

async function stored(cuts: readonly number[]): Promise<{ folder: string; store: Store }> {
  const folder = temporaryFolder('bit-rot')
  const options = { disk: systemDisk, folder, storeId: 'one', logger: silentLogger }
  const store = await Store.open(options)
  for (const [index, { name, bytes }] of REAL_FILES.entries()) {
    store.commit(await store.beginFile(beginOf(name, index === 0 ? BEFORE : undefined)))
    for (const chunk of chunksOf(bytes, 4, bytes.length, cuts)) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
  return { folder, store }
}

async function dumped(store: Store, held = BEFORE): Promise<{ events: string[]; end: DumpEnd }> {
  const clock = new FakeClock()
  const parts = { replicas: new Replicas(clock), clock, logger: silentLogger, serverId: 1 }
  const dumps = new Dumps({ reader: binlogReaderOf(store), ...parts })
  const sink = new CollectingSink()
  const end = await dumps.run({ ...REQUEST, held, nonBlocking: true }, sink)
  await until(() => sink.isTaken && dumps.buffersInUse === 0)
  return { events: hex(sink.events.filter((event) => !isHeartbeat(event))), end }
}

/** As the node does it at once with what a dump has met. */
async function scrub(folder: string, store: Store, file: string): Promise<void> {
  const one = { name: 'one', disk: systemDisk, folder, store, clock: systemClock }
  const logger = silentLogger
  await new FileScrub({ ...one, logger, bytesPerSecond: undefined }).checkNow(file, never)
}

const aFile = fc.nat(REAL_FILES.length - 1)
const cutLists = fc.array(fc.nat(160_000), { maxLength: 20 })

it('sends nothing but what was stored, and names the place once it is known', async () => {
  const property = fc.asyncProperty(
    aFile,
    fc.nat(200_000),
    fc.nat(7),
    cutLists,
    async (index, at, bit, cuts) => {
      const { folder, store } = await stored(cuts)
      const whole = await dumped(store)
      expect(whole.end.kind).toBe('eof')
      const file = REAL_FILES[index]
      if (file === undefined) throw new Error('there is such a file')
      const position = 4 + (at % (file.bytes.length - 4))
      flipBit(join(folder, file.name), position, bit)
      const first = await dumped(store)
      expect(whole.events.slice(0, first.events.length)).toEqual(first.events)
      expect(['error', 'closed']).toContain(first.end.kind)

      await scrub(folder, store, file.name)
      const second = await dumped(store)
      expect(whole.events.slice(0, second.events.length)).toEqual(second.events)
      expect(second.end.kind).toBe('error')
      const [alarm] = store.alarms.list
      const { code, message = '' } = second.end.error ?? {}
      // Where the heads of the files do not even say where to begin, a replica asks again later.
      if (code === 1105) expect(message).toContain(`begins: ${file.name} is damaged at position 4`)
      else expect(message).toMatch(DAMAGE)
      if (code !== 1105) expect(message).toContain(`from './${file.name}' at ${alarm?.from},`)

      flipBit(join(folder, file.name), position, bit)
      expect(await dumped(store)).toEqual(whole)
      await store.close()
    },
  )
  await fc.assert(property, { numRuns: 15 })
})

it('begins no event of which it knows that it cannot end it', async () => {
  const name = 'binlog.000001'
  const [real] = REAL_FILES
  const size = 3 * 1024 * 1024
  const bytes = bigFile(real?.bytes ?? Buffer.alloc(0), { count: 2, size, open: 0 })
  const folder = temporaryFolder('bit-rot')
  const options = { disk: systemDisk, folder, storeId: 'one', logger: silentLogger }
  const store = await Store.open(options)
  store.commit(await store.beginFile(beginOf(name)))
  const cuts = Array.from({ length: 13 }, (_, index) => index * 500_000)
  for (const chunk of chunksOf(bytes, 4, bytes.length, cuts)) await store.append(chunk)
  store.commit(await store.sync())
  const whole = await dumped(store, GtidSet.empty())
  // In the second event of three MiB.
  flipBit(join(folder, name), bytes.length - 1000)
  const first = await dumped(store, GtidSet.empty())
  expect(first.end.kind).toBe('closed')
  await scrub(folder, store, name)
  const second = await dumped(store, GtidSet.empty())
  expect(second.end).toMatchObject({ kind: 'error', error: { code: 1236 } })
  expect(second.end.error?.message).toMatch(DAMAGE)
  expect(second.events).toEqual(whole.events.slice(0, -1))
  await store.close()
})
