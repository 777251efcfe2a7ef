import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodePackets, PacketReader, PHYSICAL_PAYLOAD_MOST } from './packet.ts'

const LIMIT = 64 * 1024 * 1024

function readAll(chunks: readonly Buffer[], limit = LIMIT): Array<readonly [Buffer, number]> {
  const found: Array<readonly [Buffer, number]> = []
  const reader = new PacketReader({ limit })
  for (const chunk of chunks) {
    reader.push(chunk, (payload, sequence) => {
      found.push([payload, sequence])
      return undefined
    })
  }
  return found
}

describe('packet framing', () => {
  test('any split of the bytes gives the same payloads and sequence numbers', () => {
    const payloads = fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1, maxLength: 6 })
    const cuts = fc.array(fc.nat(300))
    fc.assert(
      fc.property(payloads, cuts, (wanted, cutsAt) => {
        const bytes = Buffer.concat(wanted.map((payload, index) => encodePackets(payload, index)))
        const edges = [0, ...cutsAt.map((cut) => cut % (bytes.length + 1)), bytes.length]
        edges.sort((left, right) => left - right)
        const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
        expect(readAll(chunks).map(([payload]) => payload.toString('hex'))).toEqual(
          wanted.map((payload) => Buffer.from(payload).toString('hex')),
        )
        expect(readAll(chunks).map(([, sequence]) => sequence)).toEqual(wanted.map((_, at) => at))
      }),
    )
  })

  test.each([
    [PHYSICAL_PAYLOAD_MOST - 1, 1],
    [PHYSICAL_PAYLOAD_MOST, 2],
    [PHYSICAL_PAYLOAD_MOST + 1, 2],
    [2 * PHYSICAL_PAYLOAD_MOST, 3],
  ])('a payload of %i bytes travels in %i physical packets and comes back whole', (size, count) => {
    const payload = Buffer.alloc(size, 0x61)
    const bytes = encodePackets(payload, 0)
    expect(bytes.length).toBe(size + count * 4)
    const found = readAll([bytes.subarray(0, 1000), bytes.subarray(1000)])
    expect(found).toHaveLength(1)
    expect(found[0]?.[0].equals(payload)).toBe(true)
    expect(found[0]?.[1]).toBe(count - 1)
  })

  test('a payload over the limit is refused at its header, before its bytes come', () => {
    const header = Buffer.from('01010000', 'hex')
    expect(() => readAll([header], 256)).toThrow(/packet of 257 bytes is over the limit of 256/)
  })

  test('the limit counts all physical packets of one payload', () => {
    const bytes = encodePackets(Buffer.alloc(PHYSICAL_PAYLOAD_MOST + 10), 0)
    expect(() => readAll([bytes], PHYSICAL_PAYLOAD_MOST + 9)).toThrow(/over the limit/)
  })

  test('a sequence number out of order is refused', () => {
    const bytes = Buffer.concat([
      encodePackets(Buffer.from('a'), 0),
      encodePackets(Buffer.from('b'), 2),
    ])
    expect(() => readAll([bytes])).toThrow('packet has sequence number 2 instead of 1')
  })

  test('sequence numbers wrap from 255 to 0', () => {
    const reader = new PacketReader({ limit: 10, firstSequence: 255 })
    const seen: number[] = []
    const bytes = Buffer.concat([
      encodePackets(Buffer.from('a'), 255),
      encodePackets(Buffer.from('b'), 0),
    ])
    reader.push(bytes, (_, sequence) => {
      seen.push(sequence)
      return undefined
    })
    expect(seen).toEqual([255, 0])
  })

  test('a stop leaves the bytes after that packet unread', () => {
    const reader = new PacketReader({ limit: 10 })
    const bytes = Buffer.concat([encodePackets(Buffer.from('a'), 0), Buffer.from('tls')])
    expect(reader.push(bytes, () => 'stop').toString()).toBe('tls')
    expect(reader.idle).toBe(true)
  })

  test('the bytes may be used again after each push, before the payload is whole', () => {
    const bytes = encodePackets(Buffer.from('some words'), 0)
    const reader = new PacketReader({ limit: 100 })
    const seen: string[] = []
    for (let at = 0; at < bytes.length; at += 3) {
      const part = Buffer.from(bytes.subarray(at, at + 3))
      reader.push(part, (payload) => {
        seen.push(payload.toString())
        return undefined
      })
      part.fill(0)
    }
    expect(seen).toEqual(['some words'])
  })

  test('a payload that comes byte by byte takes no more memory than one that comes whole', () => {
    const reader = new PacketReader({ limit: LIMIT })
    reader.push(Buffer.from('ffffff00', 'hex'), () => undefined)
    const before = process.memoryUsage()
    for (let count = 0; count < 500_000; count += 1) reader.push(Buffer.of(7), () => undefined)
    const after = process.memoryUsage()
    expect(reader.idle).toBe(false)
    expect(after.arrayBuffers - before.arrayBuffers).toBeLessThan(16 * 1024 * 1024)
    expect(after.heapUsed - before.heapUsed).toBeLessThan(64 * 1024 * 1024)
  })

  test('an unfinished packet shows as not idle', () => {
    const reader = new PacketReader({ limit: 10 })
    reader.push(Buffer.from('0200000061', 'hex'), () => undefined)
    expect(reader.idle).toBe(false)
  })
})
