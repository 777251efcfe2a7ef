import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { LineSplitter } from './line-splitter.ts'

function split(pieces: readonly Buffer[]): string[] {
  const lines: string[] = []
  const splitter = new LineSplitter((line) => lines.push(line))
  for (const piece of pieces) splitter.take(piece)
  splitter.end()
  return lines
}

describe('LineSplitter', () => {
  it('gives the same lines however the bytes are cut', () => {
    const text = fc.array(fc.string({ unit: fc.constantFrom('a', 'é', '\n') }))
    fc.assert(
      fc.property(text, fc.nat({ max: 20 }), (parts, at) => {
        const whole = Buffer.from(parts.join('\n'))
        const expected = whole
          .toString()
          .split('\n')
          .filter((line) => line !== '')
        expect(split([whole.subarray(0, at), whole.subarray(at)])).toEqual(expected)
      }),
    )
  })

  it('gives a line without an end in pieces instead of keeping it all', () => {
    const piece = Buffer.alloc(50_000, 'x')
    const lines = split([piece, piece, piece])
    expect(lines.map(({ length }) => length)).toEqual([65_536, 65_536, 18_928])
  })
})
