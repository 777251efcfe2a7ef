import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { Capability } from './capability.ts'

/*
  The start that SSLRequest and HandshakeResponse41 share, client -> server

    u32       capabilities
    u32       largest packet that the client takes
    u8        collation
    23 bytes  zeros (MariaDB puts further capabilities into the last four)

  A packet that ends here and has the SSL capability is an SSLRequest: TLS begins with the next byte.
*/
const FILLER = 23

const SSL_REQUEST_SIZE = 32

export interface SslRequest {
  readonly capabilities: number
  readonly packetMost: number
  readonly collation: number
}

export function encodeSslRequest(request: SslRequest): Buffer {
  return writeClientStart(new Writer(), request).finish()
}

export function isSslRequest(payload: Uint8Array): boolean {
  if (payload.length !== SSL_REQUEST_SIZE) return false
  return (new Reader(payload).u32() & Capability.SSL) !== 0
}

export function writeClientStart(writer: Writer, start: SslRequest): Writer {
  return writer.u32(start.capabilities).u32(start.packetMost).u8(start.collation).zeros(FILLER)
}

/** Reads the shared start; a client older than protocol 4.1 is refused. */
export function readClientStart(reader: Reader): SslRequest {
  const capabilities = reader.u32()
  if ((capabilities & Capability.PROTOCOL_41) === 0) {
    throw new ProtocolError('the client does not speak protocol 4.1')
  }
  const start = { capabilities, packetMost: reader.u32(), collation: reader.u8() }
  reader.skip(FILLER)
  return start
}

export function decodeSslRequest(payload: Uint8Array): SslRequest {
  if (!isSslRequest(payload)) throw new ProtocolError('packet is no SSLRequest')
  return readClientStart(new Reader(payload))
}
