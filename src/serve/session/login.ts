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
import type { ServerTls } from '../../platform/index.ts'
import type { ServerFacts } from '../server-facts.ts'
import type { User } from '../user.ts'
import type { Authenticator, Verdict } from './authenticator.ts'
import type { PacketChannel } from './packet-channel.ts'

/*
  What we can do. Left out on purpose: COMPRESS and ZSTD_COMPRESSION; QUERY_ATTRIBUTES, so that a
  statement begins right after its command byte; and MULTI_STATEMENTS, which we refuse.
*/
const CAPABILITIES =
  Capability.LONG_PASSWORD |
  Capability.FOUND_ROWS |
  Capability.LONG_FLAG |
  Capability.CONNECT_WITH_DB |
  Capability.NO_SCHEMA |
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
  Capability.DEPRECATE_EOF

export interface LoginOptions {
  readonly authenticator: Authenticator
  readonly tls: ServerTls | undefined
  readonly facts: ServerFacts
  readonly connectionId: number
}

export interface LoggedIn {
  readonly user: User
  readonly database: string | undefined
  /** of both sides */
  readonly capabilities: number
}

/**
 * Greets a client, goes over to TLS when it asks, and finds out who it is. A refused client has been told
 * so; undefined for it and for one that has gone. The OK is left to the caller.
 */
export async function login(
  channel: PacketChannel,
  options: LoginOptions,
): Promise<LoggedIn | undefined> {
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
  if (packet === undefined) return undefined
  const response = decodeHandshakeResponse(packet)
  const claim = {
    user: response.user,
    plugin: response.authPlugin,
    response: response.authResponse,
    switches: response.authPlugin !== undefined,
  }
  const verdict = await authenticator.verify(channel, claim, scramble)
  if (verdict.kind !== 'user') {
    await refuse(channel, verdict, response.user)
    return undefined
  }
  return {
    user: verdict.user,
    database: response.database === '' ? undefined : response.database,
    capabilities: offered & response.capabilities,
  }
}

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
  verdict: Verdict,
  name: string,
): Promise<void> {
  if (verdict.kind === 'denied') {
    await channel.send(encodeErr(accessDeniedFor(name, channel, verdict.passwordUsed)))
  }
  if (verdict.kind === 'unable') await channel.send(encodeErr(CLIENT_TOO_OLD))
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
