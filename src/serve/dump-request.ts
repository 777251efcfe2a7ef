/*
  What a dump needs to know, read from COM_BINLOG_DUMP or COM_BINLOG_DUMP_GTID and from the session's user
  variables; and what it writes to. The session (session.ts) makes the first, the connection is the second;
  the dump (dump/) knows neither the packets nor the socket.
*/
import type { GtidSet } from '../mysql/index.ts'

export interface DumpRequest {
  /** undefined: the file is found by `held` (a GTID dump without a file name) */
  readonly from: { readonly file: string; readonly position: number } | undefined
  /** COM_BINLOG_DUMP_GTID: transactions to leave out; undefined for COM_BINLOG_DUMP */
  readonly held: GtidSet | undefined
  /** end with EOF at the visible end instead of waiting */
  readonly nonBlocking: boolean
  /** 2 when the client set dump flag 0x0002, else 1 */
  readonly heartbeatVersion: 1 | 2
  /** 0: none asked for */
  readonly heartbeatPeriodMs: number
  /** what the client said it can read in @source_binlog_checksum; undefined when it said nothing */
  readonly checksum: 'CRC32' | 'NONE' | undefined
  readonly replica: ReplicaIdentity
}

export interface ReplicaIdentity {
  readonly serverId: number
  /** @replica_uuid, lower case; undefined when the client has set none */
  readonly uuid: string | undefined
}

/** The writing side of one client's connection, as a dump sees it. */
export interface DumpSink {
  /**
   * Hands bytes to the socket, whole packets or parts of them, headers included; `done` is called once when
   * the socket no longer needs them, also when the connection breaks.
   */
  write(bytes: Uint8Array, done: () => void): void
  /** Resolves when less than the connection's write limit is in flight; rejects when the connection is gone. */
  writable(): Promise<void>
  /** fires when the connection is gone or the dump is to end (KILL, shutdown, a newer dump of the same replica) */
  readonly signal: AbortSignal
}

/** The packet sequence number of the dump's next packet starts at this: the command was packet 0. */
export const FIRST_DUMP_SEQUENCE = 1
