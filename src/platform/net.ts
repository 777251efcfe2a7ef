import * as net from 'node:net'
import * as tls from 'node:tls'
import { messageOf, OperationalError } from '../lib/index.ts'
import {
  GONE,
  type MutualTls,
  type Secured,
  secureAsClient,
  secureAsServer,
  secureByServer,
  type TlsFault,
} from './mutual-tls.ts'
import { filesLeftBeside } from './open-files.ts'
import { type ClientCertificate, clientCertificateOf, type ServerTls } from './tls.ts'

/**
 * A connection as bytes: asked for when reading, so that nothing piles up before it is
 * wanted, and handed over without a copy when writing.
 */
export interface Connection {
  /** the other side's address, without the port */
  readonly host: string
  readonly port: number
  readonly tlsVersion: string | undefined
  readonly tlsCipher: string | undefined
  readonly clientCertificate: ClientCertificate | undefined
  /** fires when nothing can be read or written any more */
  readonly gone: AbortSignal
  /** The next bytes; undefined when the other side has ended or lost the connection. One read at a time. */
  read(): Promise<Buffer | undefined>
  /** `done` is called once when the bytes are no longer needed, also when the connection breaks. */
  write(bytes: Uint8Array, done?: () => void): void
  /** The same for parts that belong together, in as few system calls as they fit; one part at least. */
  writeAll(parts: readonly Uint8Array[], done: () => void): void
  /**
   * Goes on under TLS, as its server; `unread` are bytes that were read already and belong to TLS.
   * Undefined when the client does not get through the handshake; the connection is gone then.
   */
  secure(context: ServerTls, unread: Uint8Array): Promise<Connection | undefined>
  /** Goes on under TLS between equals. After a fault the connection is gone. */
  secureMutually(
    side: 'client' | 'server',
    context: MutualTls,
  ): Promise<{ readonly connection: Connection } | { readonly fault: TlsFault }>
  /** Closes after all that was written is sent; one that does not take it is cut off after `lingerMs`. */
  end(lingerMs: number): void
  /** Closes at once. */
  destroy(): void
}

export interface ListenOptions {
  readonly host: string
  /** 0 for any free port */
  readonly port: number
  /** silence after which TCP begins to ask whether the client is still there, in milliseconds */
  readonly keepAliveMs: number
  /** @param filesLeft how many more files this process may open, at most */
  readonly accept: (connection: Connection, filesLeft: number) => void
}

export interface TcpServer {
  readonly host: string
  readonly port: number
  /** Accepts nobody any more; connections that there are stay. */
  close(): void
}

/** Listens on HOST:PORT; E_LISTEN when that cannot be had. */
export function listen(options: ListenOptions): Promise<TcpServer> {
  const { host, port, keepAliveMs, accept } = options
  const server = net.createServer({
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: keepAliveMs,
    pauseOnConnect: true,
  })
  return new Promise((resolve, reject) => {
    server.on('error', (error) => {
      const message = `cannot listen on ${host}:${port}: ${messageOf(error)}`
      reject(new OperationalError('E_LISTEN', message, { host, port }, { cause: error }))
    })
    server.on('connection', (socket) =>
      accept(new SocketConnection(socket, addressOf(socket)), filesLeftBeside(socket)),
    )
    server.listen(port, host, () => {
      const address = server.address()
      const real = typeof address === 'object' && address !== null ? address.port : port
      resolve({ host, port: real, close: () => void server.close() })
    })
  })
}

/**
 * Connects to HOST:PORT. Rejects with the system's error, or with the signal's reason when that fires first; after
 * that the signal has no effect.
 */
export function connect({ host, port }: Address, signal: AbortSignal): Promise<Connection> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error)
    const socket = net.connect({ host, port, noDelay: true })
    const abort = (): void => void socket.destroy(signal.reason as Error)
    signal.addEventListener('abort', abort, { once: true })
    socket.once('error', reject)
    socket.once('close', () => signal.removeEventListener('abort', abort))
    socket.once('connect', () => {
      signal.removeEventListener('abort', abort)
      resolve(new SocketConnection(socket, { host, port }))
    })
  })
}

interface Address {
  readonly host: string
  readonly port: number
}

function addressOf(socket: net.Socket): Address {
  const host = (socket.remoteAddress ?? 'unknown').replace(/^::ffff:/, '')
  return { host, port: socket.remotePort ?? 0 }
}

class SocketConnection implements Connection {
  readonly host: string
  readonly port: number
  readonly #socket: net.Socket
  readonly #gone = new AbortController()
  /** wakes the reader that waits for 'readable' or the end */
  #wake: (() => void) | undefined
  readonly #onReadable = (): void => this.#wake?.()
  readonly #onClose = (): void => {
    this.#gone.abort()
    this.#wake?.()
  }

  constructor(socket: net.Socket, { host, port }: Address) {
    this.host = host
    this.port = port
    this.#socket = socket
    // Whatever goes wrong with a socket is followed by 'close', which is all that anybody waits for.
    socket.on('error', () => {})
    socket.on('readable', this.#onReadable)
    socket.on('end', this.#onReadable)
    socket.on('close', this.#onClose)
    if (socket.destroyed) this.#onClose()
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  get tlsVersion(): string | undefined {
    return this.#socket instanceof tls.TLSSocket
      ? (this.#socket.getProtocol() ?? undefined)
      : undefined
  }

  get tlsCipher(): string | undefined {
    return this.#socket instanceof tls.TLSSocket ? this.#socket.getCipher().name : undefined
  }

  get clientCertificate(): ClientCertificate | undefined {
    return this.#socket instanceof tls.TLSSocket ? clientCertificateOf(this.#socket) : undefined
  }

  async read(): Promise<Buffer | undefined> {
    for (;;) {
      const bytes: unknown = this.#socket.read()
      if (Buffer.isBuffer(bytes)) return bytes
      if (this.#socket.readableEnded || this.#socket.destroyed) return undefined
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  write(bytes: Uint8Array, done?: () => void): void {
    this.#socket.write(bytes, () => done?.())
  }

  writeAll(parts: readonly Uint8Array[], done: () => void): void {
    const socket = this.#socket
    const last = parts.length - 1
    socket.cork()
    parts.forEach((part, at) => {
      if (at < last) socket.write(part)
      else socket.write(part, () => done())
    })
    socket.uncork()
  }

  async secure(context: ServerTls, unread: Uint8Array): Promise<Connection | undefined> {
    const socket = this.#letGo()
    if (socket.destroyed) return undefined
    // The TLS socket begins with what the plain one holds unread.
    if (unread.length > 0) socket.unshift(unread)
    if (context.clientOptions !== undefined) {
      const asked = await secureByServer(socket, context.clientOptions)
      if ('socket' in asked) return new SocketConnection(asked.socket, this)
      socket.destroy()
      return undefined
    }
    const secured = new tls.TLSSocket(socket, {
      isServer: true,
      secureContext: context.secureContext,
    })
    const done = await new Promise<boolean>((resolve) => {
      secured.once('secure', () => resolve(true))
      secured.once('close', () => resolve(false))
      socket.once('close', () => resolve(false))
      secured.on('error', () => resolve(false))
      // Until the handshake is over, Node says here and nowhere else what went wrong with it.
      secured.on('_tlsError', () => resolve(false))
    })
    if (done) return new SocketConnection(secured, this)
    secured.destroy()
    socket.destroy()
    return undefined
  }

  async secureMutually(
    side: 'client' | 'server',
    context: MutualTls,
  ): Promise<{ readonly connection: Connection } | { readonly fault: TlsFault }> {
    const socket = this.#letGo()
    // Nothing more happens to it, so nobody would ever be told.
    if (socket.destroyed) return { fault: GONE }
    const secured: Secured = await (side === 'client'
      ? secureAsClient(socket, context)
      : secureAsServer(socket, context))
    if ('socket' in secured) return { connection: new SocketConnection(secured.socket, this) }
    socket.destroy()
    return secured
  }

  /** The socket, which is read no more from here. */
  #letGo(): net.Socket {
    this.#socket.off('readable', this.#onReadable)
    this.#socket.off('end', this.#onReadable)
    return this.#socket
  }

  end(lingerMs: number): void {
    const socket = this.#socket
    const timer = setTimeout(() => socket.destroy(), lingerMs)
    socket.once('close', () => clearTimeout(timer))
    if (socket.destroyed) clearTimeout(timer)
    // What the client still sends is thrown away, or its bytes would keep the socket from closing. A stream
    // with a listener for 'readable' does not flow.
    socket.off('readable', this.#onReadable)
    socket.end()
    socket.resume()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}
