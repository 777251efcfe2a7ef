import { type Column, ColumnFlag, ColumnType, type ResultSet, type Row } from '../../mysql/index.ts'
import type { MetadataStatement } from '../metadata/metadata-source.ts'
import { SqlError } from './sql-error.ts'
import type { Value } from './value.ts'

/** What a statement that could be done answers; one that could not throws SqlError. */
export type Answer =
  /** with how many warnings the session has been left, 0 when absent */
  | { readonly kind: 'ok'; readonly warnings?: number }
  | { readonly kind: 'rows'; readonly result: ResultSet }
  /** rows that are made piece by piece, as fast as the client takes them */
  | {
      readonly kind: 'stream'
      readonly columns: readonly Column[]
      readonly pieces: AsyncIterable<readonly Row[]>
    }
  /** questions that only the source can answer */
  | { readonly kind: 'metadata'; readonly statements: readonly MetadataStatement[] }

/** What is answered here, without the source. */
export type OwnAnswer = Exclude<Answer, { kind: 'metadata' }>

export const OK: Answer = { kind: 'ok' }

/** Characters of a row, or of one value; what would have more is error 1153, as an answer is made in memory. */
const ANSWER_CHARACTERS_MOST = 16 * 1024 * 1024

/** @throws SqlError 1153 when the values are too long together to be made or sent */
export function refuseTooLong(values: Row): void {
  const characters = values.reduce((sum, value) => sum + (value?.length ?? 0), 0)
  if (characters <= ANSWER_CHARACTERS_MOST) return
  const message = `Got a packet bigger than 'max_allowed_packet' bytes: ${characters}`
  throw new SqlError(1153, '08S01', message)
}

const COLLATION_UTF8MB4 = 255
const COLLATION_BINARY = 63
const BYTES_PER_CHARACTER = 4
const DECIMALS_FLOATING = 31
const INTEGER_LENGTH = 21
const DOUBLE_LENGTH = 23
const DATE_TIME_LENGTH = 19
const DATE_LENGTH = 10
const TIME_LENGTH = 8

export function rows(columns: readonly Column[], values: ResultSet['rows']): Answer {
  return { kind: 'rows', result: { columns, rows: values } }
}

/** A text that may be NULL. */
export function textColumn(name: string, characters: number): Column {
  return {
    name,
    type: ColumnType.VAR_STRING,
    length: characters * BYTES_PER_CHARACTER,
    collation: COLLATION_UTF8MB4,
    flags: 0,
    decimals: DECIMALS_FLOATING,
  }
}

/** A text that is never NULL. */
export function nameColumn(name: string, characters: number): Column {
  return { ...textColumn(name, characters), flags: ColumnFlag.NOT_NULL }
}

/** A text without limit, as MySQL shows what is kept in a BLOB. */
export function longTextColumn(name: string, characters: number): Column {
  return { ...textColumn(name, characters), type: ColumnType.LONG_BLOB }
}

/** A whole number of 64 bits that is never NULL. */
export function integerColumn(name: string): Column {
  return {
    name,
    type: ColumnType.LONGLONG,
    length: INTEGER_LENGTH,
    collation: COLLATION_BINARY,
    flags: ColumnFlag.BINARY | ColumnFlag.NOT_NULL,
    decimals: 0,
  }
}

/** As integerColumn, without a sign. */
export function countColumn(name: string): Column {
  const column = integerColumn(name)
  return { ...column, flags: column.flags | ColumnFlag.UNSIGNED }
}

/** A whole number of 32 bits without a sign. */
export function shortCountColumn(name: string, digits: number): Column {
  return { ...countColumn(name), type: ColumnType.LONG, length: digits }
}

/** YYYY-MM-DD HH:MM:SS */
export function dateTimeColumn(name: string): Column {
  return { ...integerColumn(name), type: ColumnType.DATETIME, length: DATE_TIME_LENGTH }
}

/** YYYY-MM-DD */
export function dateColumn(name: string): Column {
  return { ...integerColumn(name), type: ColumnType.DATE, length: DATE_LENGTH }
}

/** HH:MM:SS */
export function timeColumn(name: string): Column {
  return { ...integerColumn(name), type: ColumnType.TIME, length: TIME_LENGTH }
}

/** The same column, whose values may be NULL. */
export function nullable(column: Column): Column {
  return { ...column, flags: column.flags & ~ColumnFlag.NOT_NULL }
}

/** The column of an expression, by what it is worth. */
export function columnOf(name: string, value: Value): Column {
  const integer = nullable(integerColumn(name))
  if (typeof value === 'bigint') return integer
  if (typeof value === 'number') {
    return { ...integer, type: ColumnType.DOUBLE, length: DOUBLE_LENGTH }
  }
  return textColumn(name, value?.length ?? 0)
}
