/*
  A connection that mysql2 has logged in and then gave away: from there on only bytes are seen, so that the
  client costs little. Without TLS it reads into one buffer of 1 MiB; Node offers no such thing under TLS.
*/
import { connect, type NetConnectOpts, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { type Connection, createConnection } from 'mysql2'

export interface Address {
  /** on 127.0.0.1, or the path of a socket of this machine */
  readonly port: number | string
  readonly user: string
  readonly password: string
  readonly tls: boolean
}

export interface Receiver {
  /** must not keep what it is given */
  receive(bytes: Buffer): void
  /** nothing comes any more */
  broken(why: Error): void
}

/** The first choice of MySQL 9.7's own clients; Node's own would be another, and servers differ in whose counts. */
const cipher = 'TLS_AES_128_GCM_SHA256'
const readBytes = 1024 * 1024
// The bytes are thrown away before the next read, so all connections of a process may read into one.
const readBuffer = Buffer.alloc(readBytes)

export class RawConnection {
  readonly #address: Address
  #socket: Socket
  #receive: ((bytes: Buffer) => void) | undefined

  constructor(address: Address) {
    this.#address = address
    this.#socket = address.tls ? connect(target(address)) : this.#connectForLargeReads()
  }

  /** The cipher of TLS; empty without. */
  get cipher(): string {
    return this.#socket instanceof TLSSocket ? this.#socket.getCipher().name : ''
  }

  /** Logs in and lets `setUp` say what it wants to in mysql2's words; these must all be answered then. */
  async login<T>(setUp: (connection: Connection) => Promise<T>): Promise<T> {
    const { user, password, tls } = this.#address
    const connection = createConnection({
      user,
      password,
      stream: this.#socket,
      // Commands are shorter without.
      flags: ['-CLIENT_QUERY_ATTRIBUTES'],
      ...(tls ? { ssl: { rejectUnauthorized: false, ciphers: cipher } } : {}),
    })
    await new Promise<void>((resolve, reject) => {
      connection.connect((error) => (error ? reject(error) : resolve()))
    })
    const done = await setUp(connection)
    const taken = connection as unknown as { _closing: boolean; stream: Socket }
    taken._closing = true
    this.#socket = taken.stream
    for (const event of ['data', 'end', 'close', 'error']) this.#socket.removeAllListeners(event)
    if (tls) this.#socket.on('data', (bytes: Buffer) => this.#receive?.(bytes))
    return done
  }

  /** To be called once, after the login and before the first `write`. */
  listen(receiver: Receiver): void {
    this.#receive = (bytes) => receiver.receive(bytes)
    this.#socket.on('error', (why) => receiver.broken(why))
    this.#socket.on('close', () => {
      receiver.broken(new Error('the server has closed the connection'))
    })
  }

  write(bytes: Buffer): void {
    this.#socket.write(bytes)
  }

  destroy(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #connectForLargeReads(): Socket {
    const socket = connect({
      ...target(this.#address),
      onread: {
        buffer: readBuffer,
        callback: (size, bytes) => {
          const read = Buffer.from(bytes.buffer, bytes.byteOffset, size)
          if (this.#receive === undefined) socket.emit('data', Buffer.from(read))
          else this.#receive(read)
          return true
        },
      },
    })
    return socket
  }
}

function target({ port }: Address): NetConnectOpts {
  if (typeof port === 'string') return { path: port }
  return { host: '127.0.0.1', port, noDelay: true }
}
