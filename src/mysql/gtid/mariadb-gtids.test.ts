import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { InvariantError, ProtocolError } from '../../lib/index.ts'
import { closeMariadbGtids, gtidSetOf, mariadbStates } from '../testing/gtid-arbitraries.ts'
import { formatGtid, type Gtid, mariadbOriginParts } from './gtid.ts'
import { GtidSet } from './gtid-set.ts'
import { newestOfDomains, parseMariadbPosition } from './mariadb-position.ts'

/** A state the simple way: the largest number of each domain and server. */
function modelOf(gtids: readonly Gtid[]): Map<string, bigint> {
  const model = new Map<string, bigint>()
  for (const { origin, gno } of gtids) {
    if (gno > (model.get(origin) ?? 0n)) model.set(origin, gno)
  }
  return model
}

const lists = fc.array(closeMariadbGtids, { maxLength: 40 })

describe('the GTIDs of MariaDB as a set', () => {
  test('are all up to the largest number of each domain and server', () => {
    fc.assert(
      fc.property(lists, closeMariadbGtids, (gtids, asked) => {
        const set = gtidSetOf(gtids)
        const model = modelOf(gtids)
        expect(set.has(asked)).toBe(asked.gno <= (model.get(asked.origin) ?? 0n))
        expect(new Map(set.origins().map((origin) => [origin, set.lastOf(origin)]))).toEqual(model)
      }),
    )
  })

  test('have the same union, difference and order as the model', () => {
    fc.assert(
      fc.property(lists, lists, (left, right) => {
        const [one, two] = [gtidSetOf(left), gtidSetOf(right)]
        const [first, second] = [modelOf(left), modelOf(right)]
        expect(one.union(two).equals(gtidSetOf([...left, ...right]))).toBe(true)
        const contains = [...second].every(([origin, last]) => (first.get(origin) ?? 0n) >= last)
        expect(one.contains(two)).toBe(contains)
        expect(two.subtract(one).isEmpty).toBe(contains)
        expect(one.subtract(two).union(two).equals(one.union(two))).toBe(true)
      }),
    )
  })

  test('repeat what is before when a domain and server does not go on', () => {
    const before = GtidSet.parse('0-1-10,7-1-3')
    expect(GtidSet.parse('0-1-11').repeats(before)).toBe(false)
    expect(GtidSet.parse('0-2-1').repeats(before)).toBe(false)
    expect(GtidSet.parse('0-1-10').repeats(before)).toBe(true)
    expect(GtidSet.parse('0-1-12,7-1-2').repeats(before)).toBe(true)
  })

  test('are read back from their text and from their encoding', () => {
    fc.assert(
      fc.property(mariadbStates, (set) => {
        expect(GtidSet.parse(set.toString()).equals(set)).toBe(true)
        expect(GtidSet.decode(set.encode()).equals(set)).toBe(true)
        expect(GtidSet.decode(set.encode()).toString()).toBe(set.toString())
      }),
    )
  })

  test('are printed as MariaDB prints a state, the newest of a domain last', () => {
    expect(GtidSet.parse('10-1-2, 7-2-9,0-12-4 ,7-1-11').toString()).toBe(
      '0-12-4,7-2-9,7-1-11,10-1-2',
    )
    expect(GtidSet.parse('0-1-9').subtract(GtidSet.parse('0-1-4')).toString()).toBe('0-1-5..9')
  })

  test.each([
    '0-1-0-1',
    '0-1',
    '4294967296-1-1',
    '0-4294967296-1',
    '0-1-9223372036854775807',
    '0-1-1,11111111-2222-3333-4444-555555555555:1',
  ])('%j is refused as malformed', (text) => {
    expect(() => GtidSet.parse(text)).toThrow(/^malformed GTID set specification '/)
  })

  test('refuse domains and servers that no GTID has', () => {
    const add = (origin: string) => () => GtidSet.empty().add({ origin, gno: 1n })
    for (const origin of ['0-4294967296', '0', '0-1-2', '-1', 'a-1', '00-1']) {
      expect(add(origin)).toThrow(InvariantError)
    }
  })
})

describe('a position of MariaDB', () => {
  test('names the newest of each domain, and is read back', () => {
    expect(newestOfDomains(GtidSet.parse('0-1-5,0-2-9,7-1-3'))).toBe('0-2-9,7-1-3')
    expect(newestOfDomains(GtidSet.empty())).toBe('')
    fc.assert(
      fc.property(mariadbStates, (set) => {
        const gtids = parseMariadbPosition(newestOfDomains(set))
        for (const { origin, gno } of gtids) {
          const { domain } = mariadbOriginParts(origin)
          const inDomain = set.only(`${domain}-`)
          expect(inDomain.origins().every((other) => inDomain.lastOf(other) <= gno)).toBe(true)
          expect(set.lastOf(origin)).toBe(gno)
        }
      }),
    )
  })

  test('is none when a domain is there twice, or the GTIDs are of MySQL', () => {
    expect(parseMariadbPosition('7-1-3,0-11-4').map(formatGtid)).toEqual(['0-11-4', '7-1-3'])
    expect(parseMariadbPosition('')).toEqual([])
    for (const text of ['0-1-1,0-2-2', '11111111-2222-3333-4444-555555555555:1', 'x']) {
      expect(() => parseMariadbPosition(text)).toThrow(ProtocolError)
    }
  })
})
