import type { ComRegisterReplica } from '../mysql/index.ts'
import type { Value } from './sql/value.ts'
import type { Right } from './user.ts'

/** User variables that one session may set, and the bytes of their values in all. */
export const USER_VARIABLES_MOST = 256
export const USER_VARIABLE_BYTES_MOST = 4 * 1024 * 1024

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
  database: string | undefined
  /** by lower-case name */
  readonly userVariables: Map<string, Value>
  /** session values of system variables that were set, by lower-case name */
  readonly systemVariables: Map<string, Value>
  registration: ComRegisterReplica | undefined
  /** Command of SHOW PROCESSLIST */
  command: 'Connect' | 'Sleep' | 'Query' | 'Binlog Dump' | 'Binlog Dump GTID'
  /** State of SHOW PROCESSLIST */
  activity: string | undefined
  /** the statement that runs, for SHOW PROCESSLIST */
  statement: string | undefined
  /** when `command` last changed, monotonic milliseconds */
  sinceMs: number
}

export function hasRight(state: SessionState, ...rights: readonly Right[]): boolean {
  return rights.some((right) => state.rights.includes(right))
}
