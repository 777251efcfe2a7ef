import * as fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import { ProtocolError } from '../../lib/index.ts'
import { encodePackets, PacketReader } from '../wire/packet.ts'
import { DumpFramer, framingBytesMax } from './dump-framer.ts'

const MAGIC_SIZE = 4
const FILES = ['plain.000002', 'tagged-gtids.000003', 'large-trx.000006', 'compressed-trx.000004']

/** The events of a file, without what stands before them. */
function contentOf(name: string): Buffer {
  return fixture(name).subarray(MAGIC_SIZE)
}

function event(size: number): Buffer {
  const bytes = Buffer.alloc(size, 0xab)
  bytes.writeUInt32LE(size, 9)
  return bytes
}

/** The simple twin: one event at a time, everything in memory. */
function framedSimply(file: Buffer, firstSequence: number): Buffer {
  let sequence = firstSequence
  return Buffer.concat(
    eventsOf(file, 0).map((event) => {
      const payload = Buffer.concat([Buffer.of(0), event])
      const packets = encodePackets(payload, sequence)
      sequence += Math.floor(payload.length / 0xff_ff_ff) + 1
      return packets
    }),
  )
}

function framed(framer: DumpFramer, piece: Buffer): Buffer {
  const room = framingBytesMax(piece.length)
  const buffer = Buffer.alloc(room + piece.length)
  piece.copy(buffer, room)
  return buffer.subarray(0, framer.frame(buffer, room, buffer.length, 0))
}

function cutAt(file: Buffer, cuts: number[]): Buffer[] {
  const bounds = [0, ...cuts.map((cut) => cut % file.length).sort((a, b) => a - b), file.length]
  return bounds.slice(1).map((end, index) => file.subarray(bounds[index], end))
}

/** As `framedSimply`, of a semi-sync dump in which the event that ends at `awaited` in the file is waited for. */
function markedSimply(file: Buffer, awaited: number): Buffer {
  let sequence = 1
  let end = MAGIC_SIZE
  return Buffer.concat(
    eventsOf(file, 0).map((event) => {
      end += event.length
      const waits = end === awaited
      const payload = Buffer.concat([Buffer.of(0, 0xef, waits ? 1 : 0), event])
      const packets = encodePackets(payload, sequence)
      sequence = waits ? 1 : sequence + Math.floor(payload.length / 0xff_ff_ff) + 1
      return packets
    }),
  )
}

describe('DumpFramer', () => {
  it('marks every event of a semi-sync dump, and begins again behind the one that is waited for', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FILES),
        fc.array(fc.nat(200_000), { maxLength: 60 }),
        fc.nat(1000),
        (name, cuts, chosen) => {
          const file = contentOf(name)
          const events = eventsOf(file, 0)
          const before = events.slice(0, (chosen % events.length) + 1)
          const awaited = MAGIC_SIZE + before.reduce((sum, { length }) => sum + length, 0)
          const framer = new DumpFramer(1, true)
          let position = MAGIC_SIZE
          const packets = cutAt(file, cuts).map((piece) => {
            framer.awaitAt(position - framingBytesMax(piece.length), awaited)
            position += piece.length
            return framed(framer, piece)
          })
          expect(Buffer.concat(packets).equals(markedSimply(file, awaited))).toBe(true)
        },
      ),
    )
  })

  it('writes what the simple framing of whole events writes, however the file is cut', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...FILES),
        fc.array(fc.nat(200_000), { maxLength: 60 }),
        fc.integer({ min: 0, max: 255 }),
        (name, cuts, sequence) => {
          const file = contentOf(name)
          const framer = new DumpFramer(sequence)
          const packets = cutAt(file, cuts).map((piece) => framed(framer, piece))
          expect(Buffer.concat(packets).equals(framedSimply(file, sequence))).toBe(true)
          expect(framer.betweenEvents).toBe(true)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('goes on in another framer from any saved state', () => {
    const file = contentOf('plain.000002')
    for (let cut = 0; cut <= file.length; cut += 1) {
      const first = new DumpFramer(250)
      const head = framed(first, file.subarray(0, cut))
      const second = new DumpFramer(0)
      second.restore(first.save())
      const whole = Buffer.concat([head, framed(second, file.subarray(cut))])
      expect(whole.equals(framedSimply(file, 250))).toBe(true)
    }
  })

  it('gives packets that join to the events again', () => {
    const file = contentOf('large-trx.000006')
    const seen: Buffer[] = []
    const reader = new PacketReader({ limit: 1 << 24 })
    reader.push(framed(new DumpFramer(0), file), (payload) => {
      seen.push(Buffer.from(payload))
      return undefined
    })
    expect(seen.map((payload) => payload.subarray(1))).toEqual(eventsOf(file, 0))
    expect(seen.every((payload) => payload[0] === 0)).toBe(true)
  })

  it.each([
    0xff_ff_ff - 2,
    0xff_ff_ff - 1,
    0xff_ff_ff,
    2 * 0xff_ff_ff - 1,
    2 * 0xff_ff_ff,
    33_554_276,
  ])('splits an event of %i bytes into packets as the source does', (size) => {
    const file = Buffer.concat([event(40), event(size), event(19)])
    const whole = framed(new DumpFramer(255), file)
    const simple = framedSimply(file, 255)
    expect(whole.equals(simple)).toBe(true)
    const framer = new DumpFramer(255)
    const pieces = cutAt(file, [45, 0xff_ff_ff, 0xff_ff_ff + 39, file.length - 20])
    const parts = pieces.map((piece) => framed(framer, piece))
    expect(Buffer.concat(parts).equals(simple)).toBe(true)
  })

  it('refuses an event that is shorter than its own header', () => {
    const bytes = event(40)
    bytes.writeUInt32LE(18, 9)
    expect(() => framed(new DumpFramer(0), bytes)).toThrow(ProtocolError)
  })
})
