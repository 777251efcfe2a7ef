import { LimitedLogger } from '../../lib/index.ts'
import { type ErrPacket, encodeErrBeforeGreeting, encodePackets } from '../../mysql/index.ts'
import { type Connection, listen, type TcpServer } from '../../platform/index.ts'
import { hostBlocked } from './login.ts'
import { Session, type SessionContext } from './session.ts'

const CONNECTION_ID_MOST = 0xffffffff

/** Answers at HOST:PORT: a session for every connection, as many as the limits allow. */
export class Listener {
  readonly #context: SessionContext
  readonly #running = new Map<Session, Promise<void>>()
  readonly #perHost = new Map<string, number>()
  #server: TcpServer | undefined
  #lastId = 0
  /** connections that are being told why they are closed */
  #refusing = 0
  #closed = false

  constructor(context: SessionContext) {
    this.#context = { ...context, logger: new LimitedLogger(context.logger, context.clock) }
  }

  /** Begins to listen; port 0 takes any free one. E_LISTEN when it cannot. Returns the port. */
  async open(host: string, port: number): Promise<number> {
    const { keepAliveMs } = this.#context.limits
    const accept = (connection: Connection, filesLeft: number): void =>
      this.#accept(connection, filesLeft)
    this.#closed = false
    this.#server = await listen({ host, port, keepAliveMs, accept })
    return this.#server.port
  }

  /** connections, logged in or not */
  get connections(): number {
    return this.#running.size
  }

  /**
   * Accepts nobody any more and ends all sessions: dumps with EOF, others where they stand. Those that
   * have not ended after `withinMs` are cut off. Resolves when all are gone.
   */
  async close(withinMs: number): Promise<void> {
    this.#closed = true
    this.#server?.close()
    for (const session of this.#running.keys()) session.shutDown()
    const cancel = this.#context.clock.after(withinMs, () => {
      for (const session of this.#running.keys()) session.destroy()
    })
    await Promise.all(this.#running.values())
    cancel()
  }

  #accept(connection: Connection, filesLeft: number): void {
    const { limits, counts, guard } = this.#context
    counts.connections += 1
    const waitMs = guard.blockedMs(connection.host)
    if (waitMs > 0) {
      counts.blocked += 1
      this.#tell(connection, hostBlocked(connection.host, waitMs))
      return
    }
    const fromHost = this.#perHost.get(connection.host) ?? 0
    const full =
      this.#running.size >= limits.connectionsMost || fromHost >= limits.connectionsPerHostMost
    if (full || this.#closed) {
      this.#refuse(connection, 'too many connections')
      return
    }
    if (filesLeft < limits.openFilesKept) {
      counts.refusedForFiles += 1
      this.#refuse(connection, TOO_FEW_FILES)
      return
    }
    this.#perHost.set(connection.host, fromHost + 1)
    const session = new Session(connection, this.#nextId(), this.#context)
    this.#running.set(session, this.#run(session, connection))
  }

  #refuse(connection: Connection, why: string): void {
    const { logger, counts } = this.#context
    counts.refused += 1
    const fields = { client: connection.host, connections: this.#running.size }
    logger.warn(fields, why)
    this.#tell(connection, TOO_MANY)
  }

  /** Says why it is closed, unless so many are being told already. */
  #tell(connection: Connection, error: ErrPacket): void {
    const { limits } = this.#context
    if (this.#refusing >= limits.refusedLingeringMost) {
      connection.destroy()
      return
    }
    this.#refusing += 1
    connection.write(encodePackets(encodeErrBeforeGreeting(error), 0))
    connection.end(limits.lingerMs)
    void untilGone(connection).then(() => {
      this.#refusing -= 1
    })
  }

  async #run(session: Session, connection: Connection): Promise<void> {
    await session.run()
    await untilGone(connection)
    this.#running.delete(session)
    const left = (this.#perHost.get(connection.host) ?? 1) - 1
    if (left > 0) this.#perHost.set(connection.host, left)
    else this.#perHost.delete(connection.host)
  }

  /** Ids are not used again within 2^32 connections, and none is 0. */
  #nextId(): number {
    this.#lastId = this.#lastId === CONNECTION_ID_MOST ? 1 : this.#lastId + 1
    return this.#lastId
  }
}

const TOO_FEW_FILES =
  'too many connections for the files that may be open: the last ones are left to the binlog; raise LimitNOFILE of ' +
  'the service, or ulimit -n, and start again, or let fewer clients connect'

const TOO_MANY = { code: 1040, sqlState: '08004', message: 'Too many connections' }

function untilGone({ gone }: Connection): Promise<void> {
  if (gone.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    gone.addEventListener('abort', () => resolve(), { once: true })
  })
}
