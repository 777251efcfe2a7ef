import { connect, createServer, type Server, type Socket } from 'node:net'
import { joinForLife, portOf, type SocketPair } from './joined.ts'

/** What the proxy does with a connection. */
type Mode = 'pass' | 'stall' | 'deafen' | 'refuse'

/**
 * A TCP proxy on 127.0.0.1 in front of a server that can break connections as networks do: at once,
 * after a number of bytes (so in the middle of an event), or without a word.
 */
export class CutProxy {
  readonly #server: Server
  readonly #targetPort: number
  readonly #pairs = new Set<SocketPair>()
  #mode: Mode = 'pass'
  #cutAfterBytes = Number.POSITIVE_INFINITY
  #cuts = 0

  static async start(targetPort: number): Promise<CutProxy> {
    const proxy = new CutProxy(targetPort)
    await new Promise<void>((resolve) => proxy.#server.listen(0, '127.0.0.1', resolve))
    return proxy
  }

  private constructor(targetPort: number) {
    this.#targetPort = targetPort
    this.#server = createServer((client) => this.#join(client))
    this.#server.unref()
  }

  get port(): number {
    return portOf(this.#server)
  }

  /** How many connections were cut so far. */
  get cuts(): number {
    return this.#cuts
  }

  get connections(): number {
    return this.#pairs.size
  }

  /** Breaks every connection now; new ones are welcome. */
  cut(): void {
    for (const [client, target] of this.#pairs) {
      this.#cuts += 1
      client.resetAndDestroy()
      target.resetAndDestroy()
    }
  }

  /** Breaks the next connection that has brought this many bytes to the client, once. */
  cutAfter(bytes: number): void {
    this.#cutAfterBytes = bytes
  }

  /** Keeps connections open but carries nothing on them, as a dead network does. */
  stall(): void {
    this.#mode = 'stall'
    for (const pair of this.#pairs) for (const socket of pair) socket.pause()
  }

  /** The server is heard, and hears nothing more. */
  deafen(): void {
    this.#mode = 'deafen'
    for (const [client] of this.#pairs) client.pause()
  }

  /** Breaks every connection and takes no new ones. */
  refuse(): void {
    this.#mode = 'refuse'
    this.cut()
  }

  pass(): void {
    this.#mode = 'pass'
    for (const pair of this.#pairs) for (const socket of pair) socket.resume()
  }

  async close(): Promise<void> {
    this.cut()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: Socket): void {
    if (this.#mode === 'refuse') {
      client.resetAndDestroy()
      return
    }
    const target = connect(this.#targetPort, '127.0.0.1')
    const pair = [client, target] as const
    joinForLife(pair, this.#pairs)
    let carried = 0
    target.on('data', (bytes) => {
      const left = this.#cutAfterBytes - carried
      carried += bytes.length
      if (bytes.length > left) {
        this.#cutAfterBytes = Number.POSITIVE_INFINITY
        this.#cuts += 1
        client.write(bytes.subarray(0, left), () => client.resetAndDestroy())
        target.resetAndDestroy()
        return
      }
      if (!client.write(bytes)) target.pause()
    })
    client.on('drain', () => this.#mode !== 'stall' && target.resume())
    client.on('data', (bytes) => {
      if (!target.write(bytes)) client.pause()
    })
    target.on('drain', () => this.#mode === 'pass' && client.resume())
    if (this.#mode === 'stall') target.pause()
    if (this.#mode !== 'pass') client.pause()
  }
}
