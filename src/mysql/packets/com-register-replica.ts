import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { expectCommand } from './com-binlog-dump.ts'
import { Command } from './command.ts'

/*
  COM_REGISTER_REPLICA, replica -> source

    u8     0x15
    u32    server_id of the replica
    u8+n   report_host
    u8+n   report_user
    u8+n   report_password
    u16    report_port
    u32    rank, ignored
    u32    source id, 0
*/
export interface ComRegisterReplica {
  readonly serverId: number
  readonly host: string
  readonly user: string
  readonly password: string
  readonly port: number
}

export function encodeComRegisterReplica(command: ComRegisterReplica): Buffer {
  const writer = new Writer().u8(Command.REGISTER_REPLICA).u32(command.serverId)
  for (const text of [command.host, command.user, command.password]) {
    const bytes = Buffer.from(text, 'utf8')
    writer.u8(bytes.length).bytes(bytes)
  }
  return writer.u16(command.port).u32(0).u32(0).finish()
}

export function decodeComRegisterReplica(payload: Uint8Array): ComRegisterReplica {
  const reader = new Reader(payload)
  expectCommand(reader, Command.REGISTER_REPLICA)
  const text = (): string => reader.bytes(reader.u8()).toString('utf8')
  const command = {
    serverId: reader.u32(),
    host: text(),
    user: text(),
    password: text(),
    port: reader.u16(),
  }
  reader.skip(8)
  if (reader.remaining > 0) {
    throw new ProtocolError(`${reader.remaining} bytes follow the end of COM_REGISTER_REPLICA`)
  }
  return command
}
