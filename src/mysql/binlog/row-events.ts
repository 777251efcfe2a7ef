import { Reader } from '../wire/reader.ts'
import { EVENT_HEADER_SIZE } from './header.ts'

/*
  TABLE_MAP, before the row events of its table

    19  u48      table id
    25  u16      flags
    27  u8 + n   database, then NUL
        u8 + n   table, then NUL
                 columns

  Row events (the old ones, V1, have no extra data)

    19  u48      table id
    25  u16      flags        FLAG_NAMES; bit 0: the last one of its statement
*/
const STATEMENT_END = 0x0001
const FLAGS_OFFSET = EVENT_HEADER_SIZE + 6

/** Names of the flags of row events, in the order in which MySQL lists them. */
const FLAG_NAMES: readonly (readonly [bit: number, name: string])[] = [
  [STATEMENT_END, 'STMT_END_F'],
  [0x0002, 'NO_FOREIGN_KEY_CHECKS_F'],
  [0x0004, 'RELAXED_UNIQUE_CHECKS_F'],
  [0x0010, 'USE_SQL_FOREIGN_KEY_F'],
  [0x0008, 'COMPLETE_ROWS_F'],
]

export interface TableMapHead {
  readonly tableId: number
  readonly database: string
  readonly table: string
}

export interface RowEventHead {
  readonly tableId: number
  readonly endsStatement: boolean
}

/** @param event its first bytes. @throws ProtocolError when they end before what is wanted */
export function decodeTableMapHead(event: Buffer): TableMapHead {
  const reader = new Reader(event, EVENT_HEADER_SIZE)
  const tableId = readTableId(reader)
  reader.skip(2)
  return { tableId, database: readName(reader), table: readName(reader) }
}

/** @param event its first bytes. @throws ProtocolError when they end before what is wanted */
export function decodeRowEventHead(event: Buffer): RowEventHead {
  const reader = new Reader(event, EVENT_HEADER_SIZE)
  const tableId = readTableId(reader)
  return { tableId, endsStatement: (reader.u16() & STATEMENT_END) !== 0 }
}

/** @param event its first bytes. @throws ProtocolError when they end before the flags */
export function rowEventFlagNames(event: Buffer): string[] {
  const flags = new Reader(event, FLAGS_OFFSET).u16()
  return FLAG_NAMES.filter(([bit]) => (flags & bit) !== 0).map(([, name]) => name)
}

function readTableId(reader: Reader): number {
  const low = reader.u24()
  return low + reader.u24() * 2 ** 24
}

function readName(reader: Reader): string {
  const name = reader.bytes(reader.u8()).toString('utf8')
  reader.skip(1)
  return name
}
