import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ProtocolError } from '../lib/index.ts'
import { parseGtidOwned } from './gtid-owned.ts'

const A = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const B = '4e11fa47-71ca-11e1-9e33-c80aa9429562'

test.each([
  ['', ''],
  [`${A}:23#15`, `${A}:23`],
  [`${A}:23#15:24#16`, `${A}:23-24`],
  [`${A}:23#15${B}:1#2`, `${A}:23,${B}:1`],
  [`${A}:tag_1:23#15:25#7${A}:1#2`, `${A}:1:tag_1:23:25`],
])('reads gtid_owned %j as %j', (text, gtids) => {
  expect(parseGtidOwned(text).toString().replaceAll('\n', '')).toBe(gtids)
})

const BEYOND = '9223372036854775807'

test.each([
  A.slice(1),
  `${A}:0#1`,
  `${A}:${BEYOND}#1`,
  `${A}:1`,
  `x${A}:1#1`,
  `${A}:1#1,,x`,
  'nonsense',
])('refuses gtid_owned %j', (text) => {
  expect(() => parseGtidOwned(text)).toThrow(ProtocolError)
})

test('a thread number is never taken for a part of the uuid behind it', () => {
  const digits = fc.integer({ min: 1, max: 0xffff_ffff })
  fc.assert(
    fc.property(fc.uuid(), fc.uuid(), digits, digits, (first, second, thread, gno) => {
      fc.pre(first !== second)
      const owned = parseGtidOwned(`${first}:${gno}#${thread}${second}:${gno}#${thread}`)
      return (
        owned.count() === 2n &&
        owned.has({ origin: first, gno: BigInt(gno) }) &&
        owned.has({ origin: second, gno: BigInt(gno) })
      )
    }),
  )
})
