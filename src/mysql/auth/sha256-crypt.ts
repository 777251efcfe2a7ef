import { createHash } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'

/*
  Ulrich Drepper's SHA-crypt with SHA-256, as caching_sha2_password keeps passwords. MySQL's differs in
  one thing: the salt has 20 bytes, any but NUL and '$', instead of at most 16 printable ones.
*/
const DIGEST_SIZE = 32
const ROUNDS_AT_ONCE = 500
const ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The digest's first `size` bytes, the digest repeated as often as that needs. */
function repeated(digest: Buffer, size: number): Buffer {
  return Buffer.alloc(size, digest)
}

/**
 * Returns the 43 characters of the digest. 10000 rounds take some 25 milliseconds, so that everybody
 * else gets a turn after each ROUNDS_AT_ONCE of them: logins must not hold up the dumps.
 */
export async function sha256Crypt(password: Buffer, salt: Buffer, rounds: number): Promise<string> {
  const b = sha256(password, salt, password)
  const parts: Uint8Array[] = [password, salt, repeated(b, password.length)]
  for (let bits = password.length; bits > 0; bits >>= 1) parts.push(bits & 1 ? b : password)
  const a = sha256(...parts)
  const p = repeatedDigest(password, password.length, password.length)
  const s = repeatedDigest(salt, 16 + (a[0] ?? 0), salt.length)
  let digest = a
  for (let round = 0; round < rounds; round += 1) {
    const odd = round % 2 === 1
    const hash = createHash('sha256').update(odd ? p : digest)
    if (round % 3 !== 0) hash.update(s)
    if (round % 7 !== 0) hash.update(p)
    digest = hash.update(odd ? digest : p).digest()
    if (round % ROUNDS_AT_ONCE === ROUNDS_AT_ONCE - 1) await setImmediate()
  }
  return encodeDigest(digest)
}

/** The first `size` bytes of the repeated digest of `bytes` written `count` times. */
function repeatedDigest(bytes: Buffer, count: number, size: number): Buffer {
  const hash = createHash('sha256')
  for (let index = 0; index < count; index += 1) hash.update(bytes)
  return repeated(hash.digest(), size)
}

/** Base 64 of its own: groups of three bytes taken 10 and 20 apart, lowest six bits first. */
function encodeDigest(digest: Buffer): string {
  const byte = (index: number): number => digest[index] ?? 0
  let text = ''
  const put = (value: number, characters: number): void => {
    for (let index = 0; index < characters; index += 1) {
      text += ALPHABET.charAt((value >> (6 * index)) & 0x3f)
    }
  }
  let [x, y, z] = [0, 10, 20]
  for (let group = 0; group < 10; group += 1) {
    put((byte(x) << 16) | (byte(y) << 8) | byte(z), 4)
    ;[x, y, z] = [z + 1, x + 1, y + 1]
  }
  put((byte(DIGEST_SIZE - 1) << 8) | byte(DIGEST_SIZE - 2), 3)
  return text
}
