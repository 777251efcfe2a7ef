import type { SourceWishes } from '../../administration.ts'
import { hasRight } from '../../session/session-state.ts'
import { type Answer, OK } from '../answer.ts'
import type { Cursor } from '../cursor.ts'
import type { Scope } from '../scope.ts'
import { accessDenied, SqlError } from '../sql-error.ts'
import { passChannel } from './channel.ts'

type Wish = { -readonly [name in keyof typeof KNOWN]?: string | number | undefined }

/** What an option may be given as; `true` alone: what Kingbus does anyway, and cannot leave. */
const KNOWN = {
  HOST: 'text',
  USER: 'text',
  PASSWORD: 'text',
  PORT: 'number',
  SSL: 'number',
  SSL_CA: 'text',
  SSL_VERIFY_SERVER_CERT: 'number',
  AUTO_POSITION: 'true',
  GET_PUBLIC_KEY: 'true',
} as const

/** Options of MySQL's that Kingbus has nothing for, without their SOURCE_ or MASTER_, and why where that helps. */
const REFUSED: Readonly<Record<string, string>> = {
  LOG_FILE: 'where the source is read from follows from the transactions that are held',
  LOG_POS: 'where the source is read from follows from the transactions that are held',
  CONNECT_RETRY: 'Kingbus tries again by itself, for ever, with growing pauses',
  RETRY_COUNT: 'Kingbus tries again by itself, for ever',
  HEARTBEAT_PERIOD: '',
  BIND: '',
  DELAY: '',
  COMPRESSION_ALGORITHMS: '',
  ZSTD_COMPRESSION_LEVEL: '',
  SSL_CAPATH: 'name one file, with SOURCE_SSL_CA',
  SSL_CERT: '',
  SSL_KEY: '',
  SSL_CIPHER: '',
  SSL_CRL: '',
  SSL_CRLPATH: '',
  TLS_VERSION: '',
  TLS_CIPHERSUITES: '',
  PUBLIC_KEY_PATH: '',
  CONNECTION_AUTO_FAILOVER: '',
  RELAY_LOG_FILE: 'there is no relay log',
  RELAY_LOG_POS: 'there is no relay log',
  IGNORE_SERVER_IDS: 'every transaction is kept',
  NETWORK_NAMESPACE: '',
  PRIVILEGE_CHECKS_USER: '',
  REQUIRE_ROW_FORMAT: '',
  REQUIRE_TABLE_PRIMARY_KEY_CHECK: '',
  ASSIGN_GTIDS_TO_ANONYMOUS_TRANSACTIONS: '',
  GTID_ONLY: '',
}

/**
 * CHANGE REPLICATION SOURCE TO option = value, ... [FOR CHANNEL '']: other settings of the source, in the words of
 * MySQL or its older ones; what is not named stays. A source that runs is connected to anew.
 * @throws SqlError 1235 that names the option which cannot be had
 */
export async function changeSource(cursor: Cursor, scope: Scope): Promise<Answer> {
  const wish: Wish = {}
  do readOption(cursor, wish)
  while (cursor.takeSymbol(','))
  passChannel(cursor)
  cursor.expectEnd()
  if (!hasRight(scope.session, 'administer')) throw accessDenied('REPLICATION_SLAVE_ADMIN')
  await scope.administration.setSource(wishesOf(wish))
  return OK
}

function readOption(cursor: Cursor, wish: Wish): void {
  const written = cursor.token.text.toUpperCase()
  const name = written.replace(/^(?:SOURCE|MASTER)_/, '').replace(/^GET_(?:SOURCE|MASTER)_/, 'GET_')
  if (!isKnown(name)) {
    const why = REFUSED[name]
    if (why === undefined) throw cursor.error()
    throw notSupported(`${written}${why === '' ? '' : `: ${why}`}`)
  }
  cursor.next()
  cursor.expectSymbol('=')
  const { kind, text } = cursor.token
  if (kind !== (KNOWN[name] === 'text' ? 'string' : 'number')) throw cursor.error()
  cursor.next()
  if (KNOWN[name] === 'true' && Number(text) !== 1) throw notSupported(`${written} = ${text}`)
  wish[name] = KNOWN[name] === 'text' ? text : Number(text)
}

const isKnown = (name: string): name is keyof typeof KNOWN => Object.hasOwn(KNOWN, name)

function wishesOf({ HOST, PORT, USER, PASSWORD, SSL_CA, ...rest }: Wish): SourceWishes {
  return {
    host: textOf(HOST),
    port: PORT === undefined ? undefined : Number(PORT),
    user: textOf(USER),
    password: textOf(PASSWORD),
    caFile: SSL_CA === '' ? null : textOf(SSL_CA),
    tls: tlsOf({ SSL_CA, ...rest }),
  }
}

const textOf = (value: string | number | undefined): string | undefined =>
  value === undefined ? undefined : String(value)

/** As MySQL's replica does it: an authority to trust is also to be checked, a name only when that is asked for. */
function tlsOf({ SSL, SSL_CA, SSL_VERIFY_SERVER_CERT: verify }: Wish): SourceWishes['tls'] {
  if (SSL === 0) return 'disabled'
  if (verify === 1) return 'verify-identity'
  if (SSL_CA !== undefined && SSL_CA !== '') return 'verify-ca'
  return SSL === undefined && verify === undefined ? undefined : 'required'
}

function notSupported(what: string): SqlError {
  return new SqlError(1235, '42000', `CHANGE REPLICATION SOURCE does not support ${what}`)
}
