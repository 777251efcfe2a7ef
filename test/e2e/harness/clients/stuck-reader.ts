import type { Socket } from 'node:net'
import { type Connection, createConnection } from 'mysql2'
import type { SourceAddress } from '../replica.ts'

/** More than all buffers between two sockets of this machine take. */
export const STUCK_FILE_BYTES = 48 * 2 ** 20

const COM_BINLOG_DUMP = 0x12

/**
 * A client whose dump begins with a file and that reads nothing of it: in a file of STUCK_FILE_BYTES the dump stays
 * there until the client is destroyed.
 */
export async function stuckReader(
  { port, host = '127.0.0.1' }: SourceAddress,
  account: { readonly user: string; readonly password: string },
  { file, serverId }: { readonly file: string; readonly serverId: number },
): Promise<Connection> {
  const connection = createConnection({ host, port, ...account })
  await connection.promise().query("SET @source_binlog_checksum = 'CRC32'")
  // mysql2 does not show its socket, and has no dump that can be left unread.
  const { stream } = connection as unknown as { stream: Socket }
  stream.removeAllListeners('data')
  stream.pause()
  const name = Buffer.from(file)
  const payload = Buffer.alloc(11)
  payload.writeUInt8(COM_BINLOG_DUMP, 0)
  payload.writeUInt32LE(4, 1)
  payload.writeUInt32LE(serverId, 7)
  const head = Buffer.alloc(4)
  head.writeUIntLE(payload.length + name.length, 0, 3)
  stream.write(Buffer.concat([head, payload, name]))
  return connection
}
