/*
  What a dump needs to know, read from COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID and from the
  session's user variables; and what it writes to. The session (session.ts) makes the first, the
  connection is the second; the dump (dump/) knows neither the packets nor the socket.
*/
import type { Gtid, GtidSet } from '../mysql/index.ts'

export interface DumpRequest {
  /** undefined: the file is found by `held` (a GTID dump without a file name) */
  readonly from: { readonly file: string; readonly position: number } | undefined
  /** COM_BINLOG_DUMP_GTID: transactions to leave out; undefined for COM_BINLOG_DUMP */
  readonly held: GtidSet | undefined
  /**
   * @slave_connect_state of a MariaDB replica: the last transaction that it has of each domain, in the
   * binlog's order; undefined when it goes by file and position
   */
  readonly connectState?: readonly Gtid[]
  /** end with EOF at the visible end instead of waiting */
  readonly nonBlocking: boolean
  /** 2 when the client set dump flag 0x0002, else 1 */
  readonly heartbeatVersion: 1 | 2
  /** 0: none asked for */
  readonly heartbeatPeriodMs: number
  /** what the client said it can read in @source_binlog_checksum; undefined when it said nothing */
  readonly checksum: 'CRC32' | 'NONE' | undefined
  /** @rpl_semi_sync_replica: it acknowledges what it is asked for, and every event is marked */
  readonly isSemiSync: boolean
  readonly replica: ReplicaIdentity
}

export interface ReplicaIdentity {
  readonly serverId: number
  /** @replica_uuid, lower case; undefined when the client has set none */
  readonly uuid: string | undefined
  /** the connection's id, as in SHOW PROCESSLIST */
  readonly connectionId: number
  readonly user: string
  /** `host:port` of the client */
  readonly address: string
}

/** The writing side of one client's connection, as a dump sees it. */
export interface DumpSink {
  /**
   * Hands bytes to the socket, whole packets or parts of them, headers included; `done` is called
   * once when the socket no longer needs them, also when the connection breaks. A dump has at most
   * two writes in flight.
   */
  write(bytes: Uint8Array, done: () => void): void
  /**
   * Fires when the connection is gone or the dump is to end. With SHUTDOWN as its reason the dump
   * ends with EOF where it can; else (KILL, a broken connection) it just ends.
   */
  readonly signal: AbortSignal
}

/** The reason of a DumpSink's signal when the server goes down. */
export const SHUTDOWN = 'shutdown'

/** How a dump ended; the session writes the packet that says so and closes the connection. */
export interface DumpEnd {
  /** `closed`: nothing may be written any more, the connection is gone or stands inside an event */
  readonly kind: 'eof' | 'error' | 'closed'
  /** sequence number of the next packet */
  readonly sequence: number
  readonly error?: DumpError
}

export interface DumpError {
  readonly code: number
  readonly sqlState: string
  readonly message: string
}

/**
 * The packet sequence number of the dump's next packet starts at this: the command was packet 0.
 */
export const FIRST_DUMP_SEQUENCE = 1
