import type { ErrorCode, OperationalError } from '../../lib/index.ts'

/** A statement's answer when it cannot be done: MySQL's code, SQL state and words. The session goes on. */
export class SqlError extends Error {
  override readonly name = 'SqlError'
  readonly code: number
  readonly sqlState: string

  constructor(code: number, sqlState: string, message: string) {
    super(message)
    this.code = code
    this.sqlState = sqlState
  }
}

const NEAR_MOST = 80

/** Error 1064 with the rest of the statement from where it was not understood. */
export function syntaxError(sql: string, at: number): SqlError {
  const line = sql.slice(0, at).split('\n').length
  return new SqlError(
    1064,
    '42000',
    'You have an error in your SQL syntax; check the manual that corresponds to your MySQL server ' +
      `version for the right syntax to use near '${sql.slice(at, at + NEAR_MOST)}' at line ${line}`,
  )
}

export function accessDenied(privilege: string): SqlError {
  return new SqlError(
    1227,
    '42000',
    `Access denied; you need (at least one of) the ${privilege} privilege(s) for this operation`,
  )
}

export function interrupted(): SqlError {
  return new SqlError(1317, '70100', 'Query execution was interrupted')
}

export function unknownVariable(name: string): SqlError {
  return new SqlError(1193, 'HY000', `Unknown system variable '${name}'`)
}

/** MySQL's number for what keeps the node from doing what was asked; any other is 1105, "unknown error". */
const NUMBERS: Partial<Record<ErrorCode, number>> = {
  E_SOURCE_UNCONFIGURED: 1200,
  E_CONFIG_INVALID: 1210,
  E_FILE_UNKNOWN: 1373,
  E_FILE_IN_USE: 1378,
}

/** What a client is told that asked for it, with our code in front, by which the reference can be searched. */
export function refusalOf({ code, message }: OperationalError): SqlError {
  return new SqlError(NUMBERS[code] ?? 1105, 'HY000', `${code}: ${message}`)
}

/** The longest name that MySQL allows. */
const NAME_CHARACTERS_MOST = 64

/**
 * Why a name cannot be that of a default database. Kingbus has no databases: any name that one could have is taken,
 * whichever way it comes, so that clients that log in with one work unchanged.
 */
export function databaseNameError(name: string): SqlError | undefined {
  if (name === '') return new SqlError(1046, '3D000', 'No database selected')
  if (Array.from(name).length > NAME_CHARACTERS_MOST) {
    return new SqlError(1059, '42000', `Identifier name '${name}' is too long`)
  }
  if (name.endsWith(' ')) return new SqlError(1102, '42000', `Incorrect database name '${name}'`)
  return undefined
}
