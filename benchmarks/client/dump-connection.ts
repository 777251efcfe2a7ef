import { type Address, RawConnection } from './raw-connection.ts'

/** A replica's command: where it wants to begin, and whether to be told of the end. */
export interface DumpRequest {
  readonly file: string
  readonly position: number
  /** ends with an EOF packet; else the server waits for more */
  readonly nonBlocking: boolean
}

/** A replica's connection: one dump. */
export class DumpConnection {
  readonly #raw: RawConnection
  readonly #serverId: number

  constructor(address: Address, serverId: number) {
    this.#raw = new RawConnection(address)
    this.#serverId = serverId
  }

  /** The cipher of TLS; empty without. */
  get cipher(): string {
    return this.#raw.cipher
  }

  async login(): Promise<void> {
    const uuid = `bbbbbbbb-0000-4000-8000-${String(this.#serverId).padStart(12, '0')}`
    const sql = `SET @source_binlog_checksum = 'CRC32', @replica_uuid = '${uuid}'`
    await this.#raw.login(async (connection) => {
      await connection.promise().query(sql)
    })
  }

  /** Sends the command; `receive` must not keep what it is given. */
  dump(request: DumpRequest, receive: (bytes: Buffer) => void, broken: (why: Error) => void): void {
    this.#raw.listen({ receive, broken })
    this.#raw.write(dumpCommand(request, this.#serverId))
  }

  destroy(): void {
    this.#raw.destroy()
  }
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
