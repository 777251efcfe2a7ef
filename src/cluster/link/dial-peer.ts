import { messageOf, OperationalError, ProtocolError, systemCodeOf } from '../../lib/index.ts'
import { type Connection, connect } from '../../platform/index.ts'
import { CLUSTER_SERVER_NAME } from '../authority.ts'
import { decodeAnswer, encodeRequest } from './call-codec.ts'
import { encodeFrame } from './frame.ts'
import { takeFrame } from './frame-intake.ts'
import type { Purpose } from './greeting.ts'
import { introduce, type Proven, type Unproven } from './handshake.ts'
import { type LinkAddress, linkAddressOf } from './link-address.ts'
import { LINK_LIMITS, type LinkLimits, type LinkOptions } from './options.ts'
import { ConnectedLink, type PeerLink } from './peer-link.ts'

/** Of E_PEER_UNREACHABLE, in its context. `refused`: nobody listens there; `ended`: it broke off. */
type Reason = 'aborted' | 'ended' | 'itself' | 'network' | 'protocol' | 'refused' | 'timeout'

/**
 * A link to the node at this peer URL.
 * @throws OperationalError E_PEER_UNREACHABLE (why, in `reason` of its context: refused, timeout, ended, network,
 * protocol, itself, aborted), E_PEER_SECRET, E_PEER_VERSION, E_CONFIG_INVALID
 */
export async function dialPeer(
  url: URL,
  options: LinkOptions,
  signal: AbortSignal,
): Promise<PeerLink> {
  const { clock, logger } = options
  const limits = { ...LINK_LIMITS, ...options.limits }
  const attempt = new Attempt(url, { options, signal, withinMs: limits.greetingMs })
  return await attempt.run(async () => {
    const { connection, proven } = await attempt.meet('follow')
    const { peer, version, intake } = proven
    const parts = { connection, peer, version, unread: intake.rest(), clock }
    return new ConnectedLink({ ...parts, logger, limits })
  })
}

/**
 * Asks the node at this peer URL for one thing, over a connection of its own. Request and answer are JSON of at most
 * 1 MiB.
 * @throws OperationalError as dialPeer, E_PEER_REFUSED, and whatever the other node answers
 */
export async function callPeer(
  url: URL,
  options: LinkOptions,
  { method, body }: { readonly method: string; readonly body: unknown },
  signal: AbortSignal,
): Promise<unknown> {
  const { callMs }: LinkLimits = { ...LINK_LIMITS, ...options.limits }
  const request = encodeRequest({ method, cluster: options.self.cluster(), body })
  const attempt = new Attempt(url, { options, signal, withinMs: callMs })
  return await attempt.run(async () => {
    const { connection, proven } = await attempt.meet('call')
    try {
      connection.write(encodeFrame('request', request))
      const answer = await takeFrame(proven.intake, 'answer')
      if (answer === undefined) throw attempt.unreachable('ended', 'it has not answered')
      return decodeAnswer(answer)
    } finally {
      connection.destroy()
    }
  })
}

interface AttemptOptions {
  readonly options: LinkOptions
  readonly signal: AbortSignal
  readonly withinMs: number
}

/** One connection to another node, which has so long for what is to be done at first. */
class Attempt {
  readonly #url: URL
  readonly #address: LinkAddress
  readonly #options: AttemptOptions
  readonly #over = new AbortController()
  #connection: Connection | undefined

  constructor(url: URL, options: AttemptOptions) {
    this.#url = url
    this.#address = linkAddressOf(url)
    this.#options = options
  }

  /** What was done leaves a connection alone; what failed, or took too long, ends it. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    const { options, signal, withinMs } = this.#options
    const abort = (): void => this.#stop('aborted', 'it is not wanted any more')
    const cancel = options.clock.after(withinMs, () =>
      this.#stop('timeout', `it took longer than ${withinMs} ms`),
    )
    if (signal.aborted) abort()
    signal.addEventListener('abort', abort, { once: true })
    try {
      return await work()
    } catch (thrown) {
      this.#connection?.destroy()
      if (this.#over.signal.aborted) throw this.#over.signal.reason
      if (thrown instanceof ProtocolError) throw this.unreachable('protocol', thrown.message)
      throw thrown
    } finally {
      cancel()
      signal.removeEventListener('abort', abort)
    }
  }

  /** Connects, and both sides prove themselves. */
  async meet(
    purpose: Purpose,
  ): Promise<{ readonly connection: Connection; readonly proven: Proven }> {
    const { self, secret, random, versions } = this.#options.options
    const key = await secret.key('peer link', 32)
    const plain = this.#hold(await this.#connect())
    const connection = this.#address.isSecure ? this.#hold(await this.#secure(plain)) : plain
    const met = await introduce(connection, purpose, { node: self.node, key, random, versions })
    this.#over.signal.throwIfAborted()
    if ('fault' in met) throw this.#unproven(met)
    return { connection, proven: met }
  }

  unreachable(reason: Reason, message: string, cause?: unknown): OperationalError {
    const { href, host } = this.#url
    const context = { peer: href, reason }
    return new OperationalError(
      'E_PEER_UNREACHABLE',
      `no link to the node at ${host}: ${message}`,
      context,
      { cause },
    )
  }

  /** From here on it is ended when there is no more time. */
  #hold(connection: Connection): Connection {
    this.#connection = connection
    this.#over.signal.throwIfAborted()
    return connection
  }

  async #connect(): Promise<Connection> {
    try {
      return await connect(this.#address, this.#over.signal)
    } catch (thrown) {
      const reason = systemCodeOf(thrown) === 'ECONNREFUSED' ? 'refused' : 'network'
      throw this.unreachable(reason, messageOf(thrown), thrown)
    }
  }

  async #secure(plain: Connection): Promise<Connection> {
    const { authority, self } = this.#options.options
    const own = await authority.issueForClient(self.node)
    const secured = await plain.secureMutually('client', {
      ...own,
      authority: authority.certificate,
      serverName: CLUSTER_SERVER_NAME,
    })
    if ('connection' in secured) return secured.connection
    const { message, isStranger } = secured.fault
    if (!isStranger) throw this.unreachable('ended', message)
    throw this.#unproven({ fault: 'secret', message: `its certificate is another's (${message})` })
  }

  #unproven({ fault, message }: Unproven): OperationalError {
    if (fault === 'ended' || fault === 'itself') return this.unreachable(fault, message)
    const code = fault === 'secret' ? 'E_PEER_SECRET' : 'E_PEER_VERSION'
    const text = `no link to the node at ${this.#url.host}: ${message}`
    return new OperationalError(code, text, { peer: this.#url.href })
  }

  #stop(reason: Reason, message: string): void {
    this.#over.abort(this.unreachable(reason, message))
    this.#connection?.destroy()
  }
}
