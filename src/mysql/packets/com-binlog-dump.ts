import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { Command } from './command.ts'

/** Bits of a dump command's flags. */
export const DumpFlag = {
  /** end with EOF at the end of the last file instead of waiting */
  NON_BLOCK: 0x1,
  /** heartbeats as event type 41 with 64-bit positions; to MariaDB: ANNOTATE_ROWS events are wanted */
  HEARTBEAT_V2: 0x2,
} as const

/*
  COM_BINLOG_DUMP, replica -> source

    u8     0x12
    u32    position in the file, 4 at its start
    u16    flags
    u32    server_id of the replica; 0 also means non-blocking
    bytes  file name to the end of the packet; empty for the first file
*/
export interface ComBinlogDump {
  readonly position: number
  readonly flags: number
  readonly serverId: number
  readonly file: string
}

/** The name up to its first NUL: some clients end it with one, some send nothing but NULs. */
export function fileNameOf(bytes: Buffer): string {
  const end = bytes.indexOf(0)
  return (end < 0 ? bytes : bytes.subarray(0, end)).toString('utf8')
}

export function encodeComBinlogDump(command: ComBinlogDump): Buffer {
  return new Writer()
    .u8(Command.BINLOG_DUMP)
    .u32(command.position)
    .u16(command.flags)
    .u32(command.serverId)
    .string(command.file)
    .finish()
}

export function decodeComBinlogDump(payload: Uint8Array): ComBinlogDump {
  const reader = new Reader(payload)
  expectCommand(reader, Command.BINLOG_DUMP)
  return {
    position: reader.u32(),
    flags: reader.u16(),
    serverId: reader.u32(),
    file: fileNameOf(reader.rest()),
  }
}

/** Reads the command byte, which the caller has looked at already. */
export function expectCommand(reader: Reader, command: number): void {
  const found = reader.u8()
  if (found !== command) throw new ProtocolError(`command is ${found} instead of ${command}`)
}
