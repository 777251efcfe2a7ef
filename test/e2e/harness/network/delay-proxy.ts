import { connect, createServer, type Server, type Socket } from 'node:net'
import { portOf } from './joined.ts'

export interface DelayTarget {
  readonly host: string
  readonly port: number
}

/**
 * A TCP proxy that carries everything so much later, as a long way does: bytes, the end of each direction, a reset, and
 * the greeting of TCP, which is one way there and back before anything else. Only that it takes a connection before it
 * knows whether the server does: where that one refuses, the connection is reset a little later.
 */
export class DelayProxy {
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #target: DelayTarget
  readonly #delayMs: () => number

  /** @param delayMs of what happens now; it never overtakes what happened before it */
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
    this.#server = createServer({ allowHalfOpen: true }, (client) => this.#join(client))
  }

  get port(): number {
    return portOf(this.#server)
  }

  /** Breaks what goes through it. */
  async close(): Promise<void> {
    for (const socket of this.#sockets) socket.resetAndDestroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #join(client: Socket): void {
    const target = connect({ ...this.#target, allowHalfOpen: true })
    for (const socket of [client, target]) {
      this.#sockets.add(socket)
      socket.setNoDelay(true)
      // It is closed then.
      socket.on('error', () => {})
      socket.on('close', () => this.#sockets.delete(socket))
    }
    const delayMs = this.#delayMs
    carry(client, target, new Later(delayMs, delayMs() + delayMs()))
    carry(target, client, new Later(delayMs, 0))
  }
}

function carry(from: Socket, to: Socket, later: Later): void {
  from.on('data', (bytes) => {
    later.do(() => {
      if (!to.destroyed && !to.write(bytes)) from.pause()
    })
  })
  from.on('end', () => later.do(() => to.end()))
  from.on('close', (isBroken) => {
    if (isBroken) later.do(() => to.resetAndDestroy())
  })
  to.on('drain', () => from.resume())
}

/** Does one thing after another, each when its delay is over. */
class Later {
  readonly #delayMs: () => number
  readonly #waiting: { readonly dueMs: number; readonly act: () => void }[] = []
  /** nothing is under way before */
  readonly #beginsMs: number
  #lastDueMs = 0

  constructor(delayMs: () => number, beginsInMs: number) {
    this.#delayMs = delayMs
    this.#beginsMs = performance.now() + beginsInMs
  }

  do(act: () => void): void {
    const beginsMs = Math.max(this.#beginsMs, performance.now())
    this.#lastDueMs = Math.max(this.#lastDueMs, beginsMs + this.#delayMs())
    this.#waiting.push({ dueMs: this.#lastDueMs, act })
    if (this.#waiting.length === 1) this.#wait()
  }

  // One timer for all of them: timers of different lengths end out of order where they are close to each other.
  #wait(): void {
    const [next] = this.#waiting
    if (next === undefined) return
    setTimeout(() => this.#doWhatIsDue(), next.dueMs - performance.now())
  }

  #doWhatIsDue(): void {
    for (;;) {
      const [next] = this.#waiting
      if (next === undefined || next.dueMs > performance.now()) break
      this.#waiting.shift()
      next.act()
    }
    this.#wait()
  }
}
