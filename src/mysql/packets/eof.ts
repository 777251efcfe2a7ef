import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { STATUS_AUTOCOMMIT } from './capability.ts'

/*
  EOF packet: u8 0xfe, u16 warnings, u16 status flags. A dump always ends with this form, also when
  DEPRECATE_EOF was agreed on.
*/
const EOF_MARKER = 0xfe
const EOF_BYTES_BELOW = 9

export interface EofPacket {
  readonly warnings: number
  readonly status: number
}

const PLAIN: EofPacket = { warnings: 0, status: STATUS_AUTOCOMMIT }

export function encodeEof({ warnings, status }: EofPacket = PLAIN): Buffer {
  return new Writer().u8(EOF_MARKER).u16(warnings).u16(status).finish()
}

export function decodeEof(payload: Uint8Array): EofPacket {
  const reader = new Reader(payload)
  const marker = reader.u8()
  if (marker !== EOF_MARKER) throw new ProtocolError(`packet begins with ${marker}, not with EOF`)
  return { warnings: reader.u16(), status: reader.u16() }
}

/** EOF may be what this is; a row that begins with the same byte is at least 16 MiB long. */
export function isEof(payload: Uint8Array): boolean {
  return payload[0] === EOF_MARKER && payload.length < EOF_BYTES_BELOW
}
