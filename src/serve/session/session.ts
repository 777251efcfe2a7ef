import { type Logger, messageOf, OperationalError, ProtocolError } from '../../lib/index.ts'
import {
  Command,
  decodeComChangeUser,
  type ErrPacket,
  encodeEof,
  encodeErr,
  encodeOk,
} from '../../mysql/index.ts'
import type { Clock, Connection, Random, ServerTls } from '../../platform/index.ts'
import { type DumpEnd, type DumpRequest, type DumpSink, SHUTDOWN } from '../dump-request.ts'
import type { ServeLimits } from '../limits.ts'
import type { Replicas } from '../replicas.ts'
import type { ServerFacts } from '../server-facts.ts'
import type { Scope } from '../sql/scope.ts'
import { accessDenied } from '../sql/sql-error.ts'
import type { User } from '../user.ts'
import type { Authenticator } from './authenticator.ts'
import type { ClientCounts } from './client-counts.ts'
import { type CommandContext, MALFORMED_PACKET, type Outcome, runCommand } from './commands.ts'
import { readDumpCommand } from './dump-command.ts'
import { type LoggedIn, login, refuse } from './login.ts'
import { PacketChannel } from './packet-channel.ts'
import type { ListedSession, SessionList } from './session-list.ts'
import { hasRight, type SessionState } from './session-state.ts'

/** Sends a dump to the client until it ends; the session says how it ended. */
export type RunDump = (request: DumpRequest, sink: DumpSink) => Promise<DumpEnd>

/** What all sessions of a listener share. */
export interface SessionContext {
  readonly facts: ServerFacts
  readonly authenticator: Authenticator
  readonly tls: ServerTls | undefined
  readonly sessions: SessionList
  readonly replicas: Replicas
  readonly runDump: RunDump
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
  #capabilities = 0
  #dump: AbortController | undefined
  #answering = false
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

  /** Runs to the end of the connection. A client's fault costs it the connection and nothing else. */
  async run(): Promise<void> {
    try {
      if (await this.#login()) await this.#commands()
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

  /** Ends the session because the server goes down: a dump gets an EOF. */
  shutDown(): void {
    this.#killed = true
    if (this.#dump !== undefined) this.#dump.abort(SHUTDOWN)
    else this.#channel.connection.end(this.#context.limits.lingerMs)
  }

  /** Closes the connection at once. */
  destroy(): void {
    this.#channel.connection.destroy()
  }

  async #login(): Promise<boolean> {
    const { authenticator, tls, facts, limits } = this.#context
    const found = await this.#within(limits.loginMs, 'login', () =>
      login(this.#channel, {
        authenticator,
        tls,
        facts,
        connectionId: this.#connectionId,
      }),
    )
    if (found === undefined) {
      this.#context.counts.loginsRefused += 1
      this.#logger.warn({}, 'the client is not let in')
      return false
    }
    this.#capabilities = found.capabilities
    this.#enter(found)
    this.#channel.limitPackets(limits.packetBytesMost)
    await this.#channel.send(encodeOk())
    return true
  }

  #enter({ user, database }: Pick<LoggedIn, 'user' | 'database'>): void {
    this.#state = this.#newState(user, database)
    this.#context.sessions.add(this)
    this.#logger.info({ user: user.name }, 'the client is logged in')
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
      database,
      userVariables: new Map(),
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
    const { facts, sessions, replicas, clock, random } = this.#context
    return {
      facts,
      session: this.state,
      sessions,
      replicas,
      nowMs: clock.nowMs(),
      monotonicMs: clock.monotonicMs(),
      uuid: () => random.uuid(),
    }
  }

  /** A new login on the same connection; a refused one ends it. The client is always asked anew. */
  async #changeUser(payload: Buffer): Promise<Outcome> {
    const { authenticator, limits, replicas } = this.#context
    const command = decodeComChangeUser(payload, this.#capabilities)
    const claim = { user: command.user, plugin: '', response: command.authResponse, switches: true }
    const verdict = await this.#within(limits.loginMs, 'login', () =>
      authenticator.verify(this.#channel, claim, authenticator.scramble()),
    )
    if (verdict.kind !== 'user') {
      this.#context.counts.loginsRefused += 1
      await refuse(this.#channel, verdict, command.user)
      return 'close'
    }
    replicas.disconnect(this.#connectionId)
    this.#enter({
      user: verdict.user,
      database: command.database === '' ? undefined : command.database,
    })
    await this.#channel.send(encodeOk())
    return 'next'
  }

  async #runDump(payload: Buffer): Promise<Outcome> {
    if (!hasRight(this.state, 'replicate')) {
      await this.#channel.send(encodeErr(accessDenied('REPLICATION SLAVE')))
      return 'next'
    }
    const request = readDumpCommand(payload, this.state, this.#context.facts)
    if ('code' in request) {
      await this.#channel.send(encodeErr(request))
      return 'close'
    }
    this.#enterCommand(payload[0] === Command.BINLOG_DUMP ? 'Binlog Dump' : 'Binlog Dump GTID')
    const end = await this.#context.runDump(request, this.#beginDump())
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
    void this.#listenDuringDump(dump)
    return { signal: dump.signal, write: (bytes, done) => connection.write(bytes, done) }
  }

  /** What a client sends during its dump is passed over, but for its leaving. */
  async #listenDuringDump(dump: AbortController): Promise<void> {
    try {
      for (;;) {
        const packet = await this.#channel.readCommand()
        if (packet === undefined || packet[0] === Command.QUIT) break
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
