import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { expectCommand, fileNameOf } from './com-binlog-dump.ts'
import { Command } from './command.ts'

/*
  COM_BINLOG_DUMP_GTID, replica -> source

    u8      0x1e
    u16     flags            DumpFlag; whether a GTID set follows does not depend on them
    u32     server_id        of the replica; 0 also means non-blocking
    u32+n   file name        empty from a replica, given by mysqlbinlog and for a resume inside a file
    u64     position         4 at the start of the file
    u32+n   GTID set         what the replica already has, in binary form
*/
export interface ComBinlogDumpGtid {
  readonly flags: number
  readonly serverId: number
  readonly file: string
  readonly position: bigint
  /** encoded; GtidSet reads and makes it */
  readonly gtidSet: Uint8Array
}

export function encodeComBinlogDumpGtid(command: ComBinlogDumpGtid): Buffer {
  const file = Buffer.from(command.file, 'utf8')
  return new Writer()
    .u8(Command.BINLOG_DUMP_GTID)
    .u16(command.flags)
    .u32(command.serverId)
    .u32(file.length)
    .bytes(file)
    .u64(command.position)
    .u32(command.gtidSet.length)
    .bytes(command.gtidSet)
    .finish()
}

export function decodeComBinlogDumpGtid(payload: Uint8Array): ComBinlogDumpGtid {
  const reader = new Reader(payload)
  expectCommand(reader, Command.BINLOG_DUMP_GTID)
  return {
    flags: reader.u16(),
    serverId: reader.u32(),
    file: fileNameOf(reader.bytes(reader.u32())),
    position: reader.u64(),
    gtidSet: reader.bytes(reader.u32()),
  }
}
