import { constants, createHash, type KeyObject, privateDecrypt, timingSafeEqual } from 'node:crypto'
import { ProtocolError } from '../../lib/index.ts'
import { sha256Crypt } from './sha256-crypt.ts'

/** The plugin's name, which is every 9.x user's plugin. */
export const CACHING_SHA2_PASSWORD = 'caching_sha2_password'

/** The packet by which a client asks for the RSA public key, instead of a password. */
export const PUBLIC_KEY_REQUEST = 0x02

/*
  mysql.user.authentication_string of a caching_sha2_password user

    "$A$"      the kind of digest
    "00A"      rounds / 1000, three hexadecimal digits: 005 from MySQL 8, 00A from MySQL 9
    "$"
    20 bytes   salt, each from 1 to 127 and not '$'
    43 bytes   digest of SHA-crypt
*/
const HASH_START = /^\$A\$([0-9A-F]{3})\$/
const HASH_START_SIZE = 7
const HASH_DIGEST = /^[./0-9A-Za-z]{43}$/
const ROUNDS_UNIT = 1000
const ROUNDS_UNITS_LEAST = 5
const ROUNDS_UNITS_MADE = 10
/** More rounds than this are refused: one login would keep a processor busy for a quarter second. */
const ROUNDS_UNITS_MOST = 100
const DOLLAR = 0x24

export const SALT_SIZE = 20

export interface CachingSha2Hash {
  readonly rounds: number
  readonly salt: Buffer
  readonly digest: string
}

/** Reads an authentication_string; ProtocolError when it is no hash of this plugin. */
export function parseCachingSha2Hash(text: string): CachingSha2Hash {
  const units = Number.parseInt(HASH_START.exec(text)?.[1] ?? '', 16)
  const saltText = text.slice(HASH_START_SIZE, HASH_START_SIZE + SALT_SIZE)
  const digest = text.slice(HASH_START_SIZE + SALT_SIZE)
  const salt = Buffer.from(saltText, 'utf8')
  const saltRight =
    salt.length === SALT_SIZE && salt.every((byte) => byte > 0 && byte < 0x80 && byte !== DOLLAR)
  const unitsRight = units >= ROUNDS_UNITS_LEAST && units <= ROUNDS_UNITS_MOST
  if (!(unitsRight && saltRight && HASH_DIGEST.test(digest))) {
    throw new ProtocolError('malformed caching_sha2_password hash, expected $A$005$ and 63 bytes')
  }
  return { rounds: units * ROUNDS_UNIT, salt, digest }
}

const SALT_ALPHABET = './0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'

/** Makes an authentication_string out of SALT_SIZE random bytes, as printable characters only. */
export async function makeCachingSha2Hash(password: string, random: Uint8Array): Promise<string> {
  if (random.length !== SALT_SIZE) throw new ProtocolError(`a salt needs ${SALT_SIZE} bytes`)
  const salt = [...random].map((byte) => SALT_ALPHABET.charAt(byte & 0x3f)).join('')
  const digest = await sha256Crypt(
    Buffer.from(password, 'utf8'),
    Buffer.from(salt, 'latin1'),
    ROUNDS_UNITS_MADE * ROUNDS_UNIT,
  )
  const units = ROUNDS_UNITS_MADE.toString(16).toUpperCase().padStart(3, '0')
  return `$A$${units}$${salt}${digest}`
}

export async function cachingSha2HashMatches(
  hash: CachingSha2Hash,
  password: Buffer,
): Promise<boolean> {
  const digest = await sha256Crypt(password, hash.salt, hash.rounds)
  return timingSafeEqual(Buffer.from(digest, 'latin1'), Buffer.from(hash.digest, 'latin1'))
}

/** SHA256(SHA256(password)): what the server remembers after a full login for the fast one. */
export function fastAuthDigest(password: Buffer): Buffer {
  return sha256(sha256(password))
}

/**
 * Checks the client's answer to the scramble, XOR(SHA256(password), SHA256(digest + scramble)), against
 * the remembered digest.
 */
export function fastAuthMatches(
  response: Uint8Array,
  scramble: Uint8Array,
  digest: Uint8Array,
): boolean {
  const mask = sha256(digest, scramble)
  if (response.length !== mask.length) return false
  return timingSafeEqual(sha256(xor(response, mask)), digest)
}

/**
 * The password out of the RSA block that a client sends without TLS: OAEP of the password, its NUL
 * included, XORed with the scramble repeated. Undefined when the block does not decrypt to that.
 */
export function decryptPassword(
  block: Uint8Array,
  key: KeyObject,
  scramble: Uint8Array,
): Buffer | undefined {
  let masked: Buffer
  try {
    masked = privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING }, block)
  } catch (thrown) {
    // The library says of every kind of bad block only that it does not decrypt.
    if (thrown instanceof Error) return undefined
    throw thrown
  }
  return passwordUpToNul(xor(masked, scramble))
}

/** A password as a client sends it in clear over TLS: its one NUL ends it; undefined without that. */
export function passwordUpToNul(bytes: Buffer): Buffer | undefined {
  const end = bytes.indexOf(0)
  return end >= 0 && end === bytes.length - 1 ? bytes.subarray(0, -1) : undefined
}

function sha256(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** `bytes` XORed with the mask, repeated as often as needed. */
function xor(bytes: Uint8Array, mask: Uint8Array): Buffer {
  return Buffer.from(bytes.map((byte, index) => byte ^ (mask[index % mask.length] ?? 0)))
}
