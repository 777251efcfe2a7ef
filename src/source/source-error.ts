/*
  What went wrong at the source, as an OperationalError whose code decides what happens next. Two kinds of
  things arrive: errors of mysql2 (while connecting and asking) and ERR packets (that end a dump).
*/
import {
  type ErrorCode,
  messageOf,
  OperationalError,
  ProtocolError,
  systemCodeOf,
} from '../lib/index.ts'
import type { ErrPacket } from '../mysql/index.ts'
import type { Finding } from './finding.ts'
import { formatAddress, type SourceAddress } from './source-address.ts'

const SERVER_ERRORS: Readonly<Record<number, ErrorCode>> = {
  1044: 'E_SOURCE_AUTH',
  1045: 'E_SOURCE_AUTH',
  1129: 'E_SOURCE_AUTH',
  1130: 'E_SOURCE_AUTH',
  1142: 'E_SOURCE_PRIVILEGE',
  1227: 'E_SOURCE_PRIVILEGE',
  1524: 'E_SOURCE_AUTH',
  1820: 'E_SOURCE_AUTH',
  1862: 'E_SOURCE_AUTH',
  3118: 'E_SOURCE_AUTH',
  3159: 'E_SOURCE_TLS',
}

const CLIENT_ERRORS: Readonly<Record<string, ErrorCode>> = {
  HANDSHAKE_NO_SSL_SUPPORT: 'E_SOURCE_TLS',
  HANDSHAKE_SSL_ERROR: 'E_SOURCE_TLS',
  AUTH_SWITCH_PLUGIN_ERROR: 'E_SOURCE_AUTH',
  PROTOCOL_CONNECTION_LOST: 'E_SOURCE_CLOSED',
  PROTOCOL_SEQUENCE_TIMEOUT: 'E_SOURCE_GONE_SILENT',
  ECONNRESET: 'E_SOURCE_CLOSED',
  EPIPE: 'E_SOURCE_CLOSED',
  ECONNREFUSED: 'E_SOURCE_UNREACHABLE',
  ETIMEDOUT: 'E_SOURCE_UNREACHABLE',
  ENOTFOUND: 'E_SOURCE_UNREACHABLE',
  EAI_AGAIN: 'E_SOURCE_UNREACHABLE',
  EHOSTUNREACH: 'E_SOURCE_UNREACHABLE',
  ENETUNREACH: 'E_SOURCE_UNREACHABLE',
}

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  E_SOURCE_AUTH:
    'check the user, its password and the host that it may come from, on the source; with source.tls = ' +
    'disabled the source also needs an RSA key for caching_sha2_password',
  E_SOURCE_PRIVILEGE: 'grant it on the source: GRANT REPLICATION SLAVE ON *.* TO the user',
  E_SOURCE_TLS:
    'check the TLS mode and the certificate authority that are configured for the source',
  E_SOURCE_UNREACHABLE: 'check that the source runs and that its port can be reached from here',
}

/** By the number or the system's code of what went wrong, where more is known than the code alone says. */
const CAUSE_REMEDIES: Readonly<Record<string, string>> = {
  1040: 'raise max_connections on the source, or end connections that nobody needs',
  1129: 'TRUNCATE performance_schema.host_cache on the source unblocks this machine',
  1130: 'CREATE USER on the source for the address of this machine, or for any: USER@%',
  1820: 'give the user a password on the source: ALTER USER ... IDENTIFIED BY ...',
  1862: 'the password has expired: ALTER USER ... IDENTIFIED BY ... PASSWORD EXPIRE NEVER',
  3118: 'the account is locked: ALTER USER ... ACCOUNT UNLOCK on the source',
  3159: 'set source.tls to preferred, required, verify-ca or verify-identity',
  HANDSHAKE_NO_SSL_SUPPORT:
    'give the source a certificate (ssl_cert, ssl_key), or set source.tls = disabled',
  HANDSHAKE_SSL_ERROR:
    "set source.ca-file to the authority of the source's certificate, or a weaker source.tls; for " +
    'verify-identity the certificate must carry the host of source.url',
  AUTH_SWITCH_PLUGIN_ERROR:
    'without TLS the password needs an RSA key of the source: set source.tls = required, or ' +
    'caching_sha2_password_auto_generate_rsa_keys = ON there',
  ECONNREFUSED:
    'nothing listens there: check the port, that mysqld runs, and its bind_address and skip_networking',
  ETIMEDOUT:
    'no answer: look for a firewall on the way, and see that a MySQL server has that address and port',
  ENOTFOUND: 'no name server knows that host: correct the host in source.url',
  EAI_AGAIN: 'the name server does not answer: see /etc/resolv.conf, or give an IP address',
  EHOSTUNREACH: 'there is no way to that address: check the network of this machine',
  ENETUNREACH: 'there is no way to that address: check the network of this machine',
}

interface Failure {
  readonly code: ErrorCode
  readonly text: string
  readonly remedy: string | undefined
}

function explain(thrown: unknown): Failure {
  const number = errorNumberOf(thrown)
  const system = systemCodeOf(thrown)
  const code =
    (number === undefined ? undefined : SERVER_ERRORS[number]) ??
    CLIENT_ERRORS[system ?? ''] ??
    'E_SOURCE_REFUSED'
  return {
    code,
    text: messageOf(thrown) || system || 'no reason given',
    remedy: CAUSE_REMEDIES[number ?? ''] ?? CAUSE_REMEDIES[system ?? ''] ?? REMEDIES[code],
  }
}

/** @param doing what was tried, to stand before the cause: `connect`, `read gtid_executed` */
export function clientError(thrown: unknown, doing: string, address: SourceAddress): Error {
  if (thrown instanceof OperationalError || thrown instanceof ProtocolError) return thrown
  const { code, text, remedy } = explain(thrown)
  const source = formatAddress(address)
  return new OperationalError(
    code,
    `${doing} at source ${source}: ${text}${remedy === undefined ? '' : `; ${remedy}`}`,
    { source, errno: errorNumberOf(thrown) },
    { cause: thrown },
  )
}

export type FailureId = 'source.reach' | 'source.tls' | 'source.login' | 'source.version'

const FAILURE_IDS: Partial<Record<ErrorCode, FailureId>> = {
  E_SOURCE_UNREACHABLE: 'source.reach',
  E_SOURCE_CLOSED: 'source.reach',
  E_SOURCE_GONE_SILENT: 'source.reach',
  E_SOURCE_TLS: 'source.tls',
  E_SOURCE_VERSION: 'source.version',
}

/** Why nothing more can be said of a source: an error of its login or of the first statements. */
export function failureFinding(error: OperationalError): Finding<FailureId> {
  const { text, remedy } =
    error.cause === undefined ? { text: error.message, remedy: undefined } : explain(error.cause)
  const id = FAILURE_IDS[error.code] ?? 'source.login'
  return { id, severity: 'problem', found: text, remedy: remedy ?? 'see docs/reference/errors.md' }
}

function errorNumberOf(thrown: unknown): number | undefined {
  if (typeof thrown !== 'object' || thrown === null || !('errno' in thrown)) return undefined
  return typeof thrown.errno === 'number' && thrown.errno > 0 ? thrown.errno : undefined
}

/** The server's error number behind an error of `clientError`. */
export function clientErrorNumber(error: unknown): number | undefined {
  return error instanceof OperationalError ? errorNumberOf(error.cause) : undefined
}

/** Why a source ends a dump, as far as we act on it; all of them are ERR 1236 with another text. */
export type DumpRefusal =
  /** the file is not in the source's index: purged, or never there */
  | 'file-gone'
  /** the file is shorter than the position asked for */
  | 'shorter'
  /** transactions that are missing here are purged there */
  | 'purged'
  /** we hold transactions under the source's own uuid that it does not have */
  | 'ahead'
  /** the file holds transactions without a GTID */
  | 'anonymous'
  /** somebody else dumps with our server_uuid */
  | 'same-identity'
  /** GTID mode off, binary log off */
  | 'configuration'
  /** nothing to read at that place of the file: it is not between two events of the source's file */
  | 'unreadable'

const READING_BINLOG_ERROR = 1236

const REFUSALS: ReadonlyArray<readonly [RegExp, DumpRefusal]> = [
  [/could not find first log file name/i, 'file-gone'],
  [/could not find next log/i, 'file-gone'],
  [/position > file size/i, 'shorter'],
  // MariaDB's words for it
  [/replication from impossible position/i, 'shorter'],
  [/could not find gtid state requested/i, 'purged'],
  [/purged required binary logs/i, 'purged'],
  [/replica has more gtids than the source/i, 'ahead'],
  [/anonymous transaction/i, 'anonymous'],
  [/same server_uuid\/server_id/i, 'same-identity'],
  [/gtid_mode\s*=|binary log is not open/i, 'configuration'],
  [/truncated in the middle of event|bogus data in log event|did not pass crc/i, 'unreadable'],
  [/exceeded max_allowed_packet/i, 'unreadable'],
]

function refusalOf(err: ErrPacket): DumpRefusal | undefined {
  if (err.code !== READING_BINLOG_ERROR) return undefined
  return REFUSALS.find(([pattern]) => pattern.test(err.message))?.[1]
}

/** The file that an 'anonymous' refusal names, without its folder. */
export function refusedFile(err: ErrPacket): string | undefined {
  const path = /at file ([^,]+), position/.exec(err.message)?.[1]
  return path?.slice(path.lastIndexOf('/') + 1)
}

/** An ERR packet that ended or refused a dump. */
export class DumpRefused extends Error {
  override readonly name = 'DumpRefused'
  readonly err: ErrPacket
  readonly refusal: DumpRefusal | undefined

  constructor(err: ErrPacket) {
    super(`the source ends the dump with error ${err.code}: ${err.message}`)
    this.err = err
    this.refusal = refusalOf(err)
  }
}

const REFUSAL_CODES: Record<DumpRefusal, readonly [ErrorCode, string]> = {
  // Whether anything is missing is found out at the next attempt.
  'file-gone': ['E_SOURCE_REFUSED', 'the source has no such binlog file (any more)'],
  shorter: [
    'E_SOURCE_SHORTER',
    "the source's binlog file is shorter than ours: it has lost its end, perhaps in a crash with " +
      'sync_binlog other than 1; what is stored here is kept and served',
  ],
  purged: [
    'E_SOURCE_PURGED',
    'the source purged transactions that are missing here: start with an empty data directory',
  ],
  ahead: [
    'E_SOURCE_DIVERGED',
    'transactions are stored here that the source does not have: it was set back; ' +
      'what is stored here is kept and served',
  ],
  anonymous: [
    'E_SOURCE_CONFIG',
    'the source has a binlog file with transactions without a GTID: start behind it ' +
      '(start-at newest or a GTID set) with an empty data directory',
  ],
  'same-identity': [
    'E_SOURCE_IDENTITY',
    'another replica of the source uses our server_uuid or server_id: give one of them its own',
  ],
  configuration: [
    'E_SOURCE_CONFIG',
    'set gtid_mode = ON, enforce_gtid_consistency = ON and log_bin on the source',
  ],
  unreadable: [
    'E_SOURCE_REFUSED',
    'the source cannot read its binlog file at that place: look into its error log',
  ],
}

/**
 * What ended an attempt, for people.
 * @throws what is nobody's fault but ours
 */
export function explainFailure(thrown: unknown, source: string): OperationalError {
  if (thrown instanceof OperationalError) return thrown
  if (thrown instanceof DumpRefused) return dumpError(thrown, source)
  if (!(thrown instanceof ProtocolError)) throw thrown
  return new OperationalError(
    'E_SOURCE_STREAM',
    `source ${source}: ${messageOf(thrown)}; what is not whole is given up and read again`,
    { source },
    { cause: thrown },
  )
}

/** The same for people, with a code. */
export function dumpError(refused: DumpRefused, source: string): OperationalError {
  const { err, refusal } = refused
  const [code, words] =
    refusal === undefined
      ? [SERVER_ERRORS[err.code] ?? ('E_SOURCE_REFUSED' as const), undefined]
      : REFUSAL_CODES[refusal]
  const remedy = words ?? REMEDIES[code]
  return new OperationalError(
    code,
    `source ${source}: ${err.message} (error ${err.code})${remedy === undefined ? '' : `; ${remedy}`}`,
    { source, errno: err.code },
    { cause: refused },
  )
}
