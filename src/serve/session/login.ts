import {
  CACHING_SHA2_PASSWORD,
  Capability,
  COLLATION_UTF8MB4,
  decodeHandshakeResponse,
  type ErrPacket,
  encodeErr,
  encodeGreeting,
  type Greeting,
  isSslRequest,
  MYSQL_NATIVE_PASSWORD,
  STATUS_AUTOCOMMIT,
} from '../../mysql/index.ts'
import { type CompressionAlgorithm, hasCompression, type ServerTls } from '../../platform/index.ts'
import type { ServerFacts } from '../server-facts.ts'
import type { User } from '../user.ts'
import type { Authenticator, Verdict } from './authenticator.ts'
import type { PacketChannel } from './packet-channel.ts'

/*
  What we can do. Left out on purpose: QUERY_ATTRIBUTES, so that a statement begins right after its command
  byte; and MULTI_STATEMENTS, which we refuse.
*/
const CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.NO_SCHEMA |
  Capability.COMPRESS |
  Capability.ODBC |
  Capability.LOCAL_FILES |
  Capability.IGNORE_SPACE |
  Capability.PROTOCOL_41 |
  Capability.INTERACTIVE |
  Capability.IGNORE_SIGPIPE |
  Capability.TRANSACTIONS |
  Capability.RESERVED |
  Capability.SECURE_CONNECTION |
  Capability.MULTI_RESULTS |
  Capability.PS_MULTI_RESULTS |
  Capability.PLUGIN_AUTH |
  Capability.CONNECT_ATTRS |
  Capability.PLUGIN_AUTH_LENENC |
  Capability.DEPRECATE_EOF |
  (hasCompression('zstd') ? Capability.ZSTD_COMPRESSION : 0)

export interface LoginOptions {
  readonly authenticator: Authenticator
  readonly tls: ServerTls | undefined
  readonly facts: ServerFacts
  readonly connectionId: number
}

export interface LoggedIn {
  readonly kind: 'logged in'
  readonly user: User
  readonly database: string | undefined
  /** what the client says of its program, by name */
  readonly attributes: ReadonlyMap<string, string>
  /** of both sides */
  readonly capabilities: number
  /** what both sides do from the OK on; undefined: nothing is compressed */
  readonly compression: AskedCompression | undefined
}

/** How a client that was not let in fared; it has been told what it may know. */
export interface Refused {
  /** gone: without having said who it is, as load balancers do to see whether we are there */
  readonly kind: 'gone' | 'refused' | 'blocked'
  readonly why: string
}

export interface AskedCompression {
  readonly algorithm: CompressionAlgorithm
  readonly level: number
}

/**
 * Greets a client, goes over to TLS when it asks, and finds out who it is. A refused client has been told
 * so. The OK is left to the caller.
 */
export async function login(
  channel: PacketChannel,
  options: LoginOptions,
): Promise<LoggedIn | Refused> {
  const { authenticator, tls, facts, connectionId } = options
  const scramble = authenticator.scramble()
  const offered = CAPABILITIES | (tls === undefined ? 0 : Capability.SSL)
  await channel.send(
    encodeGreeting({
      ...introductionOf(facts),
      connectionId,
      scramble,
      capabilities: offered,
      collation: COLLATION_UTF8MB4,
      status: STATUS_AUTOCOMMIT,
    }),
  )
  let packet = await channel.read()
  if (packet !== undefined && tls !== undefined && isSslRequest(packet)) {
    packet = (await channel.secure(tls)) ? await channel.read() : undefined
  }
  if (packet === undefined) return { kind: 'gone', why: 'it left before it said who it is' }
  const response = decodeHandshakeResponse(packet)
  const claim = {
    user: response.user,
    plugin: response.authPlugin,
    response: response.authResponse,
    switches: response.authPlugin !== undefined,
  }
  const verdict = await authenticator.verify(channel, claim, scramble)
  if (verdict.kind !== 'user') return await refuse(channel, verdict, response.user)
  return {
    kind: 'logged in',
    user: verdict.user,
    database: response.database === '' ? undefined : response.database,
    attributes: response.attributes,
    capabilities: offered & response.capabilities,
    compression: compressionOf(offered & response.capabilities, response.zstdLevel),
  }
}

/** zlib when both are asked for, as MySQL has it. */
function compressionOf(
  capabilities: number,
  zstdLevel = ZSTD_LEVEL_DEFAULT,
): AskedCompression | undefined {
  if (capabilities & Capability.COMPRESS) return { algorithm: 'zlib', level: ZLIB_LEVEL }
  if ((capabilities & Capability.ZSTD_COMPRESSION) === 0) return undefined
  const level = Math.min(Math.max(zstdLevel, 1), ZSTD_LEVEL_MOST)
  return { algorithm: 'zstd', level }
}

/** MySQL's. */
const ZLIB_LEVEL = 6
const ZSTD_LEVEL_DEFAULT = 3
/** A client may ask for up to 22, which takes minutes of CPU for each gigabyte: ours, not its own. */
const ZSTD_LEVEL_MOST = 9

/**
 * MariaDB says first the last version whose replicas knew no MariaDB, and its replicas look for that; they have
 * no other plugin than its own first one, and give an empty password where another is announced.
 */
function introductionOf({
  flavor,
  version,
}: ServerFacts): Pick<Greeting, 'version' | 'authPlugin'> {
  return flavor === 'mariadb'
    ? { version: `5.5.5-${version}`, authPlugin: MYSQL_NATIVE_PASSWORD }
    : { version, authPlugin: CACHING_SHA2_PASSWORD }
}

/** Tells a client why it is not let in, in MySQL's words. */
export async function refuse(
  channel: PacketChannel,
  verdict: Exclude<Verdict, { kind: 'user' }>,
  name: string,
): Promise<Refused> {
  switch (verdict.kind) {
    case 'gone':
      return { kind: 'gone', why: 'it left in the middle of its login' }
    case 'denied':
      await channel.send(encodeErr(accessDeniedFor(name, channel, verdict.passwordUsed)))
      return { kind: 'refused', why: verdict.why }
    case 'unable':
      await channel.send(encodeErr(CLIENT_TOO_OLD))
      return { kind: 'refused', why: 'it knows no method of the user' }
    case 'blocked':
      await channel.send(encodeErr(hostBlocked(channel.connection.host, verdict.waitMs)))
      return { kind: 'blocked', why: 'its host is blocked' }
  }
}

/** What a client is told whose host has had too many logins refused. */
export function hostBlocked(host: string, waitMs: number): ErrPacket {
  const seconds = Math.ceil(waitMs / 1000)
  return {
    code: 1129,
    sqlState: 'HY000',
    message:
      `Host '${host}' is blocked because of many connection errors (refused logins); ` +
      `it may try again in ${seconds} seconds`,
  }
}

export function accessDeniedFor(
  name: string,
  channel: PacketChannel,
  passwordUsed: boolean,
): ErrPacket {
  const used = passwordUsed ? 'YES' : 'NO'
  const account = `'${name}'@'${channel.connection.host}'`
  return {
    code: 1045,
    sqlState: '28000',
    message: `Access denied for user ${account} (using password: ${used})`,
  }
}

const CLIENT_TOO_OLD: ErrPacket = {
  code: 1251,
  sqlState: '08004',
  message:
    'Client does not support authentication protocol requested by server; ' +
    'consider upgrading MySQL client',
}
