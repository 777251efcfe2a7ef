/*
  A connection that mysql2 has logged in and then gave away: from there on only bytes are seen, so that the
  client costs little. Without TLS it reads into one buffer of 1 MiB; Node offers no such thing under TLS.
*/
import { connect, type Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { createConnection } from 'mysql2'

export interface Address {
  readonly port: number
  readonly user: string
  readonly password: string
  readonly tls: boolean
}

/** A replica's command: where it wants to begin, and whether to be told of the end. */
export interface DumpRequest {
  readonly file: string
  readonly position: number
  /** ends with an EOF packet; else the server waits for more */
  readonly nonBlocking: boolean
}

/** The first choice of MySQL 9.7's own clients; Node's own would be another, and servers differ in whose counts. */
const cipher = 'TLS_AES_128_GCM_SHA256'
const readBytes = 1024 * 1024
// The bytes are thrown away before the next read, so all connections of a process may read into one.
const readBuffer = Buffer.alloc(readBytes)

export class RawConnection {
  readonly #address: Address
  readonly #serverId: number
  #socket: Socket
  #receive: ((bytes: Buffer) => void) | undefined

  constructor(address: Address, serverId: number) {
    this.#address = address
    this.#serverId = serverId
    this.#socket = address.tls ? connectPlainly(address.port) : this.#connectForLargeReads()
  }

  /** The cipher of TLS; empty without. */
  get cipher(): string {
    return this.#socket instanceof TLSSocket ? this.#socket.getCipher().name : ''
  }

  async login(): Promise<void> {
    const { user, password, tls } = this.#address
    const connection = createConnection({
      user,
      password,
      stream: this.#socket,
      ...(tls ? { ssl: { rejectUnauthorized: false, ciphers: cipher } } : {}),
    })
    const uuid = `bbbbbbbb-0000-4000-8000-${String(this.#serverId).padStart(12, '0')}`
    for (const sql of ["SET @source_binlog_checksum='CRC32'", `SET @replica_uuid='${uuid}'`]) {
      await new Promise<void>((resolve, reject) => {
        connection.query(sql, (error) => (error ? reject(error) : resolve()))
      })
    }
    const taken = connection as unknown as { _closing: boolean; stream: Socket }
    taken._closing = true
    this.#socket = taken.stream
    for (const event of ['data', 'end', 'close', 'error']) this.#socket.removeAllListeners(event)
    if (tls) this.#socket.on('data', (bytes: Buffer) => this.#receive?.(bytes))
  }

  /** Sends the command; `receive` must not keep what it is given. */
  dump(request: DumpRequest, receive: (bytes: Buffer) => void, broken: (why: Error) => void): void {
    this.#receive = receive
    this.#socket.on('error', broken)
    this.#socket.on('close', () => broken(new Error('the server has closed the connection')))
    this.#socket.write(dumpCommand(request, this.#serverId))
  }

  destroy(): void {
    this.#socket.removeAllListeners('close')
    this.#socket.destroy()
  }

  #connectForLargeReads(): Socket {
    const socket = connect({
      host: '127.0.0.1',
      port: this.#address.port,
      noDelay: true,
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

function connectPlainly(port: number): Socket {
  return connect({ host: '127.0.0.1', port, noDelay: true })
}

/** COM_BINLOG_DUMP: u8 0x12, u32 position, u16 flags, u32 server id, the file's name. */
function dumpCommand({ file, position, nonBlocking }: DumpRequest, serverId: number): Buffer {
  const payload = Buffer.alloc(11 + file.length)
  payload.writeUInt8(0x12, 0)
  payload.writeUInt32LE(position, 1)
  payload.writeUInt16LE(nonBlocking ? 1 : 0, 5)
  payload.writeUInt32LE(serverId, 7)
  payload.write(file, 11, 'latin1')
  const head = Buffer.alloc(4)
  head.writeUIntLE(payload.length, 0, 3)
  return Buffer.concat([head, payload])
}
