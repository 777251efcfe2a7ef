import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { Capability } from './capability.ts'

/*
  Greeting (Protocol::HandshakeV10), server -> client, sequence number 0

    u8        10
    string    server version, ends at NUL
    u32       connection id
    8 bytes   scramble, first part
    u8        0
    u16       capabilities, low half
    u8        default collation
    u16       status flags
    u16       capabilities, high half
    u8        21, the scramble's size with its NUL
    10 bytes  zeros
    12 bytes  scramble, second part
    u8        0
    string    name of the authentication plugin, ends at NUL
*/
const PROTOCOL_VERSION = 10
const FIRST_PART = 8
const SECOND_PART = 12
const FILLER = 10

/** Bytes of the scramble that both sides mix into a login. */
export const SCRAMBLE_SIZE = FIRST_PART + SECOND_PART

export interface Greeting {
  readonly version: string
  readonly connectionId: number
  /** SCRAMBLE_SIZE bytes, none of them 0 */
  readonly scramble: Uint8Array
  readonly capabilities: number
  readonly collation: number
  readonly status: number
  readonly authPlugin: string
}

export function encodeGreeting(greeting: Greeting): Buffer {
  checkScramble(greeting.scramble)
  return new Writer()
    .u8(PROTOCOL_VERSION)
    .nulString(greeting.version)
    .u32(greeting.connectionId)
    .bytes(greeting.scramble.subarray(0, FIRST_PART))
    .u8(0)
    .u16(greeting.capabilities & 0xffff)
    .u8(greeting.collation)
    .u16(greeting.status)
    .u16(greeting.capabilities >>> 16)
    .u8(SCRAMBLE_SIZE + 1)
    .zeros(FILLER)
    .bytes(greeting.scramble.subarray(FIRST_PART))
    .u8(0)
    .nulString(greeting.authPlugin)
    .finish()
}

/** Reads the greeting of a server that knows authentication plugins (MySQL 5.5.7 and later). */
export function decodeGreeting(payload: Uint8Array): Greeting {
  const reader = new Reader(payload)
  const protocol = reader.u8()
  if (protocol !== PROTOCOL_VERSION) {
    throw new ProtocolError(`greeting of protocol version ${protocol} instead of 10`)
  }
  const version = reader.nulString()
  const connectionId = reader.u32()
  const first = reader.bytes(FIRST_PART)
  reader.skip(1)
  const low = reader.u16()
  const collation = reader.u8()
  const status = reader.u16()
  const capabilities = (reader.u16() << 16) | low
  if ((capabilities & Capability.PLUGIN_AUTH) === 0) {
    throw new ProtocolError('greeting of a server that does not know authentication plugins')
  }
  const size = reader.u8()
  if (size !== SCRAMBLE_SIZE + 1) throw new ProtocolError(`greeting has ${size} bytes of scramble`)
  reader.skip(FILLER)
  const scramble = Buffer.concat([first, reader.bytes(SECOND_PART)])
  reader.skip(1)
  const authPlugin = reader.nulString()
  return {
    version,
    connectionId,
    scramble,
    capabilities: capabilities >>> 0,
    collation,
    status,
    authPlugin,
  }
}

export function checkScramble(scramble: Uint8Array): void {
  if (scramble.length !== SCRAMBLE_SIZE) {
    throw new ProtocolError(`a scramble has ${SCRAMBLE_SIZE} bytes, not ${scramble.length}`)
  }
}
