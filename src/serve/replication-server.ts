import { createPrivateKey } from 'node:crypto'
import type { Logger } from '../lib/index.ts'
import { type Clock, Compressor, type Random, type ServerTls } from '../platform/index.ts'
import type { BinlogStore } from '../store/index.ts'
import type { Administration } from './administration.ts'
import type { AskSource } from './dump/ahead-of-source.ts'
import { binlogReaderOf } from './dump/binlog-reader.ts'
import { Dumps } from './dump/dumps.ts'
import type { ServeLimits } from './limits.ts'
import type { MetadataSource } from './metadata/metadata-source.ts'
import { UNRECEIVED_BYTES_MOST } from './needed-file.ts'
import type { ReplicaAcks } from './replica-acks.ts'
import { Replicas } from './replicas.ts'
import type { ServerFacts } from './server-facts.ts'
import { Authenticator } from './session/authenticator.ts'
import { ClientCounts } from './session/client-counts.ts'
import { Listener } from './session/listener.ts'
import { LoginGuard } from './session/login-guard.ts'
import { RememberedPasswords } from './session/remembered-passwords.ts'
import { SessionList } from './session/session-list.ts'
import type { Users } from './user.ts'

export interface ReplicationServerOptions {
  readonly store: BinlogStore
  readonly facts: ServerFacts
  readonly users: Users
  readonly administration: Administration
  /** undefined: TLS is not offered */
  readonly tls: ServerTls | undefined
  /** PEM text of an RSA key, by which clients without TLS encrypt a password */
  readonly passwordKey: string
  /** who is asked about tables; undefined: nobody */
  readonly metadata: MetadataSource | undefined
  /** what the source has, for replicas that have more than we */
  readonly askSource: AskSource
  /** where it is kept what semi-sync replicas acknowledge */
  readonly acks: ReplicaAcks
  readonly limits: ServeLimits
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** The stand-in for a source: what a listener and its sessions need, put together. */
export class ReplicationServer {
  readonly replicas: Replicas
  readonly dumps: Dumps
  readonly sessions = new SessionList()
  readonly counts = new ClientCounts()
  readonly listener: Listener

  constructor(options: ReplicationServerOptions) {
    const { store, facts, users, administration, tls, passwordKey, metadata } = options
    const { limits, clock, random, logger, acks, askSource } = options
    const binlogs = binlogReaderOf(store)
    this.replicas = new Replicas(clock, UNRECEIVED_BYTES_MOST, acks)
    this.dumps = new Dumps({
      reader: binlogs,
      replicas: this.replicas,
      clock,
      logger,
      serverId: facts.serverId,
      askSource,
    })
    const guard = new LoginGuard(limits, { clock, logger })
    const authenticator = new Authenticator({
      users,
      guard,
      remembered: new RememberedPasswords(limits.rememberedUsersMost),
      passwordKey: createPrivateKey(passwordKey),
      random,
    })
    this.listener = new Listener({
      facts,
      authenticator,
      guard,
      tls,
      compressor: new Compressor(limits.compressionJobsMost),
      sessions: this.sessions,
      replicas: this.replicas,
      binlogs,
      administration,
      runDump: (request, sink) => this.dumps.run(request, sink),
      metadata,
      limits,
      clock,
      random,
      counts: this.counts,
      logger,
    })
  }
}
