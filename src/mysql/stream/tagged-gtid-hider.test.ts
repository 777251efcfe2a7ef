import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import { crc32 } from '../../lib/index.ts'
import { encodePackets } from '../wire/packet.ts'
import { TaggedGtidHider } from './tagged-gtid-hider.ts'

const FILES = ['tagged-gtids.000003', 'compressed-trx.000004', 'plain.000002']
const HIDDEN_TYPES = [35, 42]

const packetsOf = (events: readonly Buffer[]): Buffer =>
  Buffer.concat(
    events.map((event, index) =>
      encodePackets(Buffer.concat([Buffer.of(0), event]), (index + 1) & 0xff),
    ),
  )

/** The simple twin: one whole event at a time. */
function hidden(event: Buffer): Buffer {
  if (!HIDDEN_TYPES.includes(event[4] ?? 0)) return event
  const changed = Buffer.from(event)
  changed[4] = 28
  changed.writeUInt16LE(changed.readUInt16LE(17) | 0x80, 17)
  changed.writeUInt32LE(crc32(changed.subarray(0, -4)), changed.length - 4)
  return changed
}

function pushed(bytes: Buffer, cuts: readonly number[]): Buffer {
  const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
  edges.sort((left, right) => left - right)
  const hider = new TaggedGtidHider()
  const before = Buffer.from(bytes)
  const parts = edges.slice(1).map((end, index) => hider.push(bytes.subarray(edges[index], end)))
  // What it is given is shared with other dumps.
  expect(bytes.equals(before)).toBe(true)
  return Buffer.concat(parts)
}

describe('in a dump for a client that chokes on tags', () => {
  test.each(FILES)('%s has its tags hidden in place, however its packets are cut', (name) => {
    const events = eventsOf(fixture(name))
    expect(events.some((event) => HIDDEN_TYPES.includes(event[4] ?? 0))).toBe(true)
    const wanted = packetsOf(events.map(hidden)).toString('hex')
    fc.assert(
      fc.property(fc.array(fc.nat(100_000), { maxLength: 40 }), (cuts) => {
        expect(pushed(packetsOf(events), cuts).toString('hex')).toBe(wanted)
      }),
      { numRuns: 30 },
    )
  })

  test('an event that fills several packets keeps its place and gets a right checksum', () => {
    const [format = Buffer.alloc(0), previous = Buffer.alloc(0)] = eventsOf(fixture('plain.000002'))
    // Its content does not matter.
    const filling = Buffer.alloc(2 * 0xffffff, 7)
    const large = Buffer.concat([previous.subarray(0, -4), filling, Buffer.alloc(4)])
    large.writeUInt32LE(large.length, 9)
    const sent = packetsOf([format, large])
    expect(pushed(sent, [1000, 20_000_000]).equals(packetsOf([format, hidden(large)]))).toBe(true)
  })

  test('without checksums only type and flag change', () => {
    const [format = Buffer.alloc(0), previous = Buffer.alloc(0)] = eventsOf(fixture('plain.000002'))
    const without = Buffer.from(format)
    without[without.length - 5] = 0
    const bytes = pushed(packetsOf([without, previous]), [3, 200])
    const changed = Buffer.from(previous)
    changed[4] = 28
    expect(bytes.equals(packetsOf([without, changed]))).toBe(true)
  })

  test('what is no event is left as it is', () => {
    const end = encodePackets(Buffer.from('fe00000200', 'hex'), 1)
    const error = encodePackets(Buffer.from(`\xff${'#'.repeat(60)}`, 'latin1'), 2)
    expect(pushed(Buffer.concat([end, error]), [5])).toEqual(Buffer.concat([end, error]))
  })
})
