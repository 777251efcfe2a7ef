import * as fc from 'fast-check'
import { type Gtid, originOf } from '../gtid/gtid.ts'
import { GtidSet } from '../gtid/gtid-set.ts'

/** Few uuids and tags and small numbers, so that sets made of them meet often. */
export const closeGtids: fc.Arbitrary<Gtid> = gtidsOf({
  uuid: fc.constantFrom(
    '11111111-2222-3333-4444-555555555555',
    '90b578d4-e6e1-11f1-82c0-02fc00000001',
    'f0b578d4-e6e1-11f1-82c0-02fc00000001',
  ),
  tag: fc.constantFrom('', '', 'alpha', 'a_2'),
  gno: fc.bigInt({ min: 1n, max: 40n }),
})

/** Any uuid, tag and number that a GTID may have. */
export const anyGtids: fc.Arbitrary<Gtid> = gtidsOf({
  uuid: fc.uuid(),
  tag: fc.oneof(fc.constant(''), fc.stringMatching(/^[a-z_][a-z0-9_]{0,31}$/)),
  gno: fc.bigInt({ min: 1n, max: 2n ** 63n - 2n }),
})

export const gtidSets: fc.Arbitrary<GtidSet> = fc
  .oneof(fc.array(closeGtids, { maxLength: 60 }), fc.array(anyGtids, { maxLength: 10 }))
  .map(gtidSetOf)

/** Few domains and servers and small numbers, so that states made of them meet often. */
export const closeMariadbGtids: fc.Arbitrary<Gtid> = fc.record({
  origin: fc.constantFrom('0-1', '0-2', '7-1', '10-2'),
  gno: fc.bigInt({ min: 1n, max: 40n }),
})

const anyMariadbGtids: fc.Arbitrary<Gtid> = fc.record({
  origin: fc.tuple(fc.nat(0xffffffff), fc.nat(0xffffffff)).map((parts) => parts.join('-')),
  gno: fc.bigInt({ min: 1n, max: 2n ** 63n - 2n }),
})

/** What MariaDB calls a binlog state. */
export const mariadbStates: fc.Arbitrary<GtidSet> = fc
  .oneof(
    fc.array(closeMariadbGtids, { maxLength: 60 }),
    fc.array(anyMariadbGtids, { maxLength: 10 }),
  )
  .map(gtidSetOf)

export function gtidSetOf(gtids: Iterable<Gtid>): GtidSet {
  const set = GtidSet.empty()
  for (const gtid of gtids) set.add(gtid)
  return set
}

function gtidsOf(parts: {
  uuid: fc.Arbitrary<string>
  tag: fc.Arbitrary<string>
  gno: fc.Arbitrary<bigint>
}): fc.Arbitrary<Gtid> {
  return fc.record(parts).map(({ uuid, tag, gno }) => ({ origin: originOf(uuid, tag), gno }))
}
