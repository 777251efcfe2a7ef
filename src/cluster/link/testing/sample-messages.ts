import { crc32 } from '../../../lib/index.ts'
import { GtidSet } from '../../../mysql/index.ts'
import type { LogRecord } from '../../../store/index.ts'
import type { Message } from '../../protocol/messages.ts'
import { encodeCarried } from '../frame.ts'
import { headerOf } from '../index.ts'
import type { Carried } from '../message-codec.ts'

const news = { committed: 41, version: 7, round: 3 }
const lineage = [
  { epoch: 1, sequence: 20 },
  { epoch: 4, sequence: 41 },
]
const member = { node: 'one', store: 'store-1' }
const uuid = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const bytes = Buffer.from('bytes of a binlog file')
const place = { epoch: 4, crc: 0, end: 900, boundary: 850 }

/** A record with these bytes. */
export function recordOf(sequence: number, body: Uint8Array): LogRecord {
  return { ...place, sequence, kind: 'bytes', crc: crc32(body), timestamp: 1700, bytes: body }
}

/** Records as a leader sends them together. */
export function recordsMessage(records: readonly LogRecord[]): Carried {
  return { message: { kind: 'records', ...news, headers: records.map(headerOf) }, records }
}

const begin = {
  name: 'binlog.000007',
  sourceUuid: uuid,
  sourceFile: 'mysql-bin.000123',
  sourcePosition: 4,
  basePosition: 4,
  purged: undefined,
}
const contact = GtidSet.parse(`${uuid}:1-5`)
const held = GtidSet.parse(`${uuid}:1-70:tag:3`)

const RECORDS: readonly LogRecord[] = [
  { ...place, sequence: 42, kind: 'epoch-start', crc: 5 },
  { ...place, sequence: 43, kind: 'file-begin', crc: 6, fileBegin: { begin, contact, held } },
  recordOf(44, bytes),
  { ...recordOf(45, Buffer.alloc(0)), crc: 9, isShort: true },
  { ...recordOf(46, bytes.subarray(3)), crc: 9, isShort: true },
  { ...place, sequence: 47, kind: 'purge', upTo: 'binlog.000003', floor: 12 },
  { ...place, sequence: 48, kind: 'cut', divided: { start: 800, crc: 7 } },
]

const begun = { begin: { ...begin, purged: contact }, contact, held: contact }

const ALONE: readonly Message[] = [
  { kind: 'join', cluster: undefined, member, incarnation: 1, promised: 0, lineage: [] },
  { kind: 'join', cluster: 'c', member, incarnation: 9, promised: 4, lineage },
  {
    kind: 'shared',
    ...news,
    cluster: 'c',
    epoch: 4,
    point: { epoch: 1, sequence: 20 },
    digest: 'd',
  },
  {
    kind: 'start-over',
    ...news,
    cluster: 'c',
    epoch: 4,
    base: { epoch: 1, sequence: 20, digest: 'd', tail: { end: 4, boundary: 4 } },
    lineage,
  },
  { kind: 'known', ...news },
  { kind: 'report', end: 41, round: 3 },
  { kind: 'hand-over' },
  { kind: 'refusal', why: 'other-cluster' },
]

/** One of each kind that there is. */
export const SAMPLES: readonly Carried[] = [
  ...ALONE.map((message) => ({ message, records: [] })),
  recordsMessage(RECORDS),
  recordsMessage([{ ...place, sequence: 8, kind: 'file-begin', fileBegin: begun }]),
  recordsMessage([{ ...place, sequence: 9, kind: 'cut' }]),
]

/** As it goes over the link. */
export function bytesOf(carried: Carried): Buffer {
  return Buffer.concat(encodeCarried(carried))
}
