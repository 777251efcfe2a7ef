/*
  A process of clients that read a server's binlog and throw it away. mysql2 logs in; then the socket is taken
  away from it, and only bytes are counted: what is measured is the server. Started by client-pool.ts.
*/
import { connect, type Socket } from 'node:net'
import { createConnection } from 'mysql2'

export interface OpenCommand {
  readonly kind: 'open'
  readonly port: number
  readonly user: string
  readonly password: string
  readonly file: string
  /** what a dump cannot be shorter than */
  readonly bytesLeast: number
  /** dumps that run at the same time */
  readonly lanes: number
  /** dumps of one lane, one after another, each on a connection that was opened before */
  readonly passes: number
  /** server ids from here on */
  readonly serverId: number
}

export type Command = OpenCommand | { readonly kind: 'go' }

export interface Finished {
  readonly kind: 'finished'
  readonly bytes: number
  /** on a clock that all processes of the machine share, in milliseconds */
  readonly beganMs: number
  readonly endedMs: number
  readonly cpuSeconds: number
}

export type Report = Finished | { readonly kind: 'opened' } | { kind: 'failed'; reason: string }

const readBytes = 1024 * 1024
const eofPacketSize = 9
const nonBlocking = 1

/** One connection, logged in, that has one dump to do. */
class Dump {
  readonly #socket: Socket
  readonly #command: OpenCommand
  readonly #serverId: number
  #receive: ((bytes: Buffer) => void) | undefined
  #total = 0
  readonly #tail = Buffer.alloc(eofPacketSize)

  constructor(command: OpenCommand, serverId: number, buffer: Buffer) {
    this.#command = command
    this.#serverId = serverId
    const socket = connect({
      host: '127.0.0.1',
      port: command.port,
      noDelay: true,
      onread: {
        buffer,
        callback: (size, bytes) => {
          const read = Buffer.from(bytes.buffer, bytes.byteOffset, size)
          if (this.#receive === undefined) socket.emit('data', Buffer.from(read))
          else this.#receive(read)
          return true
        },
      },
    })
    this.#socket = socket
  }

  async login(): Promise<void> {
    const { user, password } = this.#command
    const connection = createConnection({ user, password, stream: this.#socket })
    const uuid = `bbbbbbbb-0000-4000-8000-${String(this.#serverId).padStart(12, '0')}`
    for (const sql of ["SET @source_binlog_checksum='CRC32'", `SET @replica_uuid='${uuid}'`]) {
      await new Promise<void>((resolve, reject) => {
        connection.query(sql, (error) => (error ? reject(error) : resolve()))
      })
    }
    ;(connection as unknown as { _closing: boolean })._closing = true
    for (const event of ['data', 'end', 'close', 'error']) this.#socket.removeAllListeners(event)
  }

  /** The bytes of the whole dump, the packets' heads included. */
  run(): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#socket.on('error', reject)
      this.#socket.on('close', () => reject(new Error(this.#unfinished())))
      this.#receive = (bytes) => {
        this.#total += bytes.length
        this.#keepTail(bytes)
        if (this.#total < this.#command.bytesLeast || !this.#endsWithEof()) return
        resolve(this.#total)
        this.#socket.destroy()
      }
      this.#socket.write(this.#question())
    })
  }

  #unfinished(): string {
    const said = this.#tail.toString('latin1')
    return `the dump ended after ${this.#total} bytes without an EOF packet, its last are '${said}'`
  }

  /** COM_BINLOG_DUMP: u8 0x12, u32 position, u16 flags, u32 server id, the file's name. */
  #question(): Buffer {
    const payload = Buffer.alloc(11 + this.#command.file.length)
    payload.writeUInt8(0x12, 0)
    payload.writeUInt32LE(4, 1)
    payload.writeUInt16LE(nonBlocking, 5)
    payload.writeUInt32LE(this.#serverId, 7)
    payload.write(this.#command.file, 11, 'latin1')
    const head = Buffer.alloc(4)
    head.writeUIntLE(payload.length, 0, 3)
    return Buffer.concat([head, payload])
  }

  #keepTail(bytes: Buffer): void {
    if (bytes.length >= eofPacketSize) {
      bytes.copy(this.#tail, 0, bytes.length - eofPacketSize)
      return
    }
    this.#tail.copyWithin(0, bytes.length)
    bytes.copy(this.#tail, eofPacketSize - bytes.length)
  }

  /** A payload of 5 bytes: fe, no warnings, status 2. The sequence number may be any. */
  #endsWithEof(): boolean {
    const tail = this.#tail
    return tail.readUIntLE(0, 3) === 5 && tail[4] === 0xfe && tail.readUInt32LE(5) === 0x00020000
  }
}

const clockMs = (): number => performance.timeOrigin + performance.now()
let lanes: Dump[][] = []

async function open(command: OpenCommand): Promise<Report> {
  let serverId = command.serverId
  lanes = []
  for (let lane = 0; lane < command.lanes; lane += 1) {
    // The bytes are thrown away, so the connections of one lane may read into one buffer.
    const buffer = Buffer.alloc(readBytes)
    const dumps: Dump[] = []
    for (let pass = 0; pass < command.passes; pass += 1, serverId += 1) {
      const dump = new Dump(command, serverId, buffer)
      await dump.login()
      dumps.push(dump)
    }
    lanes.push(dumps)
  }
  return { kind: 'opened' }
}

async function runAll(): Promise<Finished> {
  const beganMs = clockMs()
  const cpu = process.cpuUsage()
  const bytes = await Promise.all(
    lanes.map(async (dumps) => {
      let sum = 0
      for (const dump of dumps) sum += await dump.run()
      return sum
    }),
  )
  const endedMs = clockMs()
  const { user, system } = process.cpuUsage(cpu)
  const total = bytes.reduce((sum, each) => sum + each, 0)
  return { kind: 'finished', bytes: total, beganMs, endedMs, cpuSeconds: (user + system) / 1e6 }
}

process.on('message', (command: Command) => {
  const answer = command.kind === 'open' ? open(command) : runAll()
  const failed = (thrown: unknown): Report => ({ kind: 'failed', reason: String(thrown) })
  void answer.catch(failed).then((report) => process.send?.(report))
})
process.on('disconnect', () => process.exit(0))
