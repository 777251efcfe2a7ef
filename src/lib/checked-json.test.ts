import { describe, expect, it } from 'vitest'
import { decodeCheckedJson, encodeCheckedJson } from './checked-json.ts'

const CONTENT = {
  formatVersion: 1,
  storeId: '6ccd780c-baba-1026-9564-5b8c656024db',
  known: 4711,
  seen: { epoch: 3, version: 2.5 },
  list: ['ä', null, true],
}

describe('a small file with a check', () => {
  it('reads as what was written, and people can read it', () => {
    const bytes = encodeCheckedJson(CONTENT)
    expect(decodeCheckedJson(bytes.toString())).toEqual(CONTENT)
    expect(bytes.toString()).toMatch(/^\{\n {2}"check": "[0-9a-f]{8}",\n {2}"formatVersion": 1,\n/)
  })

  it('leaves out what is undefined, as JSON does', () => {
    const bytes = encodeCheckedJson({ known: 1, cluster: undefined })
    expect(decodeCheckedJson(bytes.toString())).toEqual({ known: 1 })
  })

  it('is refused, or says the same, whichever bit of it flips', () => {
    const bytes = encodeCheckedJson(CONTENT)
    let refused = 0
    for (let bit = 0; bit < 8 * bytes.length; bit++) {
      const flipped = Buffer.from(bytes)
      flipped[bit >> 3] = (flipped[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      let read: unknown
      try {
        read = decodeCheckedJson(flipped.toString())
      } catch {
        refused++
        continue
      }
      // The name of the check itself may be another, which readers pass over.
      expect(read, `bit ${bit}`).toMatchObject(CONTENT)
    }
    // White space and the five letters of `check` are the rest.
    expect(refused).toBeGreaterThan(6 * bytes.length)
  })

  it('of before there were checks, or edited without its check, is believed', () => {
    expect(decodeCheckedJson(JSON.stringify(CONTENT))).toEqual(CONTENT)
    const lines = encodeCheckedJson({ ...CONTENT, known: 1 })
      .toString()
      .split('\n')
    const edited = lines.filter((line) => !line.includes('"check"')).join('\n')
    expect(decodeCheckedJson(edited)).toEqual({ ...CONTENT, known: 1 })
  })

  it.each(['', '{', 'null', '[]', '7', '"secret"'])(
    'is refused where it reads %j, without a word of it',
    (text) => {
      expect(() => decodeCheckedJson(text)).toThrow(/^it is (not JSON|no JSON object)$/)
    },
  )
})
