import { type Address, RawConnection } from './raw-connection.ts'

const packetHeadSize = 4
const comQuery = 3
const okMarker = 0
const nothing = Buffer.alloc(0)

/** A client that sends a statement without a result set, and the next one when that is answered. */
export class StatementConnection {
  readonly #raw: RawConnection
  #rest: Buffer = nothing
  #waiting: { resolve: () => void; reject: (why: Error) => void } | undefined
  #failure: Error | undefined

  static async open(address: Address): Promise<StatementConnection> {
    const raw = new RawConnection(address)
    await raw.login()
    return new StatementConnection(raw)
  }

  private constructor(raw: RawConnection) {
    this.#raw = raw
    raw.listen({
      receive: (bytes) => this.#receive(bytes),
      broken: (why) => {
        this.#failure = why
        this.#waiting?.reject(why)
      },
    })
  }

  /** Resolves when the server has said OK. */
  execute(sql: string): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#raw.write(queryPacket(sql))
    })
  }

  close(): void {
    this.#raw.destroy()
  }

  #receive(bytes: Buffer): void {
    const all = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    const size = all.length < packetHeadSize ? Number.NaN : packetHeadSize + all.readUIntLE(0, 3)
    if (!(all.length >= size)) {
      this.#rest = Buffer.from(all)
      return
    }
    this.#rest = nothing
    const waiting = this.#waiting
    this.#waiting = undefined
    if (all.length === size && all[packetHeadSize] === okMarker) waiting?.resolve()
    else waiting?.reject(new Error(`the server says '${all.toString('latin1', packetHeadSize)}'`))
  }
}

function queryPacket(sql: string): Buffer {
  const size = Buffer.byteLength(sql)
  const packet = Buffer.allocUnsafe(packetHeadSize + 1 + size)
  packet.writeUInt32LE(1 + size, 0)
  packet.writeUInt8(comQuery, packetHeadSize)
  packet.write(sql, packetHeadSize + 1)
  return packet
}
