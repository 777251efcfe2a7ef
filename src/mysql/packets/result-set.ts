import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { encodeEof } from './eof.ts'
import { encodeEndOfRows } from './ok.ts'

/*
  A text result set, server -> client, each line a packet of its own

    lenenc                        number of columns
    column definition             once per column
    EOF                           unless DEPRECATE_EOF was agreed on
    row: lenenc strings, fb NULL  once per row
    EOF, or OK with marker 0xfe   when DEPRECATE_EOF was agreed on

  A column definition

    lenenc strings  "def", schema, table, original table, name, original name
    u8              0x0c, the size of what follows
    u16             collation
    u32             length in bytes
    u8              type
    u16             flags
    u8              decimals
    u16             0
*/
const CATALOG = 'def'
const FIXED_SIZE = 0x0c

export const ColumnType = {
  LONG: 0x03,
  DOUBLE: 0x05,
  LONGLONG: 0x08,
  DATE: 0x0a,
  TIME: 0x0b,
  DATETIME: 0x0c,
  LONG_BLOB: 0xfb,
  BLOB: 0xfc,
  VAR_STRING: 0xfd,
  STRING: 0xfe,
} as const

export const ColumnFlag = {
  NOT_NULL: 0x1,
  UNSIGNED: 0x20,
  BINARY: 0x80,
} as const

export interface Column {
  readonly name: string
  readonly type: number
  /** in bytes */
  readonly length: number
  readonly collation: number
  readonly flags: number
  readonly decimals: number
}

export type Row = readonly (string | null)[]

export interface ResultSet {
  readonly columns: readonly Column[]
  readonly rows: readonly Row[]
}

/** The payloads of a result set, in order. */
export function encodeResultSet({ columns, rows }: ResultSet, deprecateEof: boolean): Buffer[] {
  const head = encodeResultSetHead(columns, deprecateEof)
  return [...head, ...rows.map(encodeRow), encodeResultSetEnd(deprecateEof)]
}

/** What stands before the rows; for a result set whose rows are made on the way. */
export function encodeResultSetHead(columns: readonly Column[], deprecateEof: boolean): Buffer[] {
  const payloads = [new Writer().lenenc(columns.length).finish()]
  for (const column of columns) payloads.push(encodeColumn(column))
  if (!deprecateEof) payloads.push(encodeEof())
  return payloads
}

/** What stands behind the rows. */
export function encodeResultSetEnd(deprecateEof: boolean): Buffer {
  return deprecateEof ? encodeEndOfRows() : encodeEof()
}

export function encodeColumn(column: Column): Buffer {
  const writer = new Writer().lenencString(CATALOG)
  writer.lenencString('').lenencString('').lenencString('')
  return writer
    .lenencString(column.name)
    .lenencString('')
    .lenenc(FIXED_SIZE)
    .u16(column.collation)
    .u32(column.length)
    .u8(column.type)
    .u16(column.flags)
    .u8(column.decimals)
    .u16(0)
    .finish()
}

export function decodeColumn(payload: Uint8Array): Column {
  const reader = new Reader(payload)
  for (let index = 0; index < 4; index += 1) reader.lenencBytes()
  const name = reader.lenencString()
  reader.lenencBytes()
  const size = reader.lenenc()
  if (size !== FIXED_SIZE) throw new ProtocolError(`column definition has ${size} fixed bytes`)
  const collation = reader.u16()
  const length = reader.u32()
  const column = {
    name,
    type: reader.u8(),
    length,
    collation,
    flags: reader.u16(),
    decimals: reader.u8(),
  }
  reader.skip(2)
  return column
}

export function encodeRow(row: Row): Buffer {
  const writer = new Writer()
  for (const value of row) writer.lenencStringOrNull(value)
  return writer.finish()
}

export function decodeRow(payload: Uint8Array, columnCount: number): Row {
  const reader = new Reader(payload)
  const row: (string | null)[] = []
  for (let index = 0; index < columnCount; index += 1) row.push(reader.lenencStringOrNull())
  if (reader.remaining > 0) throw new ProtocolError(`${reader.remaining} bytes follow the row`)
  return row
}
