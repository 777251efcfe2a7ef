import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import {
  cachingSha2HashMatches,
  decryptPassword,
  fastAuthDigest,
  fastAuthMatches,
  nativeResponseMatches,
  parsePasswordHash,
  passwordMatches,
  passwordUpToNul,
} from '../../../src/mysql/index.ts'
import { require, type Target } from '../target.ts'

const SHA2_HASH =
  '0x244124303041' +
  '2459563f0c2a070b4e7e350b0e72683b6b1a636079372e764863697146353533' +
  '4d3845344658783262517778677a754c645268704e5275435949325469683339'
const NATIVE_HASH = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'
const SCRAMBLE = Buffer.from('3f7c6b6c176f23763e3d2b6639293f1205343e4b', 'hex')
const DIGEST = fastAuthDigest(Buffer.from('a password that nobody guesses'))

let key: KeyObject | undefined
const passwordKey = (): KeyObject => {
  key ??= generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
  return key
}

const answers = (): Buffer[] => [Buffer.alloc(20, 7), Buffer.alloc(32, 7), Buffer.from('secret\0')]

export const authTargets: readonly Target[] = [
  {
    name: 'password-hash',
    covers: ['parsePasswordHash'],
    seeds: () => [SHA2_HASH, NATIVE_HASH].map((text) => Buffer.from(text)),
    words: ['$', '$A$', '005', 'FFF', '0x', '*', 'ä', '00', '2A'],
    run: (input) => void parsePasswordHash(input.toString('utf8')),
  },
  {
    name: 'auth-response',
    covers: ['fastAuthMatches', 'nativeResponseMatches', 'passwordUpToNul', 'fastAuthDigest'],
    seeds: answers,
    run(input) {
      require(!fastAuthMatches(input, SCRAMBLE, DIGEST), 'no answer is right by chance')
      require(!nativeResponseMatches(input, SCRAMBLE, DIGEST.subarray(12)), 'nor an old one')
      const password = passwordUpToNul(input)
      require(password === undefined || !password.includes(0), 'a password holds no NUL')
    },
  },
  {
    name: 'known-password',
    covers: ['passwordMatches'],
    seeds: answers,
    async run(input) {
      const native = parsePasswordHash(NATIVE_HASH)
      require(!(await passwordMatches(native, input)), 'no password is right by chance')
      const plain = { kind: 'password', password: input.toString('utf8') } as const
      const same = Buffer.from(plain.password, 'utf8')
      require(await passwordMatches(plain, same), 'a password is itself')
    },
  },
  {
    name: 'encrypted-password',
    covers: ['decryptPassword'],
    seeds: () => [...answers(), Buffer.alloc(256, 9)],
    run: (input) => void decryptPassword(input, passwordKey(), SCRAMBLE),
  },
  {
    name: 'long-password',
    covers: ['cachingSha2HashMatches'],
    seeds: answers,
    async run(input) {
      const verifier = parsePasswordHash(SHA2_HASH)
      if (verifier.kind !== 'caching-sha2') return
      // Fewer rounds than any real hash has: what matters is what the password's bytes do.
      const hash = { ...verifier.hash, rounds: 3 }
      const right = await cachingSha2HashMatches(hash, input.subarray(0, 4096))
      require(!right, 'no password is right by chance')
    },
  },
]
