import { type Column, ColumnFlag, ColumnType, type ResultSet } from '../../mysql/index.ts'
import type { MetadataStatement } from '../metadata/metadata-source.ts'
import { SqlError } from './sql-error.ts'
import type { Value } from './value.ts'

/** What a statement that could be done answers; one that could not throws SqlError. */
export type Answer =
  | { readonly kind: 'ok' }
  | { readonly kind: 'rows'; readonly result: ResultSet }
  /** questions that only the source can answer */
  | { readonly kind: 'metadata'; readonly statements: readonly MetadataStatement[] }

export const OK: Answer = { kind: 'ok' }

/** Characters of a row, or of one value; what would have more is error 1153, as an answer is made in memory. */
const ANSWER_CHARACTERS_MOST = 16 * 1024 * 1024

/** @throws SqlError 1153 when the values are too long together to be made or sent */
export function refuseTooLong(values: ResultSet['rows'][number]): void {
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

export function rows(columns: readonly Column[], values: ResultSet['rows']): Answer {
  return { kind: 'rows', result: { columns, rows: values } }
}

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

/** The column of an expression, by what it is worth. */
export function columnOf(name: string, value: Value): Column {
  if (typeof value === 'bigint') return integerColumn(name)
  if (typeof value === 'number') {
    return { ...integerColumn(name), type: ColumnType.DOUBLE, length: DOUBLE_LENGTH }
  }
  return textColumn(name, value?.length ?? 0)
}
