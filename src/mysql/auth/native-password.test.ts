import { createHash } from 'node:crypto'
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { nativeResponseMatches, parseNativeHash } from './native-password.ts'

const sha1 = (bytes: Uint8Array): Buffer => createHash('sha1').update(bytes).digest()

test('the answer to the scramble matches the hash of the same password alone', () => {
  const scrambles = fc.uint8Array({ minLength: 20, maxLength: 20 })
  fc.assert(
    fc.property(
      fc.string({ minLength: 1 }),
      fc.string(),
      scrambles,
      (password, other, scramble) => {
        const once = sha1(Buffer.from(password))
        const mask = sha1(Buffer.concat([scramble, sha1(once)]))
        const response = Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)))
        expect(nativeResponseMatches(response, scramble, sha1(once))).toBe(true)
        const otherHash = sha1(sha1(Buffer.from(other)))
        expect(nativeResponseMatches(response, scramble, otherHash)).toBe(other === password)
      },
    ),
  )
})

test('the hash of "password" as MySQL printed it for decades is its double SHA-1', () => {
  const hash = parseNativeHash('*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19')
  expect(hash).toEqual(sha1(sha1(Buffer.from('password'))))
  expect(() => parseNativeHash('*2470')).toThrow(/malformed/)
})
