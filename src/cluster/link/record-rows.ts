import { assert, crc32, ProtocolError } from '../../lib/index.ts'
import type { Reader, Writer } from '../../mysql/index.ts'
import { type LogRecord, RECORD_BYTES_MAX } from '../../store/index.ts'
import type { RecordKind } from '../protocol/log/record-header.ts'
import { readName, readNumber, writeName, writeNumber } from './field-codec.ts'
import { BODY_BYTES_MAX, decodeBody } from './record-body.ts'

/*
  One record of a `records` frame, its body aside:

    number  sequence
    number  epoch
    u8      kind            1 bytes, 2 file-begin, 3 epoch-start, 4 cut, 5 purge
    u8      flags           1: short, of bytes only
    u32     crc             of the record
    number  end
    number  boundary
    u32     timestamp       of bytes only
    u32     size            of its body, which follows the frame
    u32     crc of the body, unless that is the record's or there is none

  Whole bytes are under the crc of their record: who sends them computes nothing.
*/
const KINDS: readonly RecordKind[] = ['bytes', 'file-begin', 'epoch-start', 'cut', 'purge']
const SHORT = 1

/** A `records` frame has at most so many; the next ones go in the next frame. */
export const RECORDS_MOST = 1024

/** And their bodies so many bytes, or there is one record only: what a receiver holds at a time. */
export const RECORDS_BYTES_MAX = 4 * RECORD_BYTES_MAX

/** What a frame says of one record. */
export interface Row {
  /** all of the record that does not lie in its body */
  readonly record: LogRecord
  /** of the body, and what its CRC-32 must be */
  readonly size: number
  readonly bodyCrc: number
}

export function writeRow(writer: Writer, record: LogRecord, body: Uint8Array): void {
  const { kind, isShort = false } = record
  assert(body.length <= BODY_BYTES_MAX[kind], `a ${kind} of ${body.length} bytes is too long`)
  assert(kind === 'bytes' || !isShort, `a ${kind} is short`)
  assert(kind !== 'bytes' || isShort || body.length > 0, `record ${record.sequence} has no bytes`)
  writeNumber(writer, record.sequence)
  writeNumber(writer, record.epoch)
  writeName(writer, KINDS, kind)
  writer.u8(isShort ? SHORT : 0).u32(record.crc)
  writeNumber(writer, record.end)
  writeNumber(writer, record.boundary)
  if (kind === 'bytes') writer.u32(record.timestamp ?? 0)
  writer.u32(body.length)
  if (hasCrcOfItsOwn(record, body.length)) writer.u32(crc32(body))
}

export function readRow(reader: Reader): Row {
  const sequence = readNumber(reader, 'the sequence of a record')
  const epoch = readNumber(reader, 'the epoch of a record')
  const kind = readName(reader, KINDS, 'kind of record')
  const flags = reader.u8()
  if (flags > SHORT || (flags === SHORT && kind !== 'bytes')) {
    throw new ProtocolError(`record ${sequence} of kind ${kind} has the flags ${flags}`)
  }
  const crc = reader.u32()
  const end = readNumber(reader, 'the end of a record')
  const boundary = readNumber(reader, 'the boundary of a record')
  if (boundary > end) throw new ProtocolError(`record ${sequence} has a boundary behind its end`)
  const record: LogRecord = {
    sequence,
    epoch,
    kind,
    crc,
    end,
    boundary,
    ...(kind === 'bytes' && { timestamp: reader.u32() }),
    ...(flags === SHORT && { isShort: true }),
  }
  const size = readSize(reader, record)
  return { record, size, bodyCrc: hasCrcOfItsOwn(record, size) ? reader.u32() : crc }
}

function readSize(reader: Reader, { sequence, kind, isShort = false }: LogRecord): number {
  const size = reader.u32()
  if (size > BODY_BYTES_MAX[kind]) {
    throw new ProtocolError(`record ${sequence} of kind ${kind} has ${size} bytes`)
  }
  if (size === 0 && kind !== 'epoch-start' && !isShort) {
    throw new ProtocolError(`record ${sequence} of kind ${kind} has no bytes`)
  }
  return size
}

function hasCrcOfItsOwn({ kind, isShort = false }: LogRecord, size: number): boolean {
  return size > 0 && (kind !== 'bytes' || isShort)
}

/** The record with what its body says. */
export function withBody({ record, size, bodyCrc }: Row, body: Buffer): LogRecord {
  const { sequence, kind } = record
  if (size > 0 && crc32(body) !== bodyCrc) {
    throw new ProtocolError(`the bytes of record ${sequence} fail their checksum`)
  }
  return { ...record, ...decodeBody(kind, body) }
}

/** What holds of any records sent together: bounded, no gaps, no epoch back, nothing behind a cut. */
export function requireRun(rows: readonly Row[]): void {
  const total = rows.reduce((sum, { size }) => sum + size, 0)
  if (rows.length > 1 && total > RECORDS_BYTES_MAX) {
    throw new ProtocolError(`${rows.length} records of ${total} bytes in one frame`)
  }
  let before: LogRecord | undefined
  for (const { record } of rows) {
    if (before !== undefined) requireNext(before, record)
    before = record
  }
}

function requireNext(before: LogRecord, { sequence, epoch }: LogRecord): void {
  if (sequence !== before.sequence + 1) {
    throw new ProtocolError(`record ${sequence} follows ${before.sequence}`)
  }
  if (epoch < before.epoch) throw new ProtocolError(`epoch ${epoch} follows ${before.epoch}`)
  if (before.kind === 'cut') throw new ProtocolError(`record ${sequence} follows a cut`)
}
