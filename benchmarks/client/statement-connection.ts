import { type Address, RawConnection } from './raw-connection.ts'

/*
  COM_STMT_EXECUTE, client -> server, all integers little-endian

    u8      0x17
    u32     the statement's number
    u8      flags            0: no cursor
    u32     iterations       1
    u8      NULLs            a bit for each value, none is set; only where there are values, as what follows
    u8      types follow     1
    u16 *   types            8: a 64-bit integer, 253: text
            values           integers as u64, texts behind a length of u8
*/
const packetHeadSize = 4
const valuesOffset = packetHeadSize + 10
const comQuery = 3
const comStatementExecute = 0x17
const integerType = 8
const textType = 253
/** A longer text would need a length of more bytes, more values more bytes of bits. */
const textBytesMax = 250
const valuesMax = 8

const okMarker = 0
const nothing = Buffer.alloc(0)

/** A statement of this connection; its values stand in the place of question marks. */
export type Prepared = (...values: readonly (number | string)[]) => Promise<void>

/** A client that executes statements without a result set, each when the one before is answered. */
export class StatementConnection {
  readonly #raw: RawConnection
  #rest: Buffer = nothing
  #waiting: { resolve: () => void; reject: (why: Error) => void } | undefined
  #failure: Error | undefined

  constructor(address: Address) {
    this.#raw = new RawConnection(address)
  }

  /** Logs in; to be called first, and once. */
  async prepare(sql: readonly string[]): Promise<Prepared[]> {
    const numbers = await this.#raw.login((connection) => {
      const prepare = async (text: string): Promise<number> => {
        const statement: object = await connection.promise().prepare(text)
        return (statement as { readonly statement: { readonly id: number } }).statement.id
      }
      return Promise.all(sql.map(prepare))
    })
    this.#raw.listen({
      receive: (bytes) => this.#receive(bytes),
      broken: (why) => {
        this.#failure = why
        this.#waiting?.reject(why)
      },
    })
    return numbers.map((number) => {
      return (...values) => this.#send(executePacket(number, values))
    })
  }

  /** What cannot be prepared. */
  query(sql: string): Promise<void> {
    const packet = Buffer.alloc(packetHeadSize + 1 + sql.length)
    packet.writeUInt32LE(1 + sql.length, 0)
    packet.writeUInt8(comQuery, packetHeadSize)
    packet.write(sql, packetHeadSize + 1, 'latin1')
    return this.#send(packet)
  }

  close(): void {
    this.#raw.destroy()
  }

  /** Resolves when the server has said OK. */
  #send(packet: Buffer): Promise<void> {
    if (this.#failure !== undefined) return Promise.reject(this.#failure)
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      this.#raw.write(packet)
    })
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

function executePacket(number: number, values: readonly (number | string)[]): Buffer {
  const sizes = values.map((value) => (typeof value === 'number' ? 8 : 1 + value.length))
  const valuesSize = sizes.reduce((sum, size) => sum + 2 + size, values.length > 0 ? 2 : 0)
  const packet = Buffer.alloc(valuesOffset + valuesSize)
  packet.writeUInt32LE(packet.length - packetHeadSize, 0)
  packet.writeUInt8(comStatementExecute, packetHeadSize)
  packet.writeUInt32LE(number, packetHeadSize + 1)
  packet.writeUInt32LE(1, packetHeadSize + 6)
  if (values.length === 0) return packet
  if (values.length > valuesMax) throw new Error(`${values.length} values are more than 8`)
  packet.writeUInt8(1, valuesOffset + 1)
  let at = valuesOffset + 2
  for (const value of values) {
    at = packet.writeUInt16LE(typeof value === 'number' ? integerType : textType, at)
  }
  for (const value of values) at = writeValue(packet, value, at)
  return packet
}

/** Returns where the next one goes. */
function writeValue(packet: Buffer, value: number | string, at: number): number {
  if (typeof value === 'number') return packet.writeBigUInt64LE(BigInt(value), at)
  if (value.length > textBytesMax) throw new Error(`a text of ${value.length} is longer than 250`)
  packet.writeUInt8(value.length, at)
  packet.write(value, at + 1, 'latin1')
  return at + 1 + value.length
}
