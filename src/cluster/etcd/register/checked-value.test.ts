import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { DamagedValueError, decodeChecked, encodeChecked } from './checked-value.ts'

const asItIs = (content: unknown): unknown => content

describe('a checked value', () => {
  it('decodes what it encodes', () => {
    fc.assert(
      fc.property(fc.jsonValue({ noUnicodeString: false }), (content) => {
        const there = JSON.parse(JSON.stringify(content)) as unknown
        expect(decodeChecked(encodeChecked(content), asItIs)).toEqual(there)
      }),
    )
  })

  it('is text that etcdctl can show', () => {
    expect(encodeChecked({ epoch: 3 }).toString()).toBe('1 e44cf0fb {"epoch":3}')
  })

  it('refuses every proper prefix', () => {
    const whole = encodeChecked({ epoch: 3, leader: 'née' })
    for (let size = 0; size < whole.length; size += 1) {
      expect(() => decodeChecked(whole.subarray(0, size), asItIs)).toThrow(DamagedValueError)
    }
  })

  it('refuses any change of a bit', () => {
    const whole = encodeChecked({ epoch: 3, leader: 'née' })
    for (let bit = 0; bit < whole.length * 8; bit += 1) {
      const changed = Buffer.from(whole)
      changed.writeUInt8(changed.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3)
      expect(() => decodeChecked(changed, asItIs)).toThrow(DamagedValueError)
    }
  })

  it('answers any bytes with a value or a DamagedValueError', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(() => decodeChecked(Buffer.from(bytes), asItIs)).toThrow(DamagedValueError)
      }),
    )
  })

  it('refuses content that is not what it should be', () => {
    const refuse = (): never => {
      throw new Error('no epoch')
    }
    expect(() => decodeChecked(encodeChecked({}), refuse)).toThrow(/content is wrong: no epoch/)
  })
})
