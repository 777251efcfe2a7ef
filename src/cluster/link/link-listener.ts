import { LimitedLogger, OperationalError, ProtocolError } from '../../lib/index.ts'
import { type Connection, listen, type MutualTls, type TcpServer } from '../../platform/index.ts'
import { CLUSTER_SERVER_NAME } from '../authority.ts'
import { decodeRequest, encodeAnswer, encodeError, type Request } from './call-codec.ts'
import { encodeFrame } from './frame.ts'
import { takeFrame } from './frame-intake.ts'
import { answer, type Proven } from './handshake.ts'
import { linkAddressOf } from './link-address.ts'
import { LINK_LIMITS, type LinkLimits, type LinkOptions } from './options.ts'
import { ConnectedLink, type PeerLink } from './peer-link.ts'

export interface LinkHandlers {
  /** Another node has connected to follow; the link is read from when `receive` is called. */
  follow(link: PeerLink): void
  /** Answers a request of another node; an OperationalError is answered as it is. */
  call(peer: string, method: string, body: unknown): Promise<unknown>
}

/** The side of links that is connected to. */
export class LinkListener {
  readonly #options: LinkOptions
  readonly #handlers: LinkHandlers
  readonly #limits: LinkLimits
  readonly #logger: LimitedLogger
  readonly #unproven = new Set<Connection>()
  /** and how each is ended */
  readonly #proven = new Map<Connection, () => void>()
  #key: Buffer = Buffer.alloc(0)
  #tls: MutualTls | undefined
  #server: TcpServer | undefined

  constructor(options: LinkOptions, handlers: LinkHandlers) {
    this.#options = options
    this.#handlers = handlers
    this.#limits = { ...LINK_LIMITS, ...options.limits }
    this.#logger = new LimitedLogger(options.logger, options.clock)
  }

  /**
   * Listens at the host and port of this peer URL; port 0 takes any free one. Returns the port.
   * @throws OperationalError E_LISTEN, E_CONFIG_INVALID
   */
  async open(url: URL): Promise<number> {
    const { secret, authority, self } = this.#options
    const { host, port, isSecure } = linkAddressOf(url)
    this.#key = await secret.key('peer link', 32)
    if (isSecure) {
      const own = await authority.issueForServer(self.node, [host])
      const serverName = CLUSTER_SERVER_NAME
      this.#tls = { ...own, authority: authority.certificate, serverName }
    }
    const accept = (connection: Connection): void => this.#accept(connection)
    this.#server = await listen({ host, port, keepAliveMs: this.#limits.silenceMs, accept })
    return this.#server.port
  }

  /** Accepts nobody any more and ends all connections. Resolves when they are gone. */
  async close(): Promise<void> {
    this.#server?.close()
    this.#server = undefined
    const connections = [...this.#unproven, ...this.#proven.keys()]
    const gone = connections.map(untilGone)
    for (const connection of this.#unproven) connection.destroy()
    for (const end of this.#proven.values()) end()
    await Promise.all(gone)
  }

  #accept(connection: Connection): void {
    if (this.#server !== undefined && this.#unproven.size < this.#limits.unprovenMost) {
      void this.#meet(connection)
      return
    }
    this.#log(connection, 'too many connections have proven nothing')
    connection.destroy()
  }

  /** Within the time for it; afterwards the connection is proven or gone. */
  async #meet(plain: Connection): Promise<void> {
    const { clock } = this.#options
    let connection: Connection | undefined = plain
    this.#unproven.add(plain)
    const cancel = clock.after(this.#limits.greetingMs, () => connection?.destroy())
    try {
      connection = await this.#secured(plain)
      const met = connection && (await this.#prove(connection))
      if (connection === undefined || met === undefined) return
      cancel()
      this.#unproven.delete(plain)
      this.#welcome(connection, met)
    } finally {
      // What a stranger is told last may take its time, and counts so long.
      if (this.#unproven.has(plain)) await untilGone(connection ?? plain)
      this.#unproven.delete(plain)
      cancel()
    }
  }

  async #secured(plain: Connection): Promise<Connection | undefined> {
    if (this.#tls === undefined) return plain
    const secured = await plain.secureMutually('server', this.#tls)
    if ('connection' in secured) return secured.connection
    this.#log(plain, secured.fault.message)
    return undefined
  }

  async #prove(connection: Connection): Promise<Proven | undefined> {
    const { self, random, versions } = this.#options
    try {
      const own = { node: self.node, key: this.#key, random, versions }
      const met = await answer(connection, own)
      if ('intake' in met) return met
      this.#log(connection, met.message)
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown
      this.#log(connection, thrown.message)
    }
    connection.end(this.#limits.lingerMs)
    return undefined
  }

  #log({ host }: Connection, reason: string): void {
    this.#logger.warn({ client: host, reason }, 'a connection that was not proven is closed')
  }

  #welcome(connection: Connection, proven: Proven): void {
    if (connection.gone.aborted) return
    if (this.#proven.size >= this.#limits.provenMost) {
      this.#log(connection, 'too many connections of other nodes')
      connection.destroy()
      return
    }
    const { peer, version, intake } = proven
    connection.gone.addEventListener('abort', () => void this.#proven.delete(connection))
    if (proven.purpose === 'call') {
      this.#proven.set(connection, () => connection.destroy())
      void this.#serve(connection, proven)
      return
    }
    const { clock } = this.#options
    const parts = { connection, peer, version, unread: intake.rest(), clock }
    const link = new ConnectedLink({ ...parts, logger: this.#logger, limits: this.#limits })
    this.#proven.set(connection, () => link.close('this node closes its links'))
    this.#handlers.follow(link)
  }

  async #serve(connection: Connection, { peer, intake }: Proven): Promise<void> {
    const { clock } = this.#options
    // Who calls waits no longer, so whatever has come of it by then is not wanted.
    const cancel = clock.after(this.#limits.callMs, () => connection.destroy())
    connection.gone.addEventListener('abort', cancel, { once: true })
    try {
      const payload = await takeFrame(intake, 'request')
      if (payload === undefined) return connection.destroy()
      const answered = await this.#answer(peer, decodeRequest(payload))
      connection.write(encodeFrame('answer', answered))
      connection.end(this.#limits.lingerMs)
    } catch (thrown) {
      connection.destroy()
      if (!(thrown instanceof ProtocolError)) throw thrown
      const fields = { peer, client: connection.host, reason: thrown.message }
      this.#logger.warn(fields, 'another node broke the protocol of a call; it is closed')
    }
  }

  async #answer(peer: string, { method, cluster, body }: Request): Promise<Buffer> {
    try {
      const own = this.#options.self.cluster()
      if (own !== undefined && cluster !== undefined && own !== cluster) {
        const message = `${peer} belongs to the cluster ${cluster}, this node to ${own}`
        throw new OperationalError('E_PEER_REFUSED', message)
      }
      return encodeAnswer(await this.#handlers.call(peer, method, body))
    } catch (thrown) {
      if (!(thrown instanceof OperationalError)) throw thrown
      return encodeError(thrown)
    }
  }
}

function untilGone({ gone }: Connection): Promise<void> {
  if (gone.aborted) return Promise.resolve()
  return new Promise((resolve) => {
    gone.addEventListener('abort', () => resolve(), { once: true })
  })
}
