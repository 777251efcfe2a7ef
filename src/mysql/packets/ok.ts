import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { STATUS_AUTOCOMMIT } from './capability.ts'

/*
  OK packet

    u8      0x00; 0xfe when it ends a result set and DEPRECATE_EOF was agreed on
    lenenc  affected rows
    lenenc  last insert id
    u16     status flags
    u16     warnings
    bytes   information for people, to the end; left out when empty
*/
const OK_MARKER = 0x00

const END_OF_ROWS_MARKER = 0xfe

export interface OkPacket {
  readonly affectedRows: number
  readonly lastInsertId: number
  readonly status: number
  readonly warnings: number
}

const PLAIN: OkPacket = {
  affectedRows: 0,
  lastInsertId: 0,
  status: STATUS_AUTOCOMMIT,
  warnings: 0,
}

function encodeWithMarker(marker: number, ok: OkPacket): Buffer {
  return new Writer()
    .u8(marker)
    .lenenc(ok.affectedRows)
    .lenenc(ok.lastInsertId)
    .u16(ok.status)
    .u16(ok.warnings)
    .finish()
}

export function encodeOk(ok: Partial<OkPacket> = PLAIN): Buffer {
  return encodeWithMarker(OK_MARKER, { ...PLAIN, ...ok })
}

/** What ends the rows of a result set when DEPRECATE_EOF was agreed on. */
export function encodeEndOfRows(ok: OkPacket = PLAIN): Buffer {
  return encodeWithMarker(END_OF_ROWS_MARKER, ok)
}

/** Reads either form. */
export function decodeOk(payload: Uint8Array): OkPacket {
  const reader = new Reader(payload)
  const marker = reader.u8()
  if (marker !== OK_MARKER && marker !== END_OF_ROWS_MARKER) {
    throw new ProtocolError(`packet begins with ${marker}, not with OK`)
  }
  return {
    affectedRows: reader.lenenc(),
    lastInsertId: reader.lenenc(),
    status: reader.u16(),
    warnings: reader.u16(),
  }
}
