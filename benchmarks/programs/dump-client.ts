/*
  Clients that read a server's binlog and throw it away: what is measured is the server.
*/
import { answerParent } from '../client/answer-parent.ts'
import { DumpConnection } from '../client/dump-connection.ts'
import type { Address } from '../client/raw-connection.ts'

/** Dumps of one client, one after another, each on a connection that was opened before. */
export interface Lane {
  readonly position: number
  /** what a dump cannot be shorter than */
  readonly bytesLeast: number
}

export interface OpenCommand {
  readonly kind: 'open'
  readonly address: Address
  /** false: the dump is asked for at once (a plain sender has no users) */
  readonly login: boolean
  readonly file: string
  readonly lanes: readonly Lane[]
  readonly passes: number
  /** server ids from here on */
  readonly serverId: number
}

export type DumpCommand = OpenCommand | { readonly kind: 'go' }

export interface Opened {
  readonly kind: 'opened'
  readonly cipher: string
}

export interface Finished {
  readonly kind: 'finished'
  /** of each lane and each of its passes, the packets' heads included */
  readonly dumpBytes: readonly (readonly number[])[]
  /** on a clock that all processes of the machine share, in milliseconds */
  readonly beganMs: number
  readonly endedMs: number
  readonly cpuSeconds: number
}

export type DumpReport = Opened | Finished

const eofPacketSize = 9
const statusAutocommit = 2

/** One connection that has one dump to do. */
class Dump {
  readonly connection: DumpConnection
  readonly #file: string
  readonly #lane: Lane
  readonly #tail = Buffer.alloc(eofPacketSize)
  #total = 0

  constructor(connection: DumpConnection, file: string, lane: Lane) {
    this.connection = connection
    this.#file = file
    this.#lane = lane
  }

  /** The bytes of the whole dump, the packets' heads included. */
  run(): Promise<number> {
    return new Promise((resolve, reject) => {
      const receive = (bytes: Buffer): void => {
        this.#total += bytes.length
        this.#keepTail(bytes)
        if (this.#total < this.#lane.bytesLeast || !this.#endsWithEof()) return
        this.connection.destroy()
        resolve(this.#total)
      }
      const request = { file: this.#file, position: this.#lane.position, nonBlocking: true }
      this.connection.dump(request, receive, (why) => reject(this.#unfinished(why)))
    })
  }

  #unfinished(cause: Error): Error {
    const said = `its last bytes are '${this.#tail.toString('latin1')}'`
    return new Error(`the dump ended after ${this.#total} bytes without EOF (${cause}), ${said}`)
  }

  #keepTail(bytes: Buffer): void {
    if (bytes.length >= eofPacketSize) {
      bytes.copy(this.#tail, 0, bytes.length - eofPacketSize)
      return
    }
    this.#tail.copyWithin(0, bytes.length)
    bytes.copy(this.#tail, eofPacketSize - bytes.length)
  }

  /**
   * A payload of 5 bytes: fe, no warnings, a status with AUTOCOMMIT. The sequence number may be any, and
   * mysqld adds a bit to the status of a dump that took longer than long_query_time.
   */
  #endsWithEof(): boolean {
    const tail = this.#tail
    const isEof = tail.readUIntLE(0, 3) === 5 && tail[4] === 0xfe && tail.readUInt16LE(5) === 0
    return isEof && (tail.readUInt16LE(7) & statusAutocommit) !== 0
  }
}

const clockMs = (): number => performance.timeOrigin + performance.now()
let lanes: Dump[][] = []

async function open(command: OpenCommand): Promise<Opened> {
  const { address, file, passes } = command
  let serverId = command.serverId
  let cipher = ''
  lanes = []
  for (const lane of command.lanes) {
    const dumps: Dump[] = []
    for (let pass = 0; pass < passes; pass += 1, serverId += 1) {
      const connection = new DumpConnection(address, serverId)
      if (command.login) await connection.login()
      cipher = connection.cipher
      dumps.push(new Dump(connection, file, lane))
    }
    lanes.push(dumps)
  }
  return { kind: 'opened', cipher }
}

async function go(): Promise<Finished> {
  const beganMs = clockMs()
  const cpu = process.cpuUsage()
  const dumpBytes = await Promise.all(
    lanes.map(async (dumps) => {
      const sizes: number[] = []
      for (const dump of dumps) sizes.push(await dump.run())
      return sizes
    }),
  )
  const endedMs = clockMs()
  const { user, system } = process.cpuUsage(cpu)
  return { kind: 'finished', dumpBytes, beganMs, endedMs, cpuSeconds: (user + system) / 1e6 }
}

answerParent((command: DumpCommand): Promise<DumpReport> => {
  return command.kind === 'open' ? open(command) : go()
})
