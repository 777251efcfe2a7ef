import { connect, createServer, type Server, type Socket } from 'node:net'

export interface DelayTarget {
  readonly host: string
  readonly port: number
}

/** A TCP proxy that carries everything so much later, as a long way does. */
export class DelayProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: DelayTarget
  readonly #delayMs: () => number

  /** @param delayMs of the bytes that arrive now; they never overtake those before them */
  static async start(
    listen: string,
    target: DelayTarget,
    delayMs: () => number,
  ): Promise<DelayProxy> {
    const proxy = new DelayProxy(target, delayMs)
    await new Promise<void>((resolve) => proxy.#server.listen(0, listen, resolve))
    return proxy
  }

  private constructor(target: DelayTarget, delayMs: () => number) {
    this.#target = target
    this.#delayMs = delayMs
    this.#server = createServer((client) => this.#join(client))
  }

  get port(): number {
    const address = this.#server.address()
    if (address === null || typeof address === 'string') throw new Error('the proxy is closed')
    return address.port
  }

  /** Breaks what goes through it. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: Socket): void {
    const target = connect(this.#target.port, this.#target.host)
    for (const socket of [client, target]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // It is closed then.
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    }
    this.#carry(client, target)
    this.#carry(target, client)
  }

  #carry(from: Socket, to: Socket): void {
    let free = 0
    const later = (then: () => void): void => {
      const now = performance.now()
      free = Math.max(free, now + this.#delayMs())
      setTimeout(then, free - now)
    }
    from.on('data', (bytes) => {
      later(() => {
        if (!to.destroyed && !to.write(bytes)) from.pause()
      })
    })
    // The end takes as long as the bytes before it.
    from.on('close', () => later(() => to.destroySoon()))
    to.on('drain', () => from.resume())
  }
}
