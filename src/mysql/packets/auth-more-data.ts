import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'

/*
  AuthMoreData, server -> client: u8 0x01 and the plugin's bytes to the end of the packet.
  caching_sha2_password sends one of AuthMore, or its public key as PEM text.
*/
const AUTH_MORE_DATA_MARKER = 0x01

/** What caching_sha2_password says in one byte. */
export const AuthMore = {
  /** the scrambled answer was right; OK follows */
  FAST_SUCCESS: 0x03,
  /** the password itself is wanted, over TLS or encrypted */
  FULL_AUTHENTICATION: 0x04,
} as const

export function encodeAuthMoreData(data: Uint8Array): Buffer {
  return new Writer().u8(AUTH_MORE_DATA_MARKER).bytes(data).finish()
}

export function decodeAuthMoreData(payload: Uint8Array): Buffer {
  const reader = new Reader(payload)
  const marker = reader.u8()
  if (marker !== AUTH_MORE_DATA_MARKER) {
    throw new ProtocolError(`packet begins with ${marker}, not with AuthMoreData`)
  }
  return reader.rest()
}
