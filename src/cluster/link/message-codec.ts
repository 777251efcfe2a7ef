import { assert, ProtocolError, present } from '../../lib/index.ts'
import { Reader, Writer } from '../../mysql/index.ts'
import type { LogRecord } from '../../store/index.ts'
import type { Lineage, Point } from '../protocol/log/lineage.ts'
import type {
  Join,
  Message,
  News,
  Records,
  Refusal,
  Report,
  Shared,
  StartOver,
} from '../protocol/messages.ts'
import {
  readName,
  readNumber,
  readOptionalText,
  readText,
  requireEnd,
  writeName,
  writeNumber,
  writeOptionalText,
  writeText,
} from './field-codec.ts'
import {
  RECORDS_BYTES_MAX,
  RECORDS_MOST,
  type Row,
  readRow,
  requireRun,
  writeRow,
} from './record-rows.ts'

/*
  The payloads of the frames that carry the protocol's messages (frame.ts draws what is around them):

    join         optional cluster, text node, text store, number incarnation, number promised, lineage
    shared       news, text cluster, number epoch, point, text digest
    start-over   news, text cluster, number epoch, point of the base, text digest, number end, number boundary, lineage
    records      news, u16 count, a row for each (record-rows.ts); their bodies follow the frame, in that order
    known        news
    report       number end, number round
    hand-over    nothing
    refusal      u8 why           1 not-leader, 2 other-cluster

    news         number committed, number version, number round
    point        number epoch, number sequence
    lineage      u16 count, then points
    optional     u8, 1 when a text follows
*/
export const MESSAGE_KINDS = [
  'join',
  'shared',
  'start-over',
  'records',
  'known',
  'report',
  'hand-over',
  'refusal',
] as const satisfies readonly Message['kind'][]

const REASONS: readonly Refusal['why'][] = ['not-leader', 'other-cluster']

/** Leaders that made records, in the whole life of a cluster; more do not fit a frame of 1 MiB. */
const LINEAGE_POINTS_MOST = 65_000

/** A message as it travels. */
export interface Carried {
  readonly message: Message
  /** of `records` only: what the message's headers are the headers of */
  readonly records: readonly LogRecord[]
}

/** @param bodies of `records` only: those of the records, in their order */
export function encodeMessage(
  { message, records }: Carried,
  bodies: readonly Uint8Array[],
): Buffer {
  const writer = new Writer()
  if (message.kind === 'records') {
    const count = message.headers.length
    assert(count === records.length, `${count} headers of ${records.length} records`)
    writeNews(writer, message)
    writeRecords(writer, records, bodies)
  } else {
    writeMessage(writer, message)
  }
  return writer.finish()
}

function writeMessage(writer: Writer, message: Exclude<Message, Records>): void {
  switch (message.kind) {
    case 'join':
      writeJoin(writer, message)
      break
    case 'shared':
      writeNews(writer, message)
      writeText(writer, message.cluster)
      writeNumber(writer, message.epoch)
      writePoint(writer, message.point)
      writeText(writer, message.digest)
      break
    case 'start-over':
      writeStartOver(writer, message)
      break
    case 'known':
      writeNews(writer, message)
      break
    case 'report':
      writeNumber(writer, message.end)
      writeNumber(writer, message.round)
      break
    case 'hand-over':
      break
    case 'refusal':
      writeName(writer, REASONS, message.why)
      break
  }
}

/** A message without records, or the rows of records whose bodies follow. */
export type Decoded =
  | { readonly message: Exclude<Message, Records> }
  | { readonly news: News; readonly rows: readonly Row[] }

export function decodeMessage(kind: Message['kind'], payload: Uint8Array): Decoded {
  const reader = new Reader(payload)
  const decoded: Decoded =
    kind === 'records' ? readRecords(reader) : { message: readMessage(kind, reader) }
  requireEnd(reader, kind)
  return decoded
}

function readMessage(
  kind: Exclude<Message['kind'], 'records'>,
  reader: Reader,
): Exclude<Message, Records> {
  switch (kind) {
    case 'join':
      return readJoin(reader)
    case 'shared':
      return readShared(reader)
    case 'start-over':
      return readStartOver(reader)
    case 'known':
      return { kind, ...readNews(reader) }
    case 'report':
      return readReport(reader)
    case 'hand-over':
      return { kind }
    case 'refusal':
      return { kind, why: readName(reader, REASONS, 'reason of a refusal') }
  }
}

function writeJoin(writer: Writer, message: Join): void {
  writeOptionalText(writer, message.cluster)
  writeText(writer, message.member.node)
  writeText(writer, message.member.store)
  writeNumber(writer, message.incarnation)
  writeNumber(writer, message.promised)
  writeLineage(writer, message.lineage)
}

function readJoin(reader: Reader): Join {
  return {
    kind: 'join',
    cluster: readOptionalText(reader, 'the cluster of a join'),
    member: { node: readText(reader, 'a node'), store: readText(reader, 'a store') },
    incarnation: readNumber(reader, 'an incarnation'),
    promised: readNumber(reader, 'a promise'),
    lineage: readLineage(reader),
  }
}

function readShared(reader: Reader): Shared {
  return {
    kind: 'shared',
    ...readNews(reader),
    cluster: readText(reader, 'a cluster'),
    epoch: readNumber(reader, 'an epoch'),
    point: readPoint(reader),
    digest: readText(reader, 'a digest'),
  }
}

function writeStartOver(writer: Writer, message: StartOver): void {
  const { base } = message
  writeNews(writer, message)
  writeText(writer, message.cluster)
  writeNumber(writer, message.epoch)
  writePoint(writer, base)
  writeText(writer, base.digest)
  writeNumber(writer, base.tail.end)
  writeNumber(writer, base.tail.boundary)
  writeLineage(writer, message.lineage)
}

function readStartOver(reader: Reader): StartOver {
  return {
    kind: 'start-over',
    ...readNews(reader),
    cluster: readText(reader, 'a cluster'),
    epoch: readNumber(reader, 'an epoch'),
    base: {
      ...readPoint(reader),
      digest: readText(reader, 'a digest'),
      tail: { end: readNumber(reader, 'an end'), boundary: readNumber(reader, 'a boundary') },
    },
    lineage: readLineage(reader),
  }
}

function writeRecords(
  writer: Writer,
  records: readonly LogRecord[],
  bodies: readonly Uint8Array[],
): void {
  const count = records.length
  assert(count > 0 && count <= RECORDS_MOST, `${count} records to send in one frame`)
  const total = bodies.reduce((sum, { length }) => sum + length, 0)
  assert(count === 1 || total <= RECORDS_BYTES_MAX, `records of ${total} bytes in one frame`)
  writer.u16(count)
  records.forEach((record, at) => writeRow(writer, record, present(bodies[at], 'a body')))
}

function readRecords(reader: Reader): Decoded {
  const news = readNews(reader)
  const count = reader.u16()
  if (count === 0 || count > RECORDS_MOST) throw new ProtocolError(`${count} records in one frame`)
  const rows = Array.from({ length: count }, () => readRow(reader))
  requireRun(rows)
  return { news, rows }
}

function readReport(reader: Reader): Report {
  return {
    kind: 'report',
    end: readNumber(reader, 'a reported end'),
    round: readNumber(reader, 'a round'),
  }
}

function writeNews(writer: Writer, { committed, version, round }: News): void {
  for (const value of [committed, version, round]) writeNumber(writer, value)
}

function readNews(reader: Reader): News {
  return {
    committed: readNumber(reader, 'a committed end'),
    version: readNumber(reader, 'a version'),
    round: readNumber(reader, 'a round'),
  }
}

function writePoint(writer: Writer, { epoch, sequence }: Point): void {
  writeNumber(writer, epoch)
  writeNumber(writer, sequence)
}

function readPoint(reader: Reader): Point {
  return { epoch: readNumber(reader, 'an epoch'), sequence: readNumber(reader, 'a sequence') }
}

function writeLineage(writer: Writer, lineage: Lineage): void {
  assert(lineage.length <= LINEAGE_POINTS_MOST, `a lineage of ${lineage.length} epochs`)
  writer.u16(lineage.length)
  for (const point of lineage) writePoint(writer, point)
}

function readLineage(reader: Reader): Lineage {
  const count = reader.u16()
  if (count > LINEAGE_POINTS_MOST) throw new ProtocolError(`a lineage of ${count} epochs`)
  return Array.from({ length: count }, () => readPoint(reader))
}
