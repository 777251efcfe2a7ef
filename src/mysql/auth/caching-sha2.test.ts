import { constants, createHash, generateKeyPairSync, publicEncrypt } from 'node:crypto'
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  cachingSha2HashMatches,
  decryptPassword,
  fastAuthDigest,
  fastAuthMatches,
  makeCachingSha2Hash,
  parseCachingSha2Hash,
  passwordUpToNul,
  SALT_SIZE,
} from './caching-sha2.ts'
import { parsePasswordHash } from './verifier.ts'

// authentication_string of users made with these passwords by a MySQL 9.7.4 server, in hex.
const FROM_MYSQL: ReadonlyArray<readonly [string, string]> = [
  [
    'correct horse',
    '2441243030412459563f0c2a070b4e7e350b0e72683b6b1a636079372e764863697146353533' +
      '4d3845344658783262517778677a754c645268704e5275435949325469683339',
  ],
  [
    'päss',
    '244124303041247b1a3c3a7d773d413b3e1d0d16444d2850462c0e52424f58534b344d346f2e' +
      '4139466b30737249784373777267335432437655375156663236344556665133',
  ],
  [
    'a-password-of-more-than-thirty-two-bytes-in-all-its-length',
    '244124303041241d7267686d76262340733f180d2e6e25065a5211767632447a51494552574c' +
      '6449596e574b7273543153445a3364354b7a762e364c4c5159305a626e697a37',
  ],
]

const sha256 = (bytes: Uint8Array): Buffer => createHash('sha256').update(bytes).digest()

const xor = (left: Uint8Array, right: Uint8Array): Buffer =>
  Buffer.from(left.map((byte, index) => byte ^ (right[index % right.length] ?? 0)))

/** What a client answers to the scramble, written from the protocol's description alone. */
function answerOf(password: string, scramble: Uint8Array): Buffer {
  const once = sha256(Buffer.from(password))
  return xor(once, sha256(Buffer.concat([sha256(once), scramble])))
}

const anyScramble = fc.uint8Array({ minLength: 20, maxLength: 20 })

describe('caching_sha2_password', () => {
  test.each(FROM_MYSQL)(
    'the hash that MySQL 9.7 made of "%s" matches it alone',
    async (password, hex) => {
      const hash = parseCachingSha2Hash(Buffer.from(hex, 'hex').toString('latin1'))
      expect(await cachingSha2HashMatches(hash, Buffer.from(password))).toBe(true)
      expect(await cachingSha2HashMatches(hash, Buffer.from(`${password} `))).toBe(false)
    },
  )

  test('a hash that we make is read again and matches its password', async () => {
    const text = await makeCachingSha2Hash('s3cret', Buffer.alloc(SALT_SIZE, 0xff))
    expect(text).toMatch(/^\$A\$00A\$z{20}[./0-9A-Za-z]{43}$/)
    expect(await cachingSha2HashMatches(parseCachingSha2Hash(text), Buffer.from('s3cret'))).toBe(
      true,
    )
  })

  test('a hash is understood as text and in the hexadecimal form of SHOW CREATE USER', () => {
    const hex = FROM_MYSQL[0]?.[1] ?? ''
    const text = Buffer.from(hex, 'hex').toString('latin1')
    expect(parsePasswordHash(`0x${hex.toUpperCase()}`)).toEqual(parsePasswordHash(text))
  })

  test.each(['', 'secret', '$A$005$short', `$A$001$${'x'.repeat(63)}`, `$A$FFF$${'x'.repeat(63)}`])(
    'the text "%s" is refused as a hash',
    (text) => {
      expect(() => parsePasswordHash(text)).toThrow(/malformed/)
    },
  )

  test('the fast path accepts exactly the password whose digest is remembered', () => {
    fc.assert(
      fc.property(
        fc.string({ minLength: 1 }),
        fc.string(),
        anyScramble,
        (password, other, scramble) => {
          const digest = fastAuthDigest(Buffer.from(password))
          expect(fastAuthMatches(answerOf(password, scramble), scramble, digest)).toBe(true)
          const otherMatches = fastAuthMatches(answerOf(other, scramble), scramble, digest)
          expect(otherMatches).toBe(other === password)
        },
      ),
    )
    expect(fastAuthMatches(Buffer.alloc(0), Buffer.alloc(20), Buffer.alloc(32))).toBe(false)
  })

  test('a password comes back from the RSA block, and other blocks give nothing', () => {
    const keys = generateKeyPairSync('rsa', { modulusLength: 2048 })
    const scramble = Buffer.from('3f7c6b6c176f23763e3d2b6639293f1205343e4b', 'hex')
    const password = 'a password longer than one scramble'
    const masked = xor(Buffer.from(`${password}\0`), scramble)
    const padding = constants.RSA_PKCS1_OAEP_PADDING
    const block = publicEncrypt({ key: keys.publicKey, padding }, masked)
    expect(decryptPassword(block, keys.privateKey, scramble)?.toString()).toBe(password)
    expect(decryptPassword(block.subarray(1), keys.privateKey, scramble)).toBeUndefined()
    expect(decryptPassword(Buffer.alloc(256), keys.privateKey, scramble)).toBeUndefined()
    const other = Buffer.alloc(20, 1)
    expect(decryptPassword(block, keys.privateKey, other)?.toString()).not.toBe(password)
  })

  test('a password in clear ends at its only NUL', () => {
    expect(passwordUpToNul(Buffer.from('abc\0'))?.toString()).toBe('abc')
    expect(passwordUpToNul(Buffer.from('\0'))?.toString()).toBe('')
    expect(passwordUpToNul(Buffer.from('abc'))).toBeUndefined()
    expect(passwordUpToNul(Buffer.from('a\0c\0'))).toBeUndefined()
    expect(passwordUpToNul(Buffer.alloc(0))).toBeUndefined()
  })
})
