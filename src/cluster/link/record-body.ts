import { present } from '../../lib/index.ts'
import { GtidSet, Reader, Writer } from '../../mysql/index.ts'
import { type BeginFacts, type LogRecord, RECORD_BYTES_MAX } from '../../store/index.ts'
import type { RecordKind } from '../protocol/log/record-header.ts'
import {
  readBlock,
  readFlag,
  readNumber,
  readText,
  requireEnd,
  writeBlock,
  writeNumber,
  writeText,
} from './field-codec.ts'

/*
  What a record carries behind the frame, by its kind:

    bytes         its bytes, as far as they are there
    file-begin    text name, text source uuid, text source file, number source position, number base position,
                  block contact, block held, u8 1 when a block purged follows; the blocks are GTID sets in MySQL's
                  encoding
    epoch-start   nothing
    cut           u8 1 when these follow: number start, u32 crc of what is left of the record that it divides
    purge         text first file that stays, number floor
*/

/** The longest body of each kind. A file that begins names every transaction before it, in three sets at most. */
export const BODY_BYTES_MAX: Readonly<Record<RecordKind, number>> = {
  bytes: RECORD_BYTES_MAX,
  'file-begin': 16 * 1024 * 1024,
  'epoch-start': 0,
  cut: 16,
  purge: 2048,
}

const NOTHING = Buffer.alloc(0)

/** The bytes of a record as they are, without a copy; of the other kinds what they say. */
export function encodeBody(record: LogRecord): Uint8Array {
  const writer = new Writer()
  switch (record.kind) {
    case 'bytes':
      return record.bytes ?? NOTHING
    case 'file-begin':
      writeBegin(writer, present(record.fileBegin, 'how a file begins'))
      break
    case 'epoch-start':
      break
    case 'cut':
      writer.u8(record.divided === undefined ? 0 : 1)
      if (record.divided === undefined) break
      writeNumber(writer, record.divided.start)
      writer.u32(record.divided.crc)
      break
    case 'purge':
      writeText(writer, present(record.upTo, 'the first file that stays'))
      writeNumber(writer, record.floor ?? 0)
      break
  }
  return writer.finish()
}

/** What the body says. `bytes` keep the buffer that they are given in. */
export function decodeBody(kind: RecordKind, body: Buffer): Partial<LogRecord> {
  if (kind === 'bytes') return { bytes: body }
  const reader = new Reader(body)
  const read = readBody(kind, reader)
  requireEnd(reader, `a record of kind ${kind}`)
  return read
}

function readBody(kind: Exclude<RecordKind, 'bytes'>, reader: Reader): Partial<LogRecord> {
  switch (kind) {
    case 'file-begin':
      return { fileBegin: readBegin(reader) }
    case 'epoch-start':
      return {}
    case 'cut':
      if (!readFlag(reader, 'a cut')) return {}
      return { divided: { start: readNumber(reader, 'the start of a record'), crc: reader.u32() } }
    case 'purge':
      return {
        upTo: readText(reader, 'the first file that stays'),
        floor: readNumber(reader, 'the floor of a purge'),
      }
  }
}

function writeBegin(writer: Writer, { begin, contact, held }: BeginFacts): void {
  writeText(writer, begin.name)
  writeText(writer, begin.sourceUuid)
  writeText(writer, begin.sourceFile)
  writeNumber(writer, begin.sourcePosition)
  writeNumber(writer, begin.basePosition)
  writeBlock(writer, contact.encode())
  writeBlock(writer, held.encode())
  writer.u8(begin.purged === undefined ? 0 : 1)
  if (begin.purged !== undefined) writeBlock(writer, begin.purged.encode())
}

function readBegin(reader: Reader): BeginFacts {
  const place = {
    name: readText(reader, 'the name of a file'),
    sourceUuid: readText(reader, 'the uuid of a source'),
    sourceFile: readText(reader, "the name of a source's file"),
    sourcePosition: readNumber(reader, 'a position at a source'),
    basePosition: readNumber(reader, 'the position of the first byte from a source'),
  }
  const contact = GtidSet.decode(readBlock(reader))
  const held = GtidSet.decode(readBlock(reader))
  const purged = readFlag(reader, 'a purged set') ? GtidSet.decode(readBlock(reader)) : undefined
  return { begin: { ...place, purged }, contact, held }
}
