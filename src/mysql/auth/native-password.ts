import { createHash, timingSafeEqual } from 'node:crypto'
import { ProtocolError } from '../../lib/index.ts'

/** The plugin's name; MySQL 9 has lost it, older clients speak nothing else. */
export const MYSQL_NATIVE_PASSWORD = 'mysql_native_password'

const sha1 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha1')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** Reads `*` and 40 hexadecimal digits of an authentication_string: SHA1(SHA1(password)). */
export function parseNativeHash(text: string): Buffer {
  if (!/^\*[0-9A-Fa-f]{40}$/.test(text)) {
    throw new ProtocolError('malformed mysql_native_password hash, expected * and 40 hex digits')
  }
  return Buffer.from(text.slice(1), 'hex')
}

/** What is kept of a password. */
export function nativeHash(password: Uint8Array): Buffer {
  return sha1(sha1(password))
}

/** Makes an authentication_string. */
export function makeNativeHash(password: string): string {
  return `*${nativeHash(Buffer.from(password, 'utf8')).toString('hex').toUpperCase()}`
}

/** Checks the client's answer, XOR(SHA1(password), SHA1(scramble + SHA1(SHA1(password)))). */
export function nativeResponseMatches(
  response: Uint8Array,
  scramble: Uint8Array,
  hash: Uint8Array,
): boolean {
  const mask = sha1(scramble, hash)
  if (response.length !== mask.length) return false
  const once = response.map((byte, index) => byte ^ (mask[index] ?? 0))
  return timingSafeEqual(sha1(once), hash)
}
