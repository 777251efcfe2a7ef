import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { requireCalmOnAnyBytes, requireRefusedPrefixes } from '../testing/codec-properties.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import {
  readSignedVarint,
  readVarint,
  readVarintNumber,
  writeSignedVarint,
  writeVarint,
} from './varint.ts'

const MOST = 2n ** 64n - 1n
// Few of all 64-bit numbers are small, so the number of bits is chosen first.
const unsigned = fc.nat(64).chain((bits) => fc.bigInt({ min: 0n, max: (1n << BigInt(bits)) - 1n }))
const decode = (bytes: Buffer): bigint => readVarint(new Reader(bytes))

function encode(value: bigint): Buffer {
  const writer = new Writer()
  writeVarint(writer, value)
  return writer.finish()
}

test.each([
  ['78', 60n],
  ['ad04', 299n],
  ['83120b', 90704n],
  ['7f47e138f3e76006', 1795399194566983n],
  ['00', 0n],
  ['fe', 127n],
  ['0102', 128n],
  [`ff${'ff'.repeat(8)}`, MOST],
])('%s is %d, as a 9.7 server writes it', (hex, value) => {
  expect(decode(Buffer.from(hex, 'hex'))).toBe(value)
  expect(encode(value).toString('hex')).toBe(hex)
})

test('a value is read as it was written, in no more bytes than it needs', () => {
  fc.assert(
    fc.property(unsigned, (value) => {
      expect(decode(encode(value))).toBe(value)
      if (value <= Number.MAX_SAFE_INTEGER) {
        const reader = new Reader(encode(value))
        expect(readVarintNumber(reader, 'value')).toBe(Number(value))
        expect(reader.remaining).toBe(0)
      }
      const bits = value.toString(2).length
      expect(encode(value).length).toBe(Math.min(9, Math.ceil(bits / 7)))
    }),
  )
})

test('a signed value is read as it was written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }), (value) => {
      const writer = new Writer()
      writeSignedVarint(writer, value)
      expect(readSignedVarint(new Reader(writer.finish()))).toBe(value)
    }),
  )
})

test('a value of which bytes are missing is refused', () => {
  fc.assert(fc.property(unsigned, (value) => requireRefusedPrefixes(decode, encode(value))))
})

test('any bytes are answered with a value or a ProtocolError', () => {
  requireCalmOnAnyBytes(decode)
})
