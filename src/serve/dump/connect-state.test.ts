import { describe, expect, it } from 'vitest'
import { fixture } from '../../../test/captured-files.ts'
import { present } from '../../lib/index.ts'
import {
  decodeFormatDescription,
  decodeGtidEvent,
  decodePreviousGtids,
  EventFlag,
  EventType,
  formatGtid,
  GtidSet,
  isGtidEvent,
  parseMariadbPosition,
  readEventHeader,
  rewriteFormatDescription,
} from '../../mysql/index.ts'
import type { MemoryBinlogs, MemoryFile } from './testing/memory-binlogs.ts'
import { wholeDump } from './testing/run-dumps.ts'

/** Domain 7 has one transaction, 7-11-1, between 0-11-15 and 0-11-16; 0-11-23 is in the second file. */
const FILES: readonly MemoryFile[] = ['000001', '000002'].map((number) => ({
  name: `binlog.${number}`,
  bytes: fixture(`mariadb-kinds.${number}`),
}))

async function dump(
  state: string,
  prepare: (binlogs: MemoryBinlogs) => void = () => {},
  files: readonly MemoryFile[] = FILES,
) {
  const change = { held: undefined, connectState: parseMariadbPosition(state) }
  return await wholeDump(files, change, prepare)
}

function createdAt99({ name, bytes }: MemoryFile): MemoryFile {
  const end = 4 + bytes.readUInt32LE(13)
  const description = rewriteFormatDescription(bytes.subarray(4, end), { created: 99 })
  return { name, bytes: Buffer.concat([bytes.subarray(0, 4), description, bytes.subarray(end)]) }
}

function gtidsOf(events: readonly Buffer[]): string[] {
  return events
    .filter((event) => isGtidEvent(event[4] ?? 0))
    .flatMap((event) => decodeGtidEvent(event, 'CRC32').gtid ?? [])
    .map(formatGtid)
}

const upTo = (last: number, first = 1): string[] =>
  Array.from({ length: last - first + 1 }, (_, index) => `0-11-${first + index}`)

describe('a MariaDB replica that goes by GTIDs', () => {
  it.each([true, false])('is sent all when it has nothing (index places: %s)', async (places) => {
    const { events } = await dump('', (binlogs) => {
      binlogs.findsPlaces = places
    })
    expect(gtidsOf(events)).toEqual([...upTo(15), '7-11-1', ...upTo(23, 16)])
  })

  it.each([
    ['0-11-22,7-11-1', upTo(23, 23)],
    ['0-11-23,7-11-1', []],
    ['0-11-10,7-11-1', [...upTo(15, 11), ...upTo(23, 16)]],
    ['0-11-16', ['7-11-1', ...upTo(23, 17)]],
    ['7-11-1', [...upTo(15), ...upTo(23, 16)]],
    ['0-11-14,99-1-5', [...upTo(15, 15), '7-11-1', ...upTo(23, 16)]],
  ])('behind %s is sent what follows in each domain', async (state, wanted) => {
    for (const findsPlaces of [true, false]) {
      const { events } = await dump(state, (binlogs) => {
        binlogs.findsPlaces = findsPlaces
      })
      expect(gtidsOf(events)).toEqual(wanted)
    }
  })

  it.each([
    ['', 99],
    // All that is before the second file, and nothing of it: the source's restart is new to the replica.
    ['0-11-22,7-11-1', 99],
    ['0-11-23,7-11-1', 0],
  ])('behind %s is told by `created` of a restart that it has not met', async (state, wanted) => {
    const { events } = await dump(state, undefined, FILES.map(createdAt99))
    const [first] = events.filter((event) => event[4] === EventType.FORMAT_DESCRIPTION)
    expect(decodeFormatDescription(present(first, 'FORMAT_DESCRIPTION')).created).toBe(wanted)
  })

  it('is told by an artificial GTID_LIST where it stands, behind what a dump jumps over', async () => {
    const { events } = await dump('0-11-10,7-11-1', (binlogs) => {
      binlogs.findsPlaces = true
    })
    const lists = events.filter((event) => event[4] === EventType.MARIADB_GTID_LIST)
    const [own, artificial] = lists.map((event) => ({
      ...readEventHeader(event),
      gtids: decodePreviousGtids(event, 'CRC32').toString(),
    }))
    expect(own).toMatchObject({ flags: 0, gtids: '' })
    const place = { flags: EventFlag.ARTIFICIAL, logPos: 2716, gtids: '0-11-10,7-11-1' }
    expect(artificial).toMatchObject(place)
  })

  it('gets 1236 in MariaDB’s words for what was purged, and for what its source never had', async () => {
    const purged = (binlogs: MemoryBinlogs): void =>
      binlogs.markPurged(GtidSet.parse('0-11-9,0-12-8'))
    const tooOld = expect.stringMatching(/^Could not find GTID state requested by slave/)
    for (const state of ['', '0-11-8', '0-12-8', '7-11-1']) {
      const { ended } = await dump(state, purged)
      expect(ended.error).toMatchObject({ code: 1236, message: tooOld })
    }
    const { ended } = await dump('0-12-20')
    const diverged = expect.stringContaining('start from GTID 0-12-20, which is not in the master')
    expect(ended.error).toMatchObject({ code: 1236, message: diverged })
  })

  it('is asked to come back when it has more than was received here', async () => {
    const { ended } = await dump('0-11-24')
    const message = 'Kingbus has not received GTID 0-11-24 yet; of its domain it has 0-11-23'
    expect(ended.error).toMatchObject({ code: 1105, message })
  })
})
