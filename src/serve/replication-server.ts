import { createPrivateKey } from 'node:crypto'
import type { Logger } from '../lib/index.ts'
import type { Clock, Random, ServerTls } from '../platform/index.ts'
import type { BinlogStore } from '../store/index.ts'
import { binlogReaderOf } from './dump/binlog-reader.ts'
import { Dumps } from './dump/dumps.ts'
import type { ServeLimits } from './limits.ts'
import type { MetadataSource } from './metadata/metadata-source.ts'
import { Replicas } from './replicas.ts'
import type { ServerFacts } from './server-facts.ts'
import { Authenticator } from './session/authenticator.ts'
import { ClientCounts } from './session/client-counts.ts'
import { Listener } from './session/listener.ts'
import { RememberedPasswords } from './session/remembered-passwords.ts'
import { SessionList } from './session/session-list.ts'
import type { Users } from './user.ts'

export interface ReplicationServerOptions {
  readonly store: BinlogStore
  readonly facts: ServerFacts
  readonly users: Users
  /** undefined: TLS is not offered */
  readonly tls: ServerTls | undefined
  /** PEM text of an RSA key, by which clients without TLS encrypt a password */
  readonly passwordKey: string
  /** who is asked about tables; undefined: nobody */
  readonly metadata: MetadataSource | undefined
  readonly limits: ServeLimits
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** The stand-in for a source: what a listener and its sessions need, put together. */
export class ReplicationServer {
  readonly replicas: Replicas
  readonly sessions = new SessionList()
  readonly counts = new ClientCounts()
  readonly listener: Listener

  constructor(options: ReplicationServerOptions) {
    const { store, facts, users, tls, passwordKey, metadata } = options
    const { limits, clock, random, logger } = options
    this.replicas = new Replicas(clock)
    const dumps = new Dumps({
      reader: binlogReaderOf(store),
      replicas: this.replicas,
      clock,
      logger,
      serverId: facts.serverId,
    })
    const authenticator = new Authenticator({
      users,
      remembered: new RememberedPasswords(limits.rememberedUsersMost),
      passwordKey: createPrivateKey(passwordKey),
      random,
    })
    this.listener = new Listener({
      facts,
      authenticator,
      tls,
      sessions: this.sessions,
      replicas: this.replicas,
      runDump: (request, sink) => dumps.run(request, sink),
      metadata,
      limits,
      clock,
      random,
      counts: this.counts,
      logger,
    })
  }
}
