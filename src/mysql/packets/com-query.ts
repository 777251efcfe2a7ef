import { Writer } from '../wire/writer.ts'
import { Command } from './command.ts'

/** COM_QUERY without query attributes: u8 0x03 and the statement to the end of the packet. */
export function encodeComQuery(sql: string): Buffer {
  return new Writer().u8(Command.QUERY).string(sql).finish()
}

/** The statement of a COM_QUERY, whose command byte the caller has looked at already. */
export function decodeComQuery(payload: Buffer): string {
  return payload.toString('utf8', 1)
}
