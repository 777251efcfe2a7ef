import { textOf, type Value } from '../sql/value.ts'
import type { Right } from '../user.ts'

/** User variables that one session may set, and the bytes of their values in all. */
export const USER_VARIABLES_MOST = 256
export const USER_VARIABLE_BYTES_MOST = 4 * 1024 * 1024

/** As SHOW WARNINGS shows it. */
export interface Warning {
  readonly level: 'Warning' | 'Error'
  readonly code: number
  readonly message: string
}

/** What a session has set and been told; RESET_CONNECTION and CHANGE_USER begin it anew. */
export interface SessionState {
  readonly connectionId: number
  /** as in SHOW PROCESSLIST */
  readonly user: string
  /** the client's address, and its port */
  readonly host: string
  readonly port: number
  readonly rights: readonly Right[]
  readonly tlsVersion: string | undefined
  readonly tlsCipher: string | undefined
  /** of the protocol, with the level that the server compresses at */
  compression: { readonly algorithm: string; readonly level: number } | undefined
  database: string | undefined
  /** by lower-case name */
  readonly userVariables: Map<string, Value>
  /** session values of system variables that were set, by lower-case name */
  readonly systemVariables: Map<string, Value>
  /** of the last statement that could have any */
  warnings: readonly Warning[]
  /** Command of SHOW PROCESSLIST */
  command: 'Sleep' | 'Query' | 'Binlog Dump' | 'Binlog Dump GTID'
  /** the statement that runs, for SHOW PROCESSLIST */
  statement: string | undefined
  /** when `command` last changed, monotonic milliseconds */
  sinceMs: number
}

/** What went wrong with the last statement. */
export function errorsOf({ warnings }: Pick<SessionState, 'warnings'>): readonly Warning[] {
  return warnings.filter(({ level }) => level === 'Error')
}

export function hasRight(state: SessionState, ...rights: readonly Right[]): boolean {
  return rights.some((right) => state.rights.includes(right))
}

/** What was set with SET @name = ...; undefined for what was not, and for NULL. */
export function userVariable(state: SessionState, ...names: readonly string[]): string | undefined {
  for (const name of names) {
    const value = textOf(state.userVariables.get(name) ?? null)
    if (value !== null) return value
  }
  return undefined
}
