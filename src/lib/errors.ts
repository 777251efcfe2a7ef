/*
  The three classes of error and what happens at each.

    InvariantError    our bug        nobody catches it; the process exits 70 and recovers from disk
    ProtocolError     peer's fault   costs that peer its connection, with a MySQL ERR packet if possible
    OperationalError  the world's    has a code of ERROR_CATALOGUE, a retry policy and an exit code

  ERROR_CATALOGUE is closed: a test compares it with docs/reference/errors.md in both directions.
*/

/** What the process does by itself about an operational error. */
export type Reaction =
  /** tries again for ever, with back-off; the state says `waiting` */
  | 'retry'
  /** goes on when the cause is gone; the state says `paused` */
  | 'pause'
  /** stops that part until the operator acts; the state says `failed` */
  | 'operator'
  /** refuses the request or the start; nothing else changes */
  | 'refuse'

export interface ErrorEntry {
  readonly reaction: Reaction
  /** exit code of a command that ends by this error (sysexits.h's numbers) */
  readonly exitCode: number
}

const entry = (reaction: Reaction, exitCode: number): ErrorEntry => ({ reaction, exitCode })

export const ERROR_CATALOGUE = {
  // configuration and command line
  E_CONFIG_INVALID: entry('refuse', 78),
  E_CONFIG_UNREADABLE: entry('refuse', 78),
  E_SECRET_EXPOSED: entry('refuse', 78),
  E_USERS_INVALID: entry('refuse', 78),
  E_USER_EXISTS: entry('refuse', 65),
  E_USER_UNKNOWN: entry('refuse', 67),
  E_ADMIN_UNREACHABLE: entry('refuse', 69),
  E_ADMIN_REFUSED: entry('refuse', 77),
  E_LISTEN: entry('refuse', 71),
  E_SERVE_ADDRESS_FIXED: entry('refuse', 78),
  // data directory and store
  E_DATA_DIR_LOCKED: entry('refuse', 73),
  E_DATA_DIR_INVALID: entry('refuse', 74),
  E_STORE_DAMAGED: entry('operator', 74),
  E_STORE_FORMAT: entry('refuse', 74),
  E_STORE_NOT_EMPTY: entry('refuse', 73),
  E_IMPORT_REFUSED: entry('refuse', 65),
  E_STORE_WRITE: entry('pause', 74),
  E_DISK_FULL: entry('pause', 74),
  E_DISK_SLOW: entry('pause', 74),
  E_DISK_READ_ONLY: entry('pause', 74),
  E_OPEN_FILES: entry('pause', 74),
  E_FILE_UNKNOWN: entry('refuse', 66),
  E_FILE_FORMAT: entry('refuse', 65),
  E_FILE_IN_USE: entry('refuse', 75),
  E_FILE_NEEDED: entry('refuse', 75),
  E_REPLICA_UNKNOWN: entry('refuse', 67),
  E_REPAIR_RUNNING: entry('refuse', 75),
  E_REPAIR_IMPOSSIBLE: entry('operator', 74),
  // the source
  E_SOURCE_UNCONFIGURED: entry('refuse', 78),
  E_SOURCE_UNREACHABLE: entry('retry', 69),
  E_SOURCE_AUTH: entry('retry', 77),
  E_SOURCE_TLS: entry('retry', 77),
  E_SOURCE_PRIVILEGE: entry('retry', 77),
  E_SOURCE_CONFIG: entry('operator', 69),
  E_SOURCE_VERSION: entry('operator', 69),
  E_SOURCE_IDENTITY: entry('operator', 69),
  E_SOURCE_GONE_SILENT: entry('retry', 69),
  E_SOURCE_CLOSED: entry('retry', 69),
  E_SOURCE_SHORTER: entry('operator', 69),
  E_SOURCE_DIVERGED: entry('operator', 69),
  E_SOURCE_PURGED: entry('operator', 69),
  E_SOURCE_OTHER: entry('operator', 69),
  E_SOURCE_REFUSED: entry('retry', 69),
  E_SOURCE_STREAM: entry('retry', 76),
  E_SOURCE_NO_CANDIDATE: entry('retry', 69),
  E_SWITCH_REFUSED: entry('refuse', 75),
  E_METADATA_BUSY: entry('refuse', 75),
  // the cluster: its members and secret, etcd and its member
  E_CLUSTER_NONE: entry('refuse', 78),
  E_MEMBER_UNKNOWN: entry('refuse', 67),
  E_MEMBER_EXISTS: entry('refuse', 65),
  E_MEMBER_REFUSED: entry('refuse', 75),
  E_MEMBER_REMOVED: entry('operator', 78),
  E_CLUSTER_SECRET: entry('refuse', 78),
  E_CLUSTER_NOT_EMPTY: entry('operator', 78),
  E_CLUSTER_OTHER: entry('operator', 74),
  E_CLUSTER_STOPPED: entry('operator', 74),
  E_CLUSTER_LATE: entry('refuse', 75),
  E_COPIES_DIFFER: entry('operator', 74),
  E_NOT_LEADER: entry('retry', 75),
  E_ETCD_BINARY: entry('refuse', 69),
  E_ETCD_EXITED: entry('retry', 69),
  E_ETCD_IN_USE: entry('refuse', 73),
  E_ETCD_LOST: entry('operator', 74),
  E_ETCD_SETTINGS: entry('operator', 78),
  E_ETCD_UNAVAILABLE: entry('retry', 69),
  E_ETCD_REFUSED: entry('refuse', 69),
  E_ETCD_DAMAGED: entry('operator', 74),
  // the other nodes
  E_PEER_UNREACHABLE: entry('retry', 69),
  E_PEER_SECRET: entry('retry', 77),
  E_PEER_VERSION: entry('retry', 69),
  E_PEER_REFUSED: entry('refuse', 69),
  E_CHANGE_UNSETTLED: entry('refuse', 75),
} as const satisfies Record<string, ErrorEntry>

export type ErrorCode = keyof typeof ERROR_CATALOGUE

export type ErrorContext = Readonly<Record<string, string | number | bigint | boolean | undefined>>

/** Our own bug: a condition that the code promises was false. Ends the process with code 70. */
export class InvariantError extends Error {
  override readonly name = 'InvariantError'
}

/** A peer sent bytes that break the protocol; it costs that peer its connection and nothing else. */
export class ProtocolError extends Error {
  override readonly name = 'ProtocolError'
}

/** Something in the world outside: network, disk, configuration, the source's state. */
export class OperationalError extends Error {
  override readonly name = 'OperationalError'
  readonly code: ErrorCode
  readonly context: ErrorContext

  /** @param message lower case, names the thing and the number, and says the remedy if there is one */
  constructor(
    code: ErrorCode,
    message: string,
    context: ErrorContext = {},
    options?: ErrorOptions,
  ) {
    super(message, options)
    this.code = code
    this.context = context
  }

  get reaction(): Reaction {
    return ERROR_CATALOGUE[this.code].reaction
  }

  get exitCode(): number {
    return ERROR_CATALOGUE[this.code].exitCode
  }
}

/** The text of anything that was thrown, for a log line or a status field. */
export function messageOf(thrown: unknown): string {
  return thrown instanceof Error ? thrown.message : String(thrown)
}

/** The system's error code (`ECONNREFUSED`, `ENOSPC`) or MySQL's (`ER_...`) of a thrown thing, if it has one. */
export function systemCodeOf(thrown: unknown): string | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('code' in thrown)) return undefined
  return typeof thrown.code === 'string' ? thrown.code : undefined
}

const FULL_CODES: readonly (string | undefined)[] = ['ENOSPC', 'EDQUOT']

/** True for what the system says when the disk, or our share of it, is full. */
export function isDiskFull(thrown: unknown): boolean {
  return FULL_CODES.includes(systemCodeOf(thrown))
}

/** What is told of a small file that the disk refuses to replace; anything else that was thrown stays what it is. */
export function replaceRefused(path: string, thrown: unknown, why: string): unknown {
  if (thrown instanceof OperationalError || systemCodeOf(thrown) === undefined) return thrown
  const code = isDiskFull(thrown) ? 'E_DISK_FULL' : 'E_DATA_DIR_INVALID'
  const message = `${path} cannot be written: ${why}`
  return new OperationalError(code, message, { path }, { cause: thrown })
}
