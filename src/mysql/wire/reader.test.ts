import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ProtocolError } from '../../lib/index.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

describe('reader and writer', () => {
  test('the reader gives back every integer that the writer took', () => {
    const integers = fc.tuple(
      fc.nat(0xff),
      fc.nat(0xffff),
      fc.nat(0xffffff),
      fc.nat(0xffffffff),
      fc.bigInt({ min: 0n, max: 0xffffffffffffffffn }),
    )
    fc.assert(
      fc.property(integers, ([a, b, c, d, e]) => {
        const bytes = new Writer().u8(a).u16(b).u24(c).u32(d).u64(e).finish()
        const reader = new Reader(bytes)
        expect([reader.u8(), reader.u16(), reader.u24(), reader.u32(), reader.u64()]).toEqual([
          a,
          b,
          c,
          d,
          e,
        ])
        expect(reader.remaining).toBe(0)
      }),
    )
  })

  test('a length-encoded integer takes the shortest form and comes back', () => {
    const forms: ReadonlyArray<readonly [number, string]> = [
      [0xfa, 'fa'],
      [0xfb, 'fcfb00'],
      [0xffff, 'fcffff'],
      [0x10000, 'fd000001'],
      [0x1000000, 'fe0000000100000000'],
      [Number.MAX_SAFE_INTEGER, 'feffffffffffff1f00'],
    ]
    for (const [value, hex] of forms) {
      const bytes = new Writer().lenenc(value).finish()
      expect(bytes.toString('hex')).toBe(hex)
      expect(new Reader(bytes).lenenc()).toBe(value)
    }
  })

  test('texts come back, NULL apart from the empty one', () => {
    const rows = fc.array(fc.option(fc.string({ maxLength: 400 })))
    fc.assert(
      fc.property(rows, (row) => {
        const writer = new Writer()
        for (const value of row) writer.lenencStringOrNull(value)
        const reader = new Reader(writer.finish())
        expect(row.map(() => reader.lenencStringOrNull())).toEqual(row)
      }),
    )
  })

  test('whatever is not there is refused with the offset', () => {
    expect(() => new Reader(Buffer.from('0102', 'hex'), 1).u16()).toThrow(
      new ProtocolError('need 2 bytes at offset 1 of 2'),
    )
    expect(() => new Reader(Buffer.from('ab')).nulString()).toThrow(ProtocolError)
    expect(() => new Reader(Buffer.from('05ab', 'hex')).lenencBytes()).toThrow(ProtocolError)
    expect(() => new Reader(Buffer.from('fb', 'hex')).lenenc()).toThrow(ProtocolError)
    expect(() => new Reader(Buffer.from('ff', 'hex')).lenenc()).toThrow(ProtocolError)
    expect(() => new Reader(Buffer.alloc(9, 0xfe)).lenenc()).toThrow(/largest exact number/)
  })

  test('values that do not fit their field are refused by the writer', () => {
    expect(() => new Writer().u8(256)).toThrow(ProtocolError)
    expect(() => new Writer().u16(-1)).toThrow(ProtocolError)
    expect(() => new Writer().u32(1.5)).toThrow(ProtocolError)
    expect(() => new Writer().u64(1n << 64n)).toThrow(ProtocolError)
    expect(() => new Writer().nulString('a\0b')).toThrow(ProtocolError)
  })
})
