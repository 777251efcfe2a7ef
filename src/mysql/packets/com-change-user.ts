import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { Capability } from './capability.ts'
import { expectCommand } from './com-binlog-dump.ts'
import { Command } from './command.ts'
import { readAttributes, writeAttributes } from './handshake-response.ts'

/*
  COM_CHANGE_USER, client -> server

    u8        0x11
    string    user name, ends at NUL
    u8+n      answer to the greeting's scramble
    string    database, ends at NUL
    u16       collation; this and what follows may be left out
    string    authentication plugin, ends at NUL; with PLUGIN_AUTH
    lenenc+n  connection attributes; with CONNECT_ATTRS
*/
export interface ComChangeUser {
  readonly user: string
  readonly authResponse: Uint8Array
  readonly database: string
  readonly collation: number | undefined
  readonly authPlugin: string | undefined
  readonly attributes: ReadonlyMap<string, string>
}

export function encodeComChangeUser(command: ComChangeUser, capabilities: number): Buffer {
  const writer = new Writer()
    .u8(Command.CHANGE_USER)
    .nulString(command.user)
    .u8(command.authResponse.length)
    .bytes(command.authResponse)
    .nulString(command.database)
  if (command.collation === undefined) return writer.finish()
  writer.u16(command.collation)
  if (capabilities & Capability.PLUGIN_AUTH) writer.nulString(command.authPlugin ?? '')
  if (capabilities & Capability.CONNECT_ATTRS) writeAttributes(writer, command.attributes)
  return writer.finish()
}

export function decodeComChangeUser(payload: Uint8Array, capabilities: number): ComChangeUser {
  const reader = new Reader(payload)
  expectCommand(reader, Command.CHANGE_USER)
  const user = reader.nulString()
  const authResponse = reader.bytes(reader.u8())
  const database = reader.nulString()
  const has = (capability: number): boolean =>
    (capabilities & capability) !== 0 && reader.remaining > 0
  return {
    user,
    authResponse,
    database,
    collation: reader.remaining > 0 ? reader.u16() : undefined,
    authPlugin: has(Capability.PLUGIN_AUTH) ? reader.nulString() : undefined,
    attributes: has(Capability.CONNECT_ATTRS) ? readAttributes(reader) : new Map(),
  }
}
