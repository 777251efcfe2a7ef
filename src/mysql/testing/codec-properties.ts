import * as fc from 'fast-check'
import { ProtocolError } from '../../lib/index.ts'

/*
  What every codec of this folder must hold, for its tests. Both throw, with the bytes, when it does not.
*/

/** Requires that the decoder refuses every proper prefix of the valid bytes. */
export function requireRefusedPrefixes(decode: (bytes: Buffer) => unknown, valid: Buffer): void {
  for (let size = 0; size < valid.length; size += 1) {
    if (!refuses(decode, valid.subarray(0, size))) {
      throw new Error(`took the first ${size} bytes of ${valid.toString('hex')}`)
    }
  }
}

/** Requires that the decoder answers any bytes with a value or a ProtocolError. */
export function requireCalmOnAnyBytes(
  decode: (bytes: Buffer) => unknown,
  valid: readonly Buffer[] = [],
): void {
  const anyBytes = fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes))
  fc.assert(
    fc.property(anyBytes, (bytes) => {
      refuses(decode, bytes)
    }),
  )
  if (valid.length === 0) return
  const spoilt = fc.tuple(fc.constantFrom(...valid), fc.nat(), fc.integer({ min: 0, max: 255 }))
  fc.assert(
    fc.property(spoilt, ([bytes, at, value]) => {
      const changed = Buffer.from(bytes)
      changed[at % bytes.length] = value
      refuses(decode, changed)
    }),
  )
}

function refuses(decode: (bytes: Buffer) => unknown, bytes: Buffer): boolean {
  try {
    decode(bytes)
    return false
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return true
    throw thrown
  }
}
