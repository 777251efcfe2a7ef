import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/*
  ERR packet

    u8     0xff
    u16    code
    '#'    and five characters of SQL state; absent in what a server says before the greeting
    bytes  message to the end of the packet
*/
export const ERR_MARKER = 0xff

const SQL_STATE_MARKER = 0x23
const SQL_STATE_SIZE = 5

/** MySQL cuts the message of an ERR packet here, in bytes. */
const ERR_MESSAGE_MOST = 511

export interface ErrPacket {
  readonly code: number
  /** five characters; HY000 when there is no better one */
  readonly sqlState: string
  readonly message: string
}

export function encodeErr({ code, sqlState, message }: ErrPacket): Buffer {
  if (!/^[0-9A-Z]{5}$/.test(sqlState)) throw new ProtocolError(`'${sqlState}' is no SQL state`)
  return new Writer()
    .u8(ERR_MARKER)
    .u16(code)
    .u8(SQL_STATE_MARKER)
    .string(sqlState)
    .bytes(cutText(message, ERR_MESSAGE_MOST))
    .finish()
}

/** As a server says it before its greeting, when it does not know yet whether the client reads SQL states. */
export function encodeErrBeforeGreeting({ code, message }: Omit<ErrPacket, 'sqlState'>): Buffer {
  return new Writer().u8(ERR_MARKER).u16(code).bytes(cutText(message, ERR_MESSAGE_MOST)).finish()
}

export function decodeErr(payload: Uint8Array): ErrPacket {
  const reader = new Reader(payload)
  const marker = reader.u8()
  if (marker !== ERR_MARKER) throw new ProtocolError(`packet begins with ${marker}, not with ERR`)
  const code = reader.u16()
  const rest = reader.rest()
  if (rest[0] !== SQL_STATE_MARKER || rest.length <= SQL_STATE_SIZE) {
    return { code, sqlState: 'HY000', message: rest.toString('utf8') }
  }
  return {
    code,
    sqlState: rest.toString('latin1', 1, 1 + SQL_STATE_SIZE),
    message: rest.toString('utf8', 1 + SQL_STATE_SIZE),
  }
}

/** The first `most` bytes of the text, less the part of a character that the cut would leave. */
function cutText(text: string, most: number): Buffer {
  const bytes = Buffer.from(text, 'utf8')
  let end = Math.min(bytes.length, most)
  while (end < bytes.length && end > 0 && ((bytes[end] ?? 0) & 0xc0) === 0x80) end -= 1
  return bytes.subarray(0, end)
}
