import { timingSafeEqual } from 'node:crypto'
import { ProtocolError } from '../../lib/index.ts'
import {
  type CachingSha2Hash,
  cachingSha2HashMatches,
  fastAuthDigest,
  parseCachingSha2Hash,
} from './caching-sha2.ts'
import { nativeHash, parseNativeHash } from './native-password.ts'

/** What a server keeps of a user to check passwords against. */
export type Verifier =
  | { readonly kind: 'password'; readonly password: string }
  | { readonly kind: 'caching-sha2'; readonly hash: CachingSha2Hash }
  | { readonly kind: 'native'; readonly hash: Buffer }

/**
 * Reads an authentication_string as mysql.user has it: `$A$00A$...` for caching_sha2_password, `*...` for
 * mysql_native_password, or either as 0x and hexadecimal digits, as SHOW CREATE USER prints those
 * whose salt is not printable. ProtocolError when it is none of these.
 */
export function parsePasswordHash(text: string): Verifier {
  const plain = HEX.test(text) ? Buffer.from(text.slice(2), 'hex').toString('latin1') : text
  if (plain.startsWith('$A$')) return { kind: 'caching-sha2', hash: parseCachingSha2Hash(plain) }
  if (plain.startsWith('*')) return { kind: 'native', hash: parseNativeHash(plain) }
  throw new ProtocolError('malformed password hash, expected $A$00A$..., *... or 0x...')
}

const HEX = /^0x([0-9A-Fa-f]{2})+$/

/** For a password that is known whole, unlike in a login. */
export async function passwordMatches(verifier: Verifier, password: Buffer): Promise<boolean> {
  if (verifier.kind === 'caching-sha2') return await cachingSha2HashMatches(verifier.hash, password)
  if (verifier.kind === 'native') return timingSafeEqual(verifier.hash, nativeHash(password))
  const right = fastAuthDigest(Buffer.from(verifier.password, 'utf8'))
  return timingSafeEqual(right, fastAuthDigest(password))
}
