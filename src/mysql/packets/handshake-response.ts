import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { Capability } from './capability.ts'
import { readClientStart, type SslRequest, writeClientStart } from './ssl-request.ts'

/*
  HandshakeResponse41, client -> server

    32 bytes  as SSLRequest
    string    user name, ends at NUL
    lenenc+n  answer to the scramble (u8+n, or ends at NUL, without the capabilities for more)
    string    database, ends at NUL; with CONNECT_WITH_DB
    string    authentication plugin, ends at NUL; with PLUGIN_AUTH, and left out by some as if it were empty
    lenenc+n  connection attributes, pairs of lenenc strings; with CONNECT_ATTRS
    u8        zstd level; with ZSTD_COMPRESSION, and left out by some
*/
export interface HandshakeResponse extends SslRequest {
  readonly user: string
  readonly authResponse: Uint8Array
  readonly database: string | undefined
  readonly authPlugin: string | undefined
  readonly attributes: ReadonlyMap<string, string>
}

const ATTRIBUTES_MOST = 256

export function encodeHandshakeResponse(response: HandshakeResponse): Buffer {
  const { capabilities, database, authPlugin } = response
  const writer = writeClientStart(new Writer(), response).nulString(response.user)
  if (capabilities & Capability.PLUGIN_AUTH_LENENC) writer.lenencBytes(response.authResponse)
  else if (capabilities & Capability.SECURE_CONNECTION) {
    writer.u8(response.authResponse.length).bytes(response.authResponse)
  } else writer.bytes(response.authResponse).u8(0)
  if (capabilities & Capability.CONNECT_WITH_DB) writer.nulString(database ?? '')
  if (capabilities & Capability.PLUGIN_AUTH) writer.nulString(authPlugin ?? '')
  if (capabilities & Capability.CONNECT_ATTRS) writeAttributes(writer, response.attributes)
  return writer.finish()
}

export function decodeHandshakeResponse(payload: Uint8Array): HandshakeResponse {
  const reader = new Reader(payload)
  const start = readClientStart(reader)
  const has = (capability: number): boolean => (start.capabilities & capability) !== 0
  return {
    ...start,
    user: reader.nulString(),
    authResponse: readAuthResponse(reader, start.capabilities),
    database: has(Capability.CONNECT_WITH_DB) ? reader.nulString() : undefined,
    authPlugin: has(Capability.PLUGIN_AUTH) ? readAuthPlugin(reader) : undefined,
    attributes: has(Capability.CONNECT_ATTRS) ? readAttributes(reader) : new Map(),
  }
}

function readAuthResponse(reader: Reader, capabilities: number): Buffer {
  if (capabilities & Capability.PLUGIN_AUTH_LENENC) return reader.lenencBytes()
  if (capabilities & Capability.SECURE_CONNECTION) return reader.bytes(reader.u8())
  return reader.nulBytes()
}

/** Drivers of the family of npm's `mysql` set PLUGIN_AUTH and end the packet here; MySQL then asks for a switch. */
function readAuthPlugin(reader: Reader): string {
  return reader.remaining === 0 ? '' : reader.nulString()
}

/** Reads connection attributes; those beyond ATTRIBUTES_MOST are passed over. */
export function readAttributes(reader: Reader): Map<string, string> {
  const pairs = new Reader(reader.lenencBytes())
  const attributes = new Map<string, string>()
  while (pairs.remaining > 0 && attributes.size < ATTRIBUTES_MOST) {
    const name = pairs.lenencString()
    attributes.set(name, pairs.lenencString())
  }
  return attributes
}

export function writeAttributes(writer: Writer, attributes: ReadonlyMap<string, string>): void {
  const pairs = new Writer()
  for (const [name, value] of attributes) pairs.lenencString(name).lenencString(value)
  writer.lenencBytes(pairs.finish())
}
