import type { Socket } from 'node:net'
import { type Connection, createConnection } from 'mysql2/promise'
import {
  decodeErr,
  decodeRotate,
  ERR_MARKER,
  EVENT_HEADER_SIZE,
  EventType,
  encodeComBinlogDump,
  encodePackets,
  PacketReader,
  readEventHeader,
} from '../../src/mysql/index.ts'
import { replicationPassword, replicationUser } from '../e2e/harness/mysqld.ts'
import { pause } from '../e2e/harness/wait.ts'

export interface FollowerOptions {
  readonly port: number
  readonly serverId: number
  /** a client without one is nobody whom retention waits for */
  readonly uuid?: string
  /** the file to begin with; '' for the oldest */
  readonly file: string
  /** the event's bytes are valid during the call only */
  readonly onEvent?: (type: number, event: Buffer) => void
}

const eventBytesMost = 64 * 2 ** 20
const reconnectMs = 100

/** A client that reads a dump by file and position and goes on where it was when the connection ends. */
export class DumpFollower {
  readonly #options: FollowerOptions
  #file: string
  #position = 4
  #socket: Socket | undefined
  #stopping = false
  #ended: Promise<void> = Promise.resolve()
  #connects = 0
  #bytes = 0
  #lastError = ''

  static start(options: FollowerOptions): DumpFollower {
    const follower = new DumpFollower(options)
    follower.#ended = follower.#run()
    return follower
  }

  private constructor(options: FollowerOptions) {
    this.#options = options
    this.#file = options.file
  }

  /** dumps that have begun */
  get connects(): number {
    return this.#connects
  }

  /** bytes of events received */
  get bytes(): number {
    return this.#bytes
  }

  /** why the last dump ended */
  get lastError(): string {
    return this.#lastError
  }

  /** the file that its events are of */
  get file(): string {
    return this.#file
  }

  /** Where it stands, for messages. */
  get place(): string {
    return `${this.#file}:${this.#position}`
  }

  /** @param abruptly by a reset, as a client that crashed */
  async stop(abruptly = false): Promise<void> {
    this.#stopping = true
    if (abruptly) this.#socket?.resetAndDestroy()
    else this.#socket?.destroy()
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      try {
        const connection = await this.#login()
        await this.#dump(takeSocket(connection))
      } catch (thrown) {
        this.#lastError = thrown instanceof Error ? thrown.message : String(thrown)
      }
      if (!this.#stopping) await pause(reconnectMs)
    }
  }

  async #login(): Promise<Connection> {
    const { port, uuid } = this.#options
    const connection = await createConnection({
      host: '127.0.0.1',
      port,
      user: replicationUser,
      password: replicationPassword,
    })
    connection.on('error', () => {})
    const settings = [
      "@source_binlog_checksum = 'CRC32'",
      '@source_heartbeat_period = 5000000000',
      ...(uuid === undefined ? [] : [`@replica_uuid = '${uuid}'`]),
    ]
    await connection.query(`SET ${settings.join(', ')}`)
    return connection
  }

  /** Ends when the connection does. */
  #dump(socket: Socket): Promise<void> {
    this.#socket = socket
    if (this.#stopping) socket.destroy()
    const reader = new PacketReader({ limit: eventBytesMost, firstSequence: 1 })
    return new Promise((resolve, reject) => {
      socket.once('close', () => resolve())
      socket.on('error', reject)
      socket.on('end', () => socket.destroy())
      socket.on('data', (bytes: Buffer) => {
        try {
          reader.push(bytes, (payload) => this.#packet(payload))
        } catch (thrown) {
          socket.destroy()
          reject(thrown)
        }
      })
      const { serverId } = this.#options
      const place = { file: this.#file, position: this.#position }
      socket.write(encodePackets(encodeComBinlogDump({ ...place, flags: 0, serverId }), 0))
      this.#connects += 1
    })
  }

  #packet(payload: Buffer): undefined {
    if (payload[0] === ERR_MARKER) throw new Error(decodeErr(payload).message)
    if (payload.length <= EVENT_HEADER_SIZE) throw new Error('the server ended the dump')
    const event = payload.subarray(1)
    const { type, logPos } = readEventHeader(event)
    this.#bytes += event.length
    this.#options.onEvent?.(type, event)
    if (type === EventType.ROTATE) {
      const { file, position } = decodeRotate(event, 'CRC32')
      this.#file = file
      this.#position = Number(position)
    } else if (type !== EventType.HEARTBEAT && logPos > 0) {
      this.#position = logPos
    }
    return undefined
  }
}

/** mysql2 has logged in; from here on the bytes are ours, since its own dump decodes every event. */
function takeSocket(connection: Connection): Socket {
  const inner = (connection as unknown as { connection: { stream: Socket; _closing: boolean } })
    .connection
  inner._closing = true
  for (const event of ['data', 'end', 'close', 'error']) inner.stream.removeAllListeners(event)
  return inner.stream
}
