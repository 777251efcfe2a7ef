/*
  Where the source is and how to log in there. The password comes from a function at every connect, so
  that it can be changed while the process runs and is never kept in something that gets printed.
*/

import type { Dialed, DialOptions } from '../platform/index.ts'

/** MySQL's own names of what is asked of TLS, weakest first. */
const TLS_MODES = ['disabled', 'preferred', 'required', 'verify-ca', 'verify-identity'] as const
export type TlsMode = (typeof TLS_MODES)[number]

export interface SourceAddress {
  /** how a connection to it is begun: the system's sockets, or a simulation's */
  readonly dial: (options: DialOptions) => Dialed
  readonly host: string
  readonly port: number
  readonly user: string
  readonly password: () => string | Promise<string>
  readonly tls: {
    readonly mode: TlsMode
    /** certificates to trust, PEM; undefined: the system's */
    readonly authorities: () => Buffer | undefined | Promise<Buffer | undefined>
  }
}

/** What we are to the source: a replica with this server_id and server_uuid. */
export interface ReplicaSelf {
  readonly serverId: number
  readonly uuid: string
}

/** `host:port` for people; brackets around an IPv6 address. */
export function formatAddress({ host, port }: { host: string; port: number }): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}
