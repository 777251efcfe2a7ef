import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { present } from '../../lib/index.ts'
import {
  decodeGtidEvent,
  decodeHeartbeat,
  EventType,
  encodeHeartbeat,
  GtidSet,
} from '../../mysql/index.ts'
import { REAL_FILES } from './testing/captures.ts'
import { eventsOf, transactionsOf } from './testing/memory-binlogs.ts'
import { dumpsOver, hex, isArtificial, isHeartbeat, until } from './testing/run-dumps.ts'

const SOURCE = '90b578d4-e6e1-11f1-82c0-02fc00000001'
const FOREIGN = GtidSet.parse('99999999-e6e1-11f1-82c0-02fc00000001:1-1000')
const ALL = REAL_FILES.flatMap(({ bytes }) => transactionsOf(bytes).map(({ gtid }) => gtid))

/**
 * The simple twin: the events from the file on, with what is held left out, and heartbeats in its
 * place.
 */
function leftOut(fromFile: number, held: GtidSet): string[] {
  const sent: Buffer[] = []
  for (const { name, bytes } of REAL_FILES.slice(fromFile)) {
    let skipping = false
    let skippedTo: number | undefined
    const tell = (): void => {
      if (skippedTo === undefined) return
      const place = { file: name, position: BigInt(skippedTo) }
      sent.push(encodeHeartbeat({ ...place, version: 2, serverId: 1, checksum: 'CRC32' }))
      skippedTo = undefined
    }
    for (const { position, event } of eventsOf(bytes)) {
      const type = event[4]
      if (type === EventType.GTID || type === EventType.GTID_TAGGED) {
        const gtid = present(decodeGtidEvent(event, 'CRC32').gtid, 'GTID')
        skipping = held.has(gtid)
      }
      if (type === EventType.ROTATE) skipping = false
      if (skipping) skippedTo = position + event.length
      else {
        tell()
        sent.push(event)
      }
    }
    tell()
  }
  return hex(sent)
}

async function sentTo(held: GtidSet, recordSize: number, findsPlaces: boolean) {
  const { binlogs, dump, dumps } = dumpsOver(REAL_FILES, recordSize)
  binlogs.findsPlaces = findsPlaces
  const { sink, end } = dump({ held, nonBlocking: true })
  expect((await end).kind).toBe('eof')
  await until(() => dumps.buffersInUse === 0)
  return sink.events.filter((event) => !isArtificial(event))
}

const heldSets = fc
  .record({
    flags: fc.array(fc.boolean(), { minLength: ALL.length, maxLength: ALL.length }),
    run: fc.nat(ALL.length),
  })
  .map(({ flags, run }) => {
    const held = GtidSet.parse(`${SOURCE}:1-2`)
    held.addAll(FOREIGN)
    ALL.forEach((gtid, index) => {
      if (index < run || flags[index] === true) held.add(gtid)
    })
    return held
  })

function firstFileFor(held: GtidSet): number {
  let file = 0
  const before = GtidSet.parse(`${SOURCE}:1-2`)
  REAL_FILES.forEach(({ bytes }, index) => {
    if (held.contains(before)) file = index
    for (const { gtid } of transactionsOf(bytes)) before.add(gtid)
  })
  return file
}

describe('a dump by GTIDs', () => {
  it('leaves out exactly the held transactions and says where they ended', async () => {
    const cases = fc.asyncProperty(
      heldSets,
      fc.integer({ min: 19, max: 4000 }),
      async (held, size) => {
        const sent = await sentTo(held, size, false)
        expect(hex(sent)).toEqual(
          leftOut(firstFileFor(held), held).map((event, index) =>
            // FORMAT_DESCRIPTION of the first file may have lost `created`, which is 0 in these
            // files anyway.
            index === 0 ? present(hex(sent)[0], 'event') : event,
          ),
        )
      },
    )
    await fc.assert(cases, { numRuns: 60 })
  })

  it('sends the same when it begins behind what is held', async () => {
    const cases = fc.asyncProperty(
      heldSets,
      fc.integer({ min: 19, max: 4000 }),
      async (held, size) => {
        expect(hex(await sentTo(held, size, true))).toEqual(hex(await sentTo(held, size, false)))
      },
    )
    await fc.assert(cases, { numRuns: 40 })
  })

  it('ends with a heartbeat at the visible end when all is held, and waits for the rest', async () => {
    const held = GtidSet.parse(`${SOURCE}:1-900`)
    for (const { gtid } of REAL_FILES.flatMap(({ bytes }) => transactionsOf(bytes))) {
      held.add(gtid)
    }
    const { binlogs, dump, replicas } = dumpsOver(REAL_FILES)
    const last = present(REAL_FILES.at(-1), 'file')
    const [, , first, second] = transactionsOf(last.bytes)
    binlogs.show(last.name, present(first, 'transaction').position)
    const { sink, end } = dump({ held })
    const isWaiting = () => replicas.list(binlogs.files())[0]?.dump?.state === 'waiting'
    await until(isWaiting)
    expect(decodeHeartbeat(present(sink.events.at(-1), 'event'), 'CRC32').position).toBe(
      BigInt(present(first, 'transaction').position),
    )
    const count = sink.events.length
    binlogs.show(last.name, present(second, 'transaction').position)
    await sink.has(count + 1)
    expect(sink.events.slice(count).every(isHeartbeat)).toBe(true)
    sink.end('KILL')
    await end
  })
})
