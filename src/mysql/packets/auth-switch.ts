import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import { checkScramble, SCRAMBLE_SIZE } from './greeting.ts'

/*
  AuthSwitchRequest, server -> client

    u8        0xfe
    string    authentication plugin, ends at NUL
    20 bytes  scramble
    u8        0
*/
const AUTH_SWITCH_MARKER = 0xfe

export interface AuthSwitch {
  readonly authPlugin: string
  readonly scramble: Uint8Array
}

export function encodeAuthSwitch({ authPlugin, scramble }: AuthSwitch): Buffer {
  checkScramble(scramble)
  return new Writer().u8(AUTH_SWITCH_MARKER).nulString(authPlugin).bytes(scramble).u8(0).finish()
}

export function decodeAuthSwitch(payload: Uint8Array): AuthSwitch {
  const reader = new Reader(payload)
  const marker = reader.u8()
  if (marker !== AUTH_SWITCH_MARKER) {
    throw new ProtocolError(`packet begins with ${marker}, not with AuthSwitchRequest`)
  }
  const authPlugin = reader.nulString()
  const scramble = reader.bytes(SCRAMBLE_SIZE)
  reader.skip(1)
  return { authPlugin, scramble }
}
