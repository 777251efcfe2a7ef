import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  type CompressedPacket,
  CompressedPacketReader,
  encodeCompressedHeader,
} from './compressed-packet.ts'

const encoded = (packet: CompressedPacket): Buffer =>
  Buffer.concat([encodeCompressedHeader(packet.body.length, packet), packet.body])

function readAll(chunks: readonly Buffer[]): { packets: CompressedPacket[]; idle: boolean } {
  const packets: CompressedPacket[] = []
  const reader = new CompressedPacketReader()
  for (const chunk of chunks) {
    // The socket uses its buffer again.
    const bytes = Buffer.from(chunk)
    for (let found = reader.take(bytes); found !== undefined; found = reader.take(found.rest)) {
      packets.push({ ...found.packet, body: Buffer.from(found.packet.body) })
    }
    bytes.fill(0xee)
  }
  return { packets, idle: reader.idle }
}

const packet = fc.record({
  sequence: fc.integer({ min: 0, max: 255 }),
  contentSize: fc.integer({ min: 0, max: 0xffffff }),
  body: fc.uint8Array({ maxLength: 600 }).map((bytes) => Buffer.from(bytes)),
})

test('compressed packets are read as they were written, however their bytes are split', () => {
  fc.assert(
    fc.property(fc.array(packet, { maxLength: 5 }), fc.array(fc.nat(3000)), (packets, cuts) => {
      const bytes = Buffer.concat(packets.map(encoded))
      const edges = [0, ...cuts.map((cut) => cut % (bytes.length + 1)), bytes.length]
      edges.sort((left, right) => left - right)
      const chunks = edges.slice(1).map((end, index) => bytes.subarray(edges[index], end))
      expect(readAll(chunks)).toEqual({ packets, idle: true })
    }),
  )
})

test('no proper prefix of a packet is taken for one, and none but the empty is idle', () => {
  const whole = encoded({ sequence: 3, contentSize: 87, body: Buffer.from('0123456789') })
  for (let size = 0; size < whole.length; size += 1) {
    const { packets, idle } = readAll([whole.subarray(0, size)])
    expect(packets).toEqual([])
    expect(idle).toBe(size === 0)
  }
})

test('the header of a captured packet is read: 60 bytes that were 87', () => {
  const body = Buffer.alloc(60, 0x78)
  const { packets } = readAll([Buffer.concat([Buffer.from('3c000001570000', 'hex'), body])])
  expect(packets).toEqual([{ sequence: 1, contentSize: 87, body }])
})
