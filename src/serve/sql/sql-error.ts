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

export function unknownVariable(name: string): SqlError {
  return new SqlError(1193, 'HY000', `Unknown system variable '${name}'`)
}
