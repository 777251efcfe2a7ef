/*
  A login at the source. mysql2 connects, authenticates and asks; then `takeOver` takes its socket away,
  since its own dump decodes every event. The take-over uses internals of mysql2 (pinned in package.json),
  which are checked at every login.
*/

import type { Duplex } from 'node:stream'
import { type Connection, type ConnectionOptions, createConnection } from 'mysql2'
import { InvariantError, OperationalError, ProtocolError, systemCodeOf } from '../lib/index.ts'
import {
  certificateMismatch,
  type Dialed,
  type Divert,
  gathering,
  isAddress,
} from '../platform/index.ts'
import { RawConnection } from './raw-connection.ts'
import { formatAddress, type SourceAddress, type TlsMode } from './source-address.ts'
import { clientError } from './source-error.ts'
import type { SourceLimits } from './source-limits.ts'

/** What the take-over needs to find inside a connection of mysql2 3.24.6. */
interface Internals {
  stream: Duplex
  _closing?: boolean
  startTLS: (onSecure: (error?: Error) => void) => void
}

export type Row = Readonly<Record<string, string | null>>

export class SourceConnection {
  readonly #address: SourceAddress
  readonly #limits: SourceLimits
  readonly #connection: Connection
  readonly #dialed: Dialed
  /** why the connection broke while nobody was asking */
  #broken: Error | undefined
  /** ends the wait for the answer to the statement under way */
  #giveUp: (() => void) | undefined

  constructor(parts: {
    address: SourceAddress
    limits: SourceLimits
    connection: Connection
    dialed: Dialed
  }) {
    this.#address = parts.address
    this.#limits = parts.limits
    this.#connection = parts.connection
    this.#dialed = parts.dialed
    this.#connection.on('error', (error: Error) => {
      this.#broken = error
    })
  }

  /** Logs in. Throws OperationalError: E_SOURCE_UNREACHABLE, E_SOURCE_AUTH, E_SOURCE_TLS, ... */
  static async open(
    address: SourceAddress,
    limits: SourceLimits,
    signal: AbortSignal,
  ): Promise<SourceConnection> {
    const { mode } = address.tls
    if (mode !== 'preferred') return await login(address, limits, { signal, mode })
    try {
      return await login(address, limits, { signal, mode: 'required' })
    } catch (error) {
      const cause = error instanceof Error ? error.cause : undefined
      if (systemCodeOf(cause) !== 'HANDSHAKE_NO_SSL_SUPPORT') throw error
      return await login(address, limits, { signal, mode: 'disabled' })
    }
  }

  /** Rows as texts by column name. A statement without an answer in time costs the connection. */
  async query(sql: string): Promise<Row[]> {
    if (this.#broken !== undefined) throw clientError(this.#broken, 'ask', this.#address)
    return await new Promise((resolve, reject) => {
      // mysql2 forgets the statement that is under way when it is told to close.
      this.#giveUp = () => reject(closedHere(this.#address))
      const options = { sql, timeout: this.#limits.queryMs, typeCast: false }
      this.#connection.query(options, (error, rows) => {
        this.#giveUp = undefined
        if (error) {
          if (systemCodeOf(error) === 'PROTOCOL_SEQUENCE_TIMEOUT') this.close()
          reject(clientError(error, `'${sql}'`, this.#address))
        } else {
          resolve(Array.isArray(rows) ? rows.map(textRow) : [])
        }
      })
    })
  }

  /** The one row that a statement must have. */
  async queryRow(sql: string): Promise<Row> {
    const [row] = await this.query(sql)
    if (row === undefined) {
      throw new OperationalError('E_SOURCE_REFUSED', `'${sql}' has no row as its answer`, {
        source: formatAddress(this.#address),
      })
    }
    return row
  }

  /**
   * Ends mysql2's part: from here on the connection's bytes are ours alone. Throws what broke the connection
   * before: the stream would never say so again.
   */
  takeOver(): RawConnection {
    if (this.#broken !== undefined) throw clientError(this.#broken, 'take over', this.#address)
    const internals = internalsOf(this.#connection)
    const { stream } = internals
    internals._closing = true
    for (const event of ['data', 'end', 'close', 'error']) stream.removeAllListeners(event)
    const dialed = this.#dialed
    const divert: Divert =
      stream === dialed.stream
        ? (target, receive) => dialed.divert(target, receive)
        : gathering(stream)
    return new RawConnection({ stream, divert })
  }

  close(): void {
    this.#giveUp?.()
    this.#connection.destroy()
    this.#dialed.stream.destroy()
  }
}

function closedHere(address: SourceAddress): OperationalError {
  const source = formatAddress(address)
  return new OperationalError(
    'E_SOURCE_CLOSED',
    `the connection to source ${source} was closed from here`,
    { source },
  )
}

/** The value of a column that the source was asked for. @throws ProtocolError when it did not answer that */
export function columnOf(row: Row, name: string): string {
  const value = row[name]
  if (value === undefined || value === null) {
    throw new ProtocolError(`the source's answer has no column ${name}`)
  }
  return value
}

/** With `typeCast: false` mysql2 gives every value as the bytes that came. */
function textRow(row: unknown): Row {
  const texts: Record<string, string | null> = {}
  for (const [name, value] of Object.entries(row as Record<string, Buffer | null>)) {
    texts[name] = value === null ? null : value.toString('utf8')
  }
  return texts
}

async function login(
  address: SourceAddress,
  limits: SourceLimits,
  { signal, mode }: { signal: AbortSignal; mode: TlsMode },
): Promise<SourceConnection> {
  const password = await address.password()
  const ca = mode === 'disabled' ? undefined : await address.tls.authorities()
  signal.throwIfAborted()
  const dialed = address.dial({ host: address.host, port: address.port })
  const options: ConnectionOptions = {
    host: address.host,
    port: address.port,
    user: address.user,
    password,
    stream: dialed.stream,
    connectTimeout: limits.connectMs,
    connectAttributes: { program_name: 'kingbus' },
    // A statement is the bytes behind its command, also once the connection is taken over; no file is ever asked for.
    flags: ['-CLIENT_QUERY_ATTRIBUTES', '-LOCAL_FILES'],
    // Nothing is ever prepared; the default makes room for 16,000 statements at every login.
    maxPreparedStatements: 1,
  }
  const ownCheck = mode === 'verify-identity' && isAddress(address.host)
  if (mode !== 'disabled') {
    options.ssl = {
      rejectUnauthorized: mode === 'verify-ca' || mode === 'verify-identity',
      verifyIdentity: mode === 'verify-identity' && !ownCheck,
      ...(ca === undefined ? {} : { ca }),
    }
  }
  const connection = createConnection(options)
  if (ownCheck) checkAddressUnderTls(connection, address.host)
  let giveUp = (): void => {}
  try {
    await new Promise<void>((resolve, reject) => {
      giveUp = () => reject(closedHere(address))
      signal.addEventListener('abort', giveUp, { once: true })
      connection.once('error', reject)
      connection.connect((error) => (error ? reject(error) : resolve()))
    })
    internalsOf(connection)
    return new SourceConnection({ address, limits, connection, dialed })
  } catch (error) {
    connection.on('error', () => {})
    connection.destroy()
    dialed.stream.destroy()
    throw clientError(error, 'log in', address)
  } finally {
    signal.removeEventListener('abort', giveUp)
  }
}

/**
 * mysql2 compares the certificate with a host name only; for a host that is an IP address it would look
 * for `localhost`. So the address is compared here, before mysql2 sends the password.
 */
function checkAddressUnderTls(connection: Connection, host: string): void {
  const internals = internalsOf(connection)
  const startTls = internals.startTLS.bind(connection)
  internals.startTLS = (onSecure) => {
    startTls((error) => {
      const mismatch = error ?? certificateMismatch(internals.stream, host)
      if (mismatch !== undefined) internals.stream.destroy()
      onSecure(mismatch)
    })
  }
}

function internalsOf(connection: Connection): Internals {
  const internals = connection as unknown as Partial<Internals>
  if (typeof internals.stream?.pause !== 'function' || typeof internals.startTLS !== 'function') {
    throw new InvariantError(
      'mysql2 is not built as this version of kingbus expects it (3.24.6); install the pinned version',
    )
  }
  return internals as Internals
}
