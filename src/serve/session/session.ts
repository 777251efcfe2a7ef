import {
  type Logger,
  messageOf,
  OperationalError,
  ProtocolError,
  present,
} from '../../lib/index.ts'
import {
  type ComChangeUser,
  Command,
  decodeComChangeUser,
  decodeSemiSyncAck,
  type ErrPacket,
  encodeEof,
  encodeErr,
  encodeOk,
  SEMI_SYNC_MAGIC,
} from '../../mysql/index.ts'
import type { Clock, Compressor, Connection, Random, ServerTls } from '../../platform/index.ts'
import type { Administration } from '../administration.ts'
import type { BinlogReader } from '../dump/binlog-reader.ts'
import { type DumpEnd, type DumpRequest, type DumpSink, SHUTDOWN } from '../dump-request.ts'
import type { ServeLimits } from '../limits.ts'
import type { MetadataSource } from '../metadata/metadata-source.ts'
import type { Replicas } from '../replicas.ts'
import type { ServerFacts } from '../server-facts.ts'
import type { Scope } from '../sql/scope.ts'
import { accessDenied, databaseNameError } from '../sql/sql-error.ts'
import type { User } from '../user.ts'
import type { Authenticator } from './authenticator.ts'
import type { ClientCounts } from './client-counts.ts'
import {
  type CommandContext,
  MALFORMED_PACKET,
  type Outcome,
  runCommand,
  UNKNOWN_COMMAND,
} from './commands.ts'
import { readDumpCommand } from './dump-command.ts'
import { type Client, checkHiding, hidingSink } from './hidden-tags.ts'
import { type LoggedIn, login, type Refused, refuse } from './login.ts'
import type { LoginGuard } from './login-guard.ts'
import { PacketChannel } from './packet-channel.ts'
import type { ListedSession, SessionList } from './session-list.ts'
import { hasRight, type SessionState } from './session-state.ts'

/** Sends a dump to the client until it ends; the session says how it ended. */
export type RunDump = (request: DumpRequest, sink: DumpSink) => Promise<DumpEnd>

/** What all sessions of a listener share. */
export interface SessionContext {
  readonly facts: ServerFacts
  readonly authenticator: Authenticator
  readonly guard: LoginGuard
  readonly tls: ServerTls | undefined
  readonly compressor: Compressor
  readonly sessions: SessionList
  readonly replicas: Replicas
  readonly binlogs: BinlogReader
  readonly administration: Administration
  readonly runDump: RunDump
  /** who is asked about tables; undefined: nobody */
  readonly metadata: MetadataSource | undefined
  readonly limits: ServeLimits
  readonly clock: Clock
  readonly random: Random
  readonly counts: ClientCounts
  readonly logger: Logger
}

/** Bytes of a packet that a client may send during its dump, where none but an ack makes sense. */
const DUMP_PACKET_BYTES_MOST = 4096

/*
  One client's connection, from the greeting to the end

    login ──► commands ──► dump ──► closed
      │           │
      └───────────┴─────────────────► closed

  Nothing goes back: a dump, however it ends, ends the connection, as MySQL has it.
*/
export class Session implements ListedSession {
  readonly #context: SessionContext
  readonly #connectionId: number
  readonly #channel: PacketChannel
  readonly #logger: Logger
  #state: SessionState | undefined
  #client: Client | undefined
  #capabilities = 0
  #compression: SessionState['compression']
  #dump: AbortController | undefined
  #answering = false
  /** of the last statement that had to wait */
  #waiting: AbortController | undefined
  #killed = false

  constructor(connection: Connection, connectionId: number, context: SessionContext) {
    this.#context = context
    this.#connectionId = connectionId
    this.#channel = new PacketChannel(connection, context.limits.loginPacketBytesMost)
    const client = `${connection.host}:${connection.port}`
    this.#logger = context.logger.child({ connection: connectionId, client })
  }

  get state(): SessionState {
    if (this.#state === undefined) throw new ProtocolError('the session is not logged in')
    return this.#state
  }

  get #known(): Client {
    return present(this.#client, 'the client that is logged in')
  }

  /** Runs to the end of the connection. A client's fault costs it the connection and nothing else. */
  async run(): Promise<void> {
    try {
      if (await this.#logIn()) await this.#commands()
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError || thrown instanceof OperationalError)) throw thrown
      this.#context.counts.faults += 1
      this.#logger.warn({ error: messageOf(thrown) }, 'the connection is closed for an error')
      // A dump has its own sequence numbers; whoever breaks the protocol there is told nothing.
      if (this.#dump === undefined) await this.#send(encodeErr(this.#errorOf(thrown)))
    } finally {
      this.#context.sessions.remove(this.#connectionId)
      this.#context.replicas.disconnect(this.#connectionId)
      this.#channel.connection.end(this.#context.limits.lingerMs)
    }
  }

  /** Ends the session for KILL: a dump without a packet, anything else where it stands. */
  kill(): void {
    this.#killed = true
    if (this.#dump !== undefined) this.#dump.abort('killed')
    // A session that ends itself is still told so.
    else if (!this.#answering) this.#channel.connection.destroy()
  }

  interrupt(): void {
    this.#waiting?.abort()
  }

  /** Ends the session because the server goes down: a dump gets an EOF, but for MariaDB's, which is just closed. */
  shutDown(): void {
    this.#killed = true
    const reason = this.#context.facts.flavor === 'mariadb' ? 'closed' : SHUTDOWN
    if (this.#dump !== undefined) this.#dump.abort(reason)
    else this.#channel.connection.end(this.#context.limits.lingerMs)
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#channel.connection.destroy()
  }

  async #logIn(): Promise<boolean> {
    const { authenticator, tls, facts, limits } = this.#context
    const found = await this.#within(limits.loginMs, 'login', () =>
      login(this.#channel, {
        authenticator,
        tls,
        facts,
        connectionId: this.#connectionId,
      }),
    )
    if (found.kind !== 'logged in') {
      this.#notLetIn(found)
      return false
    }
    this.#capabilities = found.capabilities
    if (!(await this.#enter(found))) return false
    this.#channel.limitPackets(limits.packetBytesMost)
    await this.#channel.send(encodeOk())
    if (found.compression !== undefined) {
      const { algorithm, level } = found.compression
      this.#channel.compress(this.#context.compressor.codec(algorithm, level))
      this.#compression = found.compression
      this.state.compression = found.compression
      this.#logger.info({ algorithm, level }, 'the connection is compressed')
    }
    return true
  }

  #notLetIn({ kind, why }: Refused): void {
    const { counts } = this.#context
    if (kind === 'refused') counts.loginsRefused += 1
    if (kind === 'blocked') counts.blocked += 1
    if (kind === 'gone') this.#logger.debug({ why }, 'the client is not let in')
    else this.#logger.warn({ why }, 'the client is not let in')
  }

  /** False when the default database asked for has a name that none can have, which ends the connection. */
  async #enter({
    user,
    database,
    attributes,
  }: Pick<LoggedIn, keyof Client | 'database'>): Promise<boolean> {
    const error = database === undefined ? undefined : databaseNameError(database)
    if (error !== undefined) {
      await this.#channel.send(encodeErr(error))
      this.#notLetIn({ kind: 'refused', why: error.message })
      return false
    }
    this.#client = { user, attributes }
    this.#state = this.#newState(user, database)
    this.#context.sessions.add(this)
    this.#logger.info({ user: user.name }, 'the client is logged in')
    return true
  }

  #newState(user: User, database: string | undefined): SessionState {
    const { host, port, tlsVersion, tlsCipher } = this.#channel.connection
    return {
      connectionId: this.#connectionId,
      user: user.name,
      host,
      port,
      rights: user.rights,
      tlsVersion,
      tlsCipher,
      compression: this.#compression,
      database,
      userVariables: new Map(),
      warnings: [],
      systemVariables: new Map(),
      command: 'Sleep',
      statement: undefined,
      sinceMs: this.#context.clock.monotonicMs(),
    }
  }

  async #commands(): Promise<void> {
    const { limits, sessions } = this.#context
    for (;;) {
      this.#enterCommand('Sleep')
      const payload = await this.#within(limits.idleMs, 'next command', () =>
        this.#channel.readCommand(),
      )
      if (payload === undefined || this.#killed) return
      sessions.countQuestion()
      this.#enterCommand('Query')
      const outcome = await runCommand(payload, this.#commandContext())
      if (outcome === 'close' || this.#killed) return
    }
  }

  #enterCommand(command: SessionState['command']): void {
    this.state.command = command
    this.state.sinceMs = this.#context.clock.monotonicMs()
  }

  #commandContext(): CommandContext {
    return {
      channel: this.#channel,
      state: this.state,
      capabilities: this.#capabilities,
      replicas: this.#context.replicas,
      metadata: this.#context.metadata,
      scope: () => this.#scope(),
      answering: (answer) => {
        this.#answering = true
        try {
          return answer()
        } finally {
          this.#answering = false
        }
      },
      changeUser: (payload) => this.#changeUser(payload),
      dump: (payload) => this.#runDump(payload),
    }
  }

  #scope(): Scope {
    const { facts, sessions, replicas, binlogs, administration, clock, random } = this.#context
    const beginWait = (): AbortSignal => {
      this.#waiting = new AbortController()
      return AbortSignal.any([this.#channel.connection.gone, this.#waiting.signal])
    }
    return {
      facts,
      session: this.state,
      sessions,
      replicas,
      binlogs,
      administration,
      clock,
      beginWait,
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      uuid: () => random.uuid(),
    }
  }

  /** A new login on the same connection; a refused one ends it. The client is always asked anew. */
  async #changeUser(payload: Buffer): Promise<Outcome> {
    const { authenticator, limits, replicas } = this.#context
    const command = this.#readChangeUser(payload)
    if (command === undefined) {
      await this.#channel.send(encodeErr(UNKNOWN_COMMAND))
      return 'close'
    }
    const claim = { user: command.user, plugin: '', response: command.authResponse, switches: true }
    const verdict = await this.#within(limits.loginMs, 'login', () =>
      authenticator.verify(this.#channel, claim, authenticator.scramble()),
    )
    if (verdict.kind !== 'user') {
      this.#notLetIn(await refuse(this.#channel, verdict, command.user))
      return 'close'
    }
    replicas.disconnect(this.#connectionId)
    const isIn = await this.#enter({
      user: verdict.user,
      database: command.database === '' ? undefined : command.database,
      attributes: command.attributes.size > 0 ? command.attributes : this.#known.attributes,
    })
    if (!isIn) return 'close'
    await this.#channel.send(encodeOk())
    return 'next'
  }

  /** Undefined when it is malformed, for which MySQL has the same error as for no command at all. */
  #readChangeUser(payload: Buffer): ComChangeUser | undefined {
    try {
      return decodeComChangeUser(payload, this.#capabilities)
    } catch (thrown) {
      if (thrown instanceof ProtocolError) return undefined
      throw thrown
    }
  }

  async #runDump(payload: Buffer): Promise<Outcome> {
    if (!hasRight(this.state, 'replicate')) {
      await this.#channel.send(encodeErr(accessDenied('REPLICATION SLAVE')))
      return 'next'
    }
    const read = readDumpCommand(payload, this.state, this.#context.facts)
    const request = 'code' in read ? read : checkHiding(read, this.#known)
    if ('code' in request) {
      await this.#channel.send(encodeErr(request))
      return 'close'
    }
    this.#enterCommand(payload[0] === Command.BINLOG_DUMP ? 'Binlog Dump' : 'Binlog Dump GTID')
    const sink = this.#beginDump()
    const hides = this.#known.user.hidesTaggedGtids
    const end = await this.#context.runDump(request, hides ? hidingSink(sink) : sink)
    this.#logger.info({ end: end.kind, ...end.error }, 'the dump has ended')
    if (end.kind === 'closed') return 'close'
    this.#channel.continueAt(end.sequence)
    if (end.error === undefined) await this.#channel.send(encodeEof())
    else await this.#channel.send(encodeErr(end.error))
    return 'close'
  }

  #beginDump(): DumpSink {
    const { connection } = this.#channel
    const dump = new AbortController()
    this.#dump = dump
    connection.gone.addEventListener('abort', () => dump.abort('gone'), { once: true })
    if (connection.gone.aborted) dump.abort('gone')
    this.#channel.limitPackets(DUMP_PACKET_BYTES_MOST)
    this.#channel.endCommands()
    void this.#listenDuringDump(dump)
    return { signal: dump.signal, write: (bytes, done) => this.#channel.write(bytes, done) }
  }

  /** What a client sends during its dump is passed over, but for its leaving and acknowledgements. */
  async #listenDuringDump(dump: AbortController): Promise<void> {
    try {
      for (;;) {
        const packet = await this.#channel.readCommand()
        if (packet === undefined || packet[0] === Command.QUIT) break
        if (packet[0] === SEMI_SYNC_MAGIC) {
          this.#context.replicas.acknowledge(this.#connectionId, decodeSemiSyncAck(packet))
        }
      }
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown
      this.#context.counts.faults += 1
      this.#logger.warn({ error: thrown.message }, 'the dump is ended for what its client sent')
    }
    dump.abort('gone')
  }

  /** Cuts the connection when the client does not get to the end of `wait` in time. */
  async #within<T>(ms: number, what: string, wait: () => Promise<T>): Promise<T> {
    const cancel = this.#context.clock.after(ms, () => {
      this.#context.counts.late += 1
      this.#logger.info({ waitedMs: ms }, `the connection is closed: no ${what} in time`)
      this.#channel.connection.destroy()
    })
    try {
      return await wait()
    } finally {
      cancel()
    }
  }

  async #send(payload: Buffer): Promise<void> {
    if (!this.#channel.connection.gone.aborted) await this.#channel.send(payload)
  }

  #errorOf(thrown: Error): ErrPacket {
    if (thrown instanceof OperationalError) {
      return { code: 1105, sqlState: 'HY000', message: thrown.message }
    }
    return this.#state === undefined ? BAD_HANDSHAKE : MALFORMED_PACKET
  }
}

const BAD_HANDSHAKE: ErrPacket = { code: 1043, sqlState: '08S01', message: 'Bad handshake' }
