import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError, ProtocolError } from '../../lib/index.ts'
import { requireCalmOnAnyBytes, requireRefusedPrefixes } from '../testing/codec-properties.ts'
import { closeGtids, gtidSetOf, gtidSets } from '../testing/gtid-arbitraries.ts'
import { formatGtid } from './gtid.ts'
import { GtidSet } from './gtid-set.ts'

const U = '11111111-2222-3333-4444-555555555555'
const decode = (bytes: Buffer): GtidSet => GtidSet.decode(bytes)
const V = '90b578d4-e6e1-11f1-82c0-02fc00000001'

/** A set of GTIDs the simple way: each one's text, in a Set. */
type Model = ReadonlySet<string>
const pairs = fc.tuple(
  fc.array(closeGtids, { maxLength: 80 }),
  fc.array(closeGtids, { maxLength: 80 }),
)
const modelOf = (gtids: readonly Parameters<typeof formatGtid>[0][]): Model =>
  new Set(gtids.map(formatGtid))
const setOfModel = (model: Iterable<string>): GtidSet => GtidSet.parse([...model].join(','))

describe('a GTID set against a plain set of GTIDs', () => {
  test('has the same union, difference and meeting as the plain set', () => {
    fc.assert(
      fc.property(pairs, ([left, right]) => {
        const one = gtidSetOf(left)
        const two = gtidSetOf(right)
        const first = modelOf(left)
        const second = modelOf(right)
        const without = [...first].filter((gtid) => !second.has(gtid))
        expect(one.union(two).toString()).toBe(setOfModel([...first, ...second]).toString())
        expect(one.subtract(two).toString()).toBe(setOfModel(without).toString())
        expect(one.intersects(two)).toBe(without.length < first.size)
        expect(one.contains(two)).toBe([...second].every((gtid) => first.has(gtid)))
        expect(one.count()).toBe(BigInt(first.size))
        expect(one.isEmpty).toBe(first.size === 0)
        expect(left.every((gtid) => one.has(gtid))).toBe(true)
        expect(right.every((gtid) => one.has(gtid) === first.has(formatGtid(gtid)))).toBe(true)
      }),
    )
  })

  test('obeys the laws of sets', () => {
    fc.assert(
      fc.property(gtidSets, gtidSets, (one, two) => {
        expect(one.union(two).equals(two.union(one))).toBe(true)
        expect(one.union(two).contains(one)).toBe(true)
        expect(one.subtract(two).intersects(two)).toBe(false)
        expect(one.subtract(two).union(two).equals(one.union(two))).toBe(true)
        expect(one.subtract(one.subtract(two)).union(one.subtract(two)).equals(one)).toBe(true)
        expect(one.contains(two) && two.contains(one)).toBe(one.equals(two))
      }),
    )
  })

  test('gives each uuid its part, and the parts give the set', () => {
    fc.assert(
      fc.property(gtidSets, (set) => {
        const joined = GtidSet.empty()
        for (const uuid of set.uuids()) joined.addAll(set.only(uuid))
        expect(joined.equals(set)).toBe(true)
        expect(set.uuids().every((uuid) => set.only(uuid).uuids().join() === uuid)).toBe(true)
      }),
    )
  })

  test('is not changed by what is done to its clone', () => {
    const set = GtidSet.parse(`${U}:1-5`)
    const copy = set.clone()
    copy.add({ origin: U, gno: 6n })
    copy.add({ origin: `${V}:alpha`, gno: 1n })
    expect(set.toString()).toBe(`${U}:1-5`)
  })

  test('takes an add to an entry that a removal has just emptied', () => {
    const set = GtidSet.empty()
    set.add({ origin: U, gno: 1n })
    set.removeAll(set)
    expect(set.isEmpty).toBe(true)
    set.add({ origin: U, gno: 2n })
    expect(set.toString()).toBe(`${U}:2`)
  })

  test('refuses numbers, uuids and tags that no GTID has', () => {
    const set = GtidSet.empty()
    const add = (origin: string, gno: bigint) => () => set.add({ origin, gno })
    expect(add(U, 0n)).toThrow(InvariantError)
    expect(add(U, 2n ** 63n - 1n)).toThrow(InvariantError)
    expect(add(U.slice(1), 1n)).toThrow(InvariantError)
    expect(add(V.toUpperCase(), 1n)).toThrow(InvariantError)
    expect(add(`${U}:Tag`, 1n)).toThrow(InvariantError)
    expect(add(`${U}:`, 1n)).toThrow(InvariantError)
  })
})

describe('the text of a GTID set', () => {
  test('is read back as the same set and written again as the same text', () => {
    fc.assert(
      fc.property(gtidSets, (set) => {
        const text = set.toString()
        expect(GtidSet.parse(text).equals(set)).toBe(true)
        expect(GtidSet.parse(text.replaceAll(':', ' :\t').toUpperCase()).toString()).toBe(text)
      }),
    )
  })

  const MOST = '9223372036854775806'
  test.each([
    ['', ''],
    [' , ,\n', ''],
    [`${U}:1-5:7, ${U}:tag:1-3`, `${U}:1-5:7:tag:1-3`],
    [`${U}:tag:1-3:1-5:7`, `${U}:tag:1-5:7`],
    [`${U}:TAG:3`, `${U}:tag:3`],
    [`${V}:9,${U}:1:2:3`, `${U}:1-3,\n${V}:9`],
    [`${U}:b:1:a:1:a1:1`, `${U}:a:1:a1:1:b:1`],
    [U, ''],
    [`${U}:tag`, ''],
    [`${U}:5-1`, ''],
    [`${U}:007 - 0008`, `${U}:7-8`],
    [`{${V.toUpperCase()}}:1`, `${V}:1`],
    [`${V.replaceAll('-', '')}:1`, `${V}:1`],
    [`${U}:1-${MOST}`, `${U}:1-${MOST}`],
    [`${U}:${'t'.repeat(32)}:1`, `${U}:${'t'.repeat(32)}:1`],
  ])('%j is the set %j', (text, canonical) => {
    expect(GtidSet.parse(text).toString()).toBe(canonical)
  })

  test.each([
    `${U}:0-4`,
    `${U}:0`,
    `${U}:9223372036854775807`,
    `${U}:1-9223372036854775807`,
    `${U}:${'9'.repeat(1000)}`,
    `${U}:1tag:1`,
    `${U}:ta-g:1`,
    `${U}:${'t'.repeat(33)}:1`,
    `${U}:`,
    `${U}::1`,
    `${U}:1-`,
    `${U}:-1`,
    `${U} 1`,
    `${U}:1 ${V}:1`,
    `{${U}:1`,
    `${U.slice(1)}:1`,
    'x',
    ':1',
  ])('%j is refused as malformed', (text) => {
    expect(() => GtidSet.parse(text)).toThrow(ProtocolError)
    expect(() => GtidSet.parse(text)).toThrow(/^malformed GTID set specification '/)
  })

  test('is answered with a set or a ProtocolError whatever it is', () => {
    const words = fc.constantFrom(U, V, ':', '-', ',', 'tag', '1', '7', '0', ' ', '{', '}', '_')
    const texts = fc.oneof(
      fc.string(),
      fc.array(words).map((found) => found.join('')),
    )
    fc.assert(
      fc.property(texts, (text) => {
        try {
          GtidSet.parse(text)
        } catch (thrown) {
          expect(thrown).toBeInstanceOf(ProtocolError)
        }
      }),
    )
  })

  test('costs no more than a sort when its intervals come in descending order', () => {
    const count = 100_000
    const numbers = Array.from({ length: count }, (_unused, index) => 2 * (count - index))
    const set = GtidSet.parse(`${U}:${numbers.join(':')}`)
    expect(set.count()).toBe(BigInt(count))
    expect(GtidSet.decode(set.encode()).equals(set)).toBe(true)
  })
})

describe('the binary form of a GTID set', () => {
  test('is decoded to the set that was encoded', () => {
    fc.assert(
      fc.property(gtidSets, (set) => {
        expect(GtidSet.decode(set.encode()).toString()).toBe(set.toString())
      }),
    )
  })

  test('is refused when any of its end is missing or anything follows', () => {
    fc.assert(
      fc.property(gtidSets, (set) => {
        requireRefusedPrefixes(decode, set.encode())
        const longer = Buffer.concat([set.encode(), Buffer.alloc(1)])
        expect(() => GtidSet.decode(longer)).toThrow(ProtocolError)
      }),
      { numRuns: 20 },
    )
  })

  test('is answered with a set or a ProtocolError whatever it is', () => {
    const tagged = GtidSet.parse(`${U}:1-5:7:tag:1-3,${V}:2`)
    requireCalmOnAnyBytes(decode, [tagged.encode(), tagged.only(V).encode()])
  })

  const UUID_HEX = U.replaceAll('-', '')
  const u64 = (value: bigint): string => {
    const bytes = Buffer.alloc(8)
    bytes.writeBigUInt64LE(value)
    return bytes.toString('hex')
  }
  const classic = (...numbers: bigint[]): string =>
    `${u64(1n)}${UUID_HEX}${u64(BigInt(numbers.length) / 2n)}${numbers.map(u64).join('')}`
  const TWO_TAGGED = '0102000000000001'

  test('is byte for byte what a 9.7 server writes', () => {
    expect(GtidSet.parse(`${U}:1-5:7`).encode().toString('hex')).toBe(classic(1n, 6n, 7n, 8n))
    expect(GtidSet.parse(`${U}:1-5:7:tag:1-3`).encode().toString('hex')).toBe(
      [
        TWO_TAGGED,
        `${UUID_HEX}00${u64(2n)}${u64(1n)}${u64(6n)}${u64(7n)}${u64(8n)}`,
        `${UUID_HEX}06746167${u64(1n)}${u64(1n)}${u64(4n)}`,
      ].join(''),
    )
  })

  test.each([
    [
      'entries in any order and one entry twice',
      u64(2n) + classic(9n, 10n).slice(16) + classic(1n, 3n).slice(16),
      `${U}:1-2:9`,
    ],
    ['an entry without intervals', classic(), ''],
    [
      'a tag in upper case',
      `0101000000000001${UUID_HEX}06544147${u64(1n)}${u64(1n)}${u64(2n)}`,
      `${U}:tag:1`,
    ],
    [
      'the tagged form without tags',
      `0101000000000001${UUID_HEX}00${u64(1n)}${u64(1n)}${u64(2n)}`,
      `${U}:1`,
    ],
  ])('may have %s, as for the server', (_what, hex, text) => {
    expect(GtidSet.decode(Buffer.from(hex, 'hex')).toString()).toBe(text)
  })

  test.each([
    ['intervals that touch', classic(1n, 3n, 3n, 5n)],
    ['intervals that overlap', classic(1n, 3n, 2n, 5n)],
    ['intervals that descend', classic(7n, 9n, 1n, 3n)],
    ['an interval from 0', classic(0n, 3n)],
    ['an empty interval', classic(3n, 3n)],
    ['an interval beyond the largest number', classic(1n, 2n ** 63n)],
    ['format 2', '0200000000000002'],
    ['format bytes that differ', '0001000000000001'],
    ['more entries than bytes', 'ffffffffffffff00'],
    ['more intervals than bytes', `${u64(1n)}${UUID_HEX}${'ff'.repeat(8)}`],
    ['a tag of 33 characters', `0101000000000001${UUID_HEX}42${'61'.repeat(33)}${u64(0n)}`],
    ['a tag that begins with a digit', `0101000000000001${UUID_HEX}043161${u64(0n)}`],
  ])('is refused with %s', (_what, hex) => {
    expect(() => GtidSet.decode(Buffer.from(hex, 'hex'))).toThrow(ProtocolError)
  })

  test('is not looked into after it was decoded', () => {
    const bytes = GtidSet.parse(`${U}:1-5`).encode()
    const set = GtidSet.decode(bytes)
    bytes.fill(0)
    expect(set.toString()).toBe(`${U}:1-5`)
  })
})
