import { createPrivateKey } from 'node:crypto'
import { silentLogger } from '../../lib/index.ts'
import { GtidSet, parsePasswordHash, type Verifier } from '../../mysql/index.ts'
import {
  Compressor,
  makePasswordKey,
  makeServerCertificate,
  makeServerTls,
  systemClock,
  systemRandom,
} from '../../platform/index.ts'
import { REAL_FILES } from '../dump/testing/captures.ts'
import { MemoryBinlogs } from '../dump/testing/memory-binlogs.ts'
import type { DumpRequest, DumpSink } from '../dump-request.ts'
import { SERVE_LIMITS, type ServeLimits } from '../limits.ts'
import { Replicas } from '../replicas.ts'
import type { ServerFacts } from '../server-facts.ts'
import { Authenticator } from '../session/authenticator.ts'
import { ClientCounts } from '../session/client-counts.ts'
import { Listener } from '../session/listener.ts'
import { LoginGuard } from '../session/login-guard.ts'
import { RememberedPasswords } from '../session/remembered-passwords.ts'
import type { RunDump } from '../session/session.ts'
import { SessionList } from '../session/session-list.ts'
import type { User, Users } from '../user.ts'
import { FakeAdministration } from './fake-administration.ts'

export const EXECUTED = '24bc7850-2c16-11e6-a073-0242ac110001:1-77:tag:5'

const SOURCE_VARIABLES: ReadonlyMap<string, string> = new Map([
  ['binlog_row_metadata', 'FULL'],
  ['binlog_transaction_compression', 'ON'],
  ['lower_case_table_names', '1'],
])

/** A server with made-up facts and without a store, for the tests of logins and statements. */
export const FACTS: ServerFacts = {
  serverId: 77,
  serverUuid: '24bc7850-2c16-11e6-a073-0242ac110002',
  version: '9.7.4-kingbus',
  flavor: 'mysql',
  port: 3390,
  hostname: 'stand-in',
  startedMs: 0,
  executed: () => GtidSet.parse(EXECUTED),
  purged: () => GtidSet.parse('24bc7850-2c16-11e6-a073-0242ac110001:1-10'),
  sourceUuid: () => 'aaaaaaaa-0000-4000-8000-000000000001',
  sourceServerId: () => 3,
  sourceVariable: (name) => SOURCE_VARIABLES.get(name),
  checksum: () => 'CRC32',
  files: () => [
    { name: 'binlog.000001', size: 177 },
    { name: 'binlog.000002', size: 4711 },
  ],
  visibleEnd: () => ({ file: 'binlog.000002', position: 4711 }),
}

/** The same in front of a MariaDB source. */
export const MARIADB_FACTS: ServerFacts = {
  ...FACTS,
  version: '10.11.18-MariaDB-kingbus',
  flavor: 'mariadb',
  executed: () => GtidSet.parse('0-11-22,0-12-23,7-11-1'),
  purged: () => GtidSet.parse('0-11-3'),
}

/** Made by MySQL 9.7.4 of 'correct horse', and by MySQL 5.7 of 'password'. */
const SHA2_HASH =
  '0x244124303041' +
  '2459563f0c2a070b4e7e350b0e72683b6b1a636079372e764863697146353533' +
  '4d3845344658783262517778677a754c645268704e5275435949325469683339'
const NATIVE_HASH = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'

const NOTHING_REQUIRED = { tls: false, certificate: false, subject: undefined, issuer: undefined }

function userWith(
  name: string,
  verifier: Verifier,
  { requires, ...more }: Partial<Omit<User, 'requires'>> & { requires?: Partial<User['requires']> },
): User {
  return {
    name,
    verifier,
    rights: ['replicate'],
    requires: { ...NOTHING_REQUIRED, ...requires },
    hidesTaggedGtids: false,
    ...more,
  }
}

const plain = (password: string): Verifier => ({ kind: 'password', password })

const USERS: readonly User[] = [
  userWith('repl', plain('plain secret'), {}),
  userWith('hashed', parsePasswordHash(SHA2_HASH), {}),
  userWith('native', parsePasswordHash(NATIVE_HASH), {}),
  userWith('nobody', plain(''), { rights: [] }),
  userWith('admin', plain('root'), { rights: ['administer'] }),
  userWith('secure', plain('plain secret'), { requires: { tls: true } }),
  userWith('certified', plain('plain secret'), { requires: { tls: true, certificate: true } }),
  userWith('named', plain('plain secret'), {
    requires: {
      tls: true,
      certificate: true,
      subject: '/O=Example/CN=replica1',
      issuer: '/CN=our CA',
    },
  }),
  userWith('untagged', plain('plain secret'), { hidesTaggedGtids: true }),
]

const FAKE_USERS: Users = { find: (name) => USERS.find((user) => user.name === name) }

export interface FakeServer {
  readonly listener: Listener
  readonly port: number
  readonly sessions: SessionList
  readonly administration: FakeAdministration
  readonly counts: ClientCounts
  /** what the dumps that were asked for asked for */
  readonly requests: DumpRequest[]
  close(): Promise<void>
}

/** Waits for the end that its signal asks for. */
const waitingDump: RunDump = async (_, sink: DumpSink) => {
  await new Promise<void>((resolve) => {
    sink.signal.addEventListener('abort', () => resolve(), { once: true })
    if (sink.signal.aborted) resolve()
  })
  return { kind: sink.signal.reason === 'shutdown' ? 'eof' : 'closed', sequence: 1 }
}

const VALID = { notBeforeMs: 0, notAfterMs: Date.UTC(2100, 1) }
const secrets = Promise.all([
  makeServerCertificate({ commonName: 'kingbus test', ...VALID }),
  makePasswordKey(),
])

export interface FakeServerOptions {
  readonly limits?: Partial<ServeLimits> | undefined
  readonly runDump?: RunDump | undefined
  readonly clientAuthority?: string
  readonly facts?: ServerFacts
}

export async function startFakeServer({
  limits = {},
  runDump = waitingDump,
  clientAuthority,
  facts = FACTS,
}: FakeServerOptions = {}): Promise<FakeServer> {
  const [certificate, passwordKey] = await secrets
  const requests: DumpRequest[] = []
  const sessions = new SessionList()
  const administration = new FakeAdministration()
  const allLimits = { ...SERVE_LIMITS, ...limits }
  const guard = new LoginGuard(allLimits, { clock: systemClock, logger: silentLogger })
  const counts = new ClientCounts()
  const listener = new Listener({
    facts,
    guard,
    authenticator: new Authenticator({
      users: FAKE_USERS,
      guard,
      remembered: new RememberedPasswords(10),
      passwordKey: createPrivateKey(passwordKey),
      random: systemRandom,
    }),
    tls: makeServerTls({ ...certificate, clientAuthority }),
    compressor: new Compressor(2),
    sessions,
    replicas: new Replicas(systemClock),
    binlogs: new MemoryBinlogs(REAL_FILES),
    administration,
    runDump: (request, sink) => {
      requests.push(request)
      return runDump(request, sink)
    },
    metadata: undefined,
    limits: allLimits,
    clock: systemClock,
    random: systemRandom,
    counts,
    logger: silentLogger,
  })
  const port = await listener.open('127.0.0.1', 0)
  return {
    listener,
    port,
    sessions,
    administration,
    requests,
    counts,
    close: () => listener.close(1000),
  }
}
