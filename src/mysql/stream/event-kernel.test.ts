import { describe, expect, it } from 'vitest'
import { compileKernel } from '../../../scripts/build-kernel.ts'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import { crc32, present } from '../../lib/index.ts'
import { encodeEvent } from '../binlog/event.ts'
import { EventType } from '../binlog/event-type.ts'
import { encodePackets } from '../wire/packet.ts'
import { EventKernel, KernelPhase, type KernelStart } from './event-kernel.ts'
import { EVENT_KERNEL_BASE64 } from './event-kernel.wasm.ts'

const POSITION = 2 ** 32 + 1000
const SEQUENCE = 9

/** One transaction of a real source, GTID to XID, with its log_pos as if it began at POSITION. */
function transaction(): Buffer[] {
  const events = eventsOf(fixture('plain.000002'))
  const xid = events.findIndex((event) => event[4] === EventType.XID)
  const gtid = events.findLastIndex((event, index) => index < xid && event[4] === EventType.GTID)
  let end = POSITION
  return events.slice(gtid, xid + 1).map((event) => {
    end += event.length
    return changed(event, (copy) => copy.writeUInt32LE(end % 2 ** 32, 13))
  })
}

/** A copy with a change, and with the checksum that is true again. */
function changed(event: Buffer, change: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(event)
  change(copy)
  const body = copy.length - 4
  copy.writeUInt32LE(crc32(copy.subarray(0, body)), body)
  return copy
}

function rows(changes: Partial<Parameters<typeof encodeEvent>[0]> = {}, size = 50): Buffer {
  return encodeEvent({
    type: EventType.WRITE_ROWS,
    timestamp: 1234,
    serverId: 1,
    logPos: (POSITION % 2 ** 32) + size + 23,
    flags: 0,
    body: Buffer.alloc(size, 7),
    checksum: true,
    ...changes,
  })
}

function packetsOf(events: readonly Buffer[], marker = [0]): Buffer {
  const packets = events.map((event, index) =>
    encodePackets(Buffer.concat([Buffer.from(marker), event]), (SEQUENCE + index) & 255),
  )
  return Buffer.concat(packets)
}

function flipped(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes)
  copy[at] = (copy[at] ?? 0) ^ 1
  return copy
}

function taken(
  input: Buffer,
  start: Partial<KernelStart> = {},
): { count: number; kernel: EventKernel } {
  const kernel = new EventKernel()
  input.copy(kernel.input)
  const count = kernel.take({
    at: 0,
    end: input.length,
    used: 0,
    crc: 0,
    position: POSITION,
    sequence: SEQUENCE,
    phase: KernelPhase.foreignStatements,
    markerBytes: 1,
    ...start,
  })
  return { count, kernel }
}

describe('EventKernel', () => {
  it('is what assembly/plain-events.ts compiles to', async () => {
    expect(await compileKernel()).toBe(EVENT_KERNEL_BASE64)
  })

  it('takes a plain row event and says where it stopped', () => {
    const input = packetsOf([rows()])
    const { count, kernel } = taken(Buffer.concat([input, input]))
    expect(count).toBe(1)
    expect(kernel.inputAt).toBe(input.length)
    expect(kernel.outputUsed).toBe(input.length - 5)
    expect(kernel.newestTimestamp).toBe(1234)
    expect(kernel.output.subarray(0, kernel.outputUsed).equals(input.subarray(5))).toBe(true)
    expect(kernel.boundary).toBeUndefined()
  })

  it('takes a whole transaction, with its GTID and its end', () => {
    const events = transaction()
    const { count, kernel } = taken(packetsOf(events), { phase: KernelPhase.outside })
    expect(count).toBe(events.length)
    expect(kernel.phase).toBe(KernelPhase.outside)
    expect(kernel.boundary).toBe(Buffer.concat(events).length)
    const gtid = present(events[0], 'GTID event')
    const gno = gtid.readBigUInt64LE(36)
    const [run, ...more] = kernel.runs()
    expect(run).toMatchObject({ first: gno, last: gno })
    expect(present(run, 'run').uuid.replaceAll('-', '')).toBe(gtid.toString('hex', 20, 36))
    expect(more).toEqual([])
  })

  it('keeps what it knows of a transaction that it has not seen the end of', () => {
    const events = transaction()
    const begun = taken(packetsOf(events.slice(0, 2)), { phase: KernelPhase.outside })
    expect(begun.kernel.phase).toBe(KernelPhase.statements)
    expect(begun.kernel.open.gno).toBe(present(events[0], 'GTID event').readBigUInt64LE(36))
    expect(begun.kernel.open.end).toBe(POSITION + Buffer.concat(events).length)
    expect([...begun.kernel.runs()]).toEqual([])
  })

  it('leaves an XID to the caller that only the caller knows the GTID of', () => {
    const xid = present(transaction().at(-1), 'XID')
    const alone = changed(xid, (copy) => {
      copy.writeUInt32LE((POSITION + copy.length) % 2 ** 32, 13)
    })
    expect(taken(packetsOf([alone])).count).toBe(0)
  })

  it('leaves a transaction to the caller that ends where its GTID event does not say', () => {
    const events = transaction()
    const [gtid, begin, ...rest] = events
    // The length is one byte, before the server version and the checksum.
    const wrong = changed(present(gtid, 'GTID event'), (copy) => {
      const at = copy.length - 4 - 4 - 3
      expect(copy[at]).toBe(0xfc)
      copy.writeUInt16LE(copy.readUInt16LE(at + 1) + 1, at + 1)
    })
    const changedEvents = [wrong, present(begin, 'BEGIN'), ...rest]
    const { count } = taken(packetsOf(changedEvents), { phase: KernelPhase.outside })
    expect(count).toBe(events.length - 1)
  })

  it.each([
    ['another type', rows({ type: EventType.QUERY })],
    ['an artificial event', rows({ flags: 0x20 })],
    ['another place', rows({ logPos: 1 })],
  ])('leaves %s alone', (_what, event) => {
    expect(taken(packetsOf([event])).count).toBe(0)
  })

  it.each([
    ['another sequence number', flipped(packetsOf([rows()]), 3)],
    ['another marker', flipped(packetsOf([rows()]), 4)],
    ['a size that is not the packet’s', flipped(packetsOf([rows()]), 5 + 9)],
    ['a packet that is cut', packetsOf([rows()]).subarray(0, -1)],
    ['a cut header', packetsOf([rows()]).subarray(0, 20)],
    ['no input', Buffer.alloc(0)],
  ])('leaves %s alone', (_what, input) => {
    expect(taken(input).count).toBe(0)
  })

  it('tells the CRC-32 of true events of any size, so that a changed one shows', () => {
    let end = POSITION % 2 ** 32
    const events = [0, 1, 7, 200, 511, 512, 513, 70_000, 3, 120_000].map((size) => {
      end += size + 23
      return rows({ logPos: end }, size)
    })
    const input = packetsOf(events)
    const { count, kernel } = taken(input)
    expect(count).toBe(events.length)
    const before = crc32(Buffer.from('before'))
    expect(kernel.crc).toBe(crc32(kernel.output.subarray(0, kernel.outputUsed)))
    const later = taken(input, { crc: before }).kernel
    expect(later.crc).toBe(crc32(later.output.subarray(0, later.outputUsed), before))
    for (const at of [5 + 20, 5 + 22, input.length - 1, input.length - 100_000]) {
      const bad = taken(flipped(input, at))
      expect(bad.count).toBe(events.length)
      const { crc, output, outputUsed } = bad.kernel
      expect(crc).not.toBe(crc32(output.subarray(0, outputUsed)))
    }
  })

  it('reads the marker of semi-sync, and begins the sequence again behind an awaited event', () => {
    const one = packetsOf([rows()], [0, 0xef, 0])
    const { count, kernel } = taken(one, { markerBytes: 3 })
    expect([count, kernel.sequence, kernel.awaited]).toEqual([1, SEQUENCE + 1, undefined])
    const awaited = taken(packetsOf([rows()], [0, 0xef, 1]), { markerBytes: 3 })
    expect([awaited.count, awaited.kernel.sequence]).toEqual([1, 1])
    expect(taken(packetsOf([rows()], [0, 0xee, 0]), { markerBytes: 3 }).count).toBe(0)
    expect(taken(packetsOf([rows()], [0, 0xef, 2]), { markerBytes: 3 }).count).toBe(0)
  })

  it('tells the last end of a transaction that is waited for, and no other place', () => {
    const events = transaction()
    const parts = events.map((event, index) =>
      encodePackets(Buffer.concat([Buffer.from([0, 0xef, 0]), event]), SEQUENCE + index),
    )
    const start = { phase: KernelPhase.outside, markerBytes: 3 }
    expect(taken(Buffer.concat(parts), start).kernel.awaited).toBeUndefined()
    const end = Buffer.concat(events).length
    for (const [index, part] of parts.entries()) {
      part[6] = 1
      const { kernel } = taken(Buffer.concat(parts.slice(0, index + 1)), start)
      const isEnd = index === events.length - 1
      expect([kernel.sequence, kernel.awaited]).toEqual([1, isEnd ? end : undefined])
      part[6] = 0
    }
  })

  it('stops where the output is full', () => {
    const room = new EventKernel().output.length
    const input = packetsOf([rows()])
    expect(taken(input, { used: room - 72 }).count).toBe(0)
    expect(taken(input, { used: room - 73 }).count).toBe(1)
  })
})
