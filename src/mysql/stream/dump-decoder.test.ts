import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import { crc32, ProtocolError } from '../../lib/index.ts'
import { restamp } from '../binlog/checksum.ts'
import { encodeEvent } from '../binlog/event.ts'
import { EventType } from '../binlog/event-type.ts'
import { isPreviousGtids } from '../binlog/previous-gtids.ts'
import { encodeRotate } from '../binlog/rotate.ts'
import { GtidSet } from '../gtid/gtid-set.ts'
import { IdleKernel } from '../testing/idle-kernel.ts'
import { encodePackets } from '../wire/packet.ts'
import { DumpDecoder, type DumpStep } from './dump-decoder.ts'
import { ChecksumError } from './event-checksum.ts'
import { EventKernel, READ_BYTES } from './event-kernel.ts'

const FIXTURES = [
  'plain.000002',
  'tagged-gtids.000003',
  'compressed-trx.000004',
  'ddl-xa.000005',
  'mariadb-kinds.000001',
]

const MARKER = Buffer.from([0])

/** The packets of a dump, made by the simple framing of the wire codec. */
function streamOf(events: readonly Buffer[]): Buffer {
  let sequence = 1
  const packets = events.map((event) => {
    const packet = encodePackets(Buffer.concat([MARKER, event]), sequence)
    sequence += Math.floor((event.length + 1) / 0xff_ff_ff) + 1
    return packet
  })
  return Buffer.concat(packets)
}

/** The same as a source sends it with semi-synchronous replication: it waits behind each XID. */
function semiSyncStreamOf(events: readonly Buffer[], isAwaited = endsTransaction): Buffer {
  let sequence = 1
  const packets = events.map((event) => {
    const awaited = isAwaited(event)
    const payload = Buffer.concat([Buffer.from([0, 0xef, awaited ? 1 : 0]), event])
    const packet = encodePackets(payload, sequence)
    sequence += Math.floor(payload.length / 0xff_ff_ff) + 1
    if (awaited) sequence = 1
    return packet
  })
  return Buffer.concat(packets)
}

function endsTransaction(event: Buffer): boolean {
  return event[4] === EventType.XID || event[4] === EventType.TRANSACTION_PAYLOAD
}

function rotateTo(file: string, position: bigint): Buffer {
  const checksum = 'CRC32' as const
  return encodeRotate({
    file,
    position,
    serverId: 1,
    timestamp: 0,
    logPos: 0,
    flags: 0x20,
    checksum,
  })
}

interface Seen {
  bytes: Buffer
  boundary: number
  gtids: string
  controls: number[]
  /** the last place of each piece that the source waits for */
  awaited: number[]
  ended: boolean
}

interface DecodeOptions {
  readonly relocateTo?: number
  readonly semiSync?: boolean
  readonly kernel?: EventKernel
}

function decode(
  parts: readonly Buffer[],
  start: number,
  { relocateTo, semiSync = false, kernel = new EventKernel() }: DecodeOptions = {},
): Seen {
  const seen: Buffer[] = []
  const gtids = GtidSet.empty()
  const controls: number[] = []
  const awaited: number[] = []
  let boundary = start
  let next = relocateTo ?? start
  let ended = false
  const decoder = new DumpDecoder({
    kernel,
    checksum: 'CRC32',
    start,
    semiSync,
    relocate: relocateTo !== undefined,
  })
  const take = (step: DumpStep): void => {
    if (step.kind === 'end') ended = true
    else if (step.kind === 'piece') {
      const { piece } = step
      expect(piece.start).toBe(next)
      expect(piece.crc).toBe(crc32(piece.bytes))
      next += piece.bytes.length
      seen.push(Buffer.from(piece.bytes))
      boundary = piece.boundary
      if (piece.gtids !== undefined) gtids.addAll(piece.gtids)
      if (piece.awaited !== undefined) awaited.push(piece.awaited.position)
    } else {
      controls.push(step.event[4] ?? 0)
      if (relocateTo !== undefined && isPreviousGtids(step.event[4] ?? 0)) {
        decoder.place({ position: relocateTo, mirrors: false, nextName: (name) => name })
      }
    }
  }
  for (const part of reads(parts)) {
    decoder.feed(part)
    for (let step = decoder.next(); step !== undefined; step = decoder.next()) take(step)
  }
  const bytes = Buffer.concat(seen)
  return { bytes, boundary, gtids: gtids.toString(), controls, awaited, ended }
}

/** As a socket gives them. */
function* reads(parts: readonly Buffer[]): Generator<Buffer> {
  for (const part of parts) {
    for (let at = 0; at < part.length; at += READ_BYTES) yield part.subarray(at, at + READ_BYTES)
  }
}

function cut(stream: Buffer, places: readonly number[]): Buffer[] {
  const sorted = [0, ...places.map((place) => place % stream.length), stream.length]
  sorted.sort((a, b) => a - b)
  return sorted.slice(1).map((end, i) => Buffer.from(stream.subarray(sorted[i], end)))
}

/** A row event of any size; its content does not matter to the decoder. */
function rows(logPos: number, size: number): Buffer {
  return encodeEvent({
    type: EventType.WRITE_ROWS,
    timestamp: 7,
    serverId: 1,
    logPos,
    flags: 0,
    body: Buffer.alloc(size, 0x5a),
    checksum: true,
  })
}

/** What comes out, or the words of the error. */
function outcome(parts: readonly Buffer[], options: DecodeOptions): Seen | string {
  try {
    return decode(parts, 4, options)
  } catch (error) {
    if (!(error instanceof ProtocolError)) throw error
    return error.message
  }
}

describe('the kernel and the TypeScript path', () => {
  const streams = FIXTURES.map((name) => [rotateTo(name, 4n), ...eventsOf(fixture(name))])

  it.each([false, true])('give the same of any stream and split, semi-sync %s', (semiSync) => {
    const makers = streams.map((events) => (semiSync ? semiSyncStreamOf(events) : streamOf(events)))
    fc.assert(
      fc.property(
        fc.constantFrom(...makers),
        fc.array(fc.nat(), { maxLength: 12 }),
        (stream, places) => {
          const parts = cut(stream, places)
          const plain = outcome(parts, { semiSync, kernel: new IdleKernel() })
          expect(outcome(parts, { semiSync })).toEqual(plain)
        },
      ),
      { numRuns: 60 },
    )
  })

  it('name the same wrong byte', () => {
    fc.assert(
      fc.property(
        fc.constantFrom(...streams),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        (events, at, change) => {
          const stream = streamOf(events)
          const place = at % stream.length
          stream[place] = (stream[place] ?? 0) ^ change
          const seen = outcome([stream], {})
          const plain = outcome([stream], { kernel: new IdleKernel() })
          expect(typeof seen).toBe(typeof plain)
          if (typeof plain === 'string' && plain.includes('checksum')) expect(seen).toBe(plain)
        },
      ),
      { numRuns: 400 },
    )
  })
})

describe('DumpDecoder', () => {
  it.each(FIXTURES)('gives back the bytes of %s, with its end as the boundary', (name) => {
    const file = fixture(name)
    const seen = decode([streamOf([rotateTo(name, 4n), ...eventsOf(file)])], 4)
    expect(seen.bytes.equals(file.subarray(4))).toBe(true)
    expect(seen.boundary).toBe(file.length)
    expect(seen.controls).toEqual([EventType.ROTATE])
  })

  it('gives the same bytes, boundary and GTIDs for any split of the input', () => {
    const file = fixture('tagged-gtids.000003')
    const stream = streamOf([rotateTo('tagged', 4n), ...eventsOf(file)])
    const whole = decode([stream], 4)
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length }), { maxLength: 60 }), (places) => {
        const seen = decode(cut(stream, places), 4)
        expect(seen.bytes.equals(whole.bytes)).toBe(true)
        expect(seen.boundary).toBe(whole.boundary)
      }),
      { numRuns: 100 },
    )
    const bytewise = cut(stream, [...stream.keys()])
    expect(decode(bytewise, 4).bytes.equals(whole.bytes)).toBe(true)
  })

  it.each(FIXTURES)('gives the same of %s marked for semi-sync, for any split', (name) => {
    const file = fixture(name)
    const events = [rotateTo(name, 4n), ...eventsOf(file)]
    const stream = semiSyncStreamOf(events)
    const ends = eventsOf(file).filter(endsTransaction)
    fc.assert(
      fc.property(fc.array(fc.nat({ max: stream.length }), { maxLength: 40 }), (places) => {
        const seen = decode(cut(stream, places), 4, { semiSync: true })
        expect(seen.bytes.equals(file.subarray(4))).toBe(true)
        expect(seen.boundary).toBe(file.length)
      }),
      { numRuns: 25 },
    )
    const seen = decode(cut(stream, [...stream.keys()]), 4, { semiSync: true })
    expect(seen.bytes.equals(file.subarray(4))).toBe(true)
    // Byte by byte, every event has a piece of its own.
    expect(seen.awaited).toEqual(ends.map((end) => end.readUInt32LE(13)))
  })

  it('begins the sequence again behind the last packet of a large event that is asked for inside a transaction', () => {
    const head = eventsOf(fixture('large-trx.000006'))
    const before = head.slice(0, 2 + head.findIndex((event) => event[4] === EventType.GTID))
    const end = 4 + Buffer.concat(before).length
    const large = rows(end + 17_000_023, 17_000_000)
    const small = rows(end + 17_000_023 + 123, 100)
    const events = [...before, large, small]
    const stream = semiSyncStreamOf([rotateTo('large', 4n), ...events], (event) => event === large)
    for (const places of [[], [16_777_000], [17_000_000]]) {
      const seen = decode(cut(stream, places), 4, { semiSync: true })
      expect(seen.bytes.equals(Buffer.concat(events))).toBe(true)
      expect(seen.awaited).toEqual([])
    }
  })

  it('refuses a semi-sync event without its mark, and a sequence that goes on behind an awaited one', () => {
    const events = [rotateTo('plain', 4n), ...eventsOf(fixture('plain.000002'))]
    expect(() => decode([streamOf(events)], 4, { semiSync: true })).toThrow(/left out what marks/)
    const wrong = semiSyncStreamOf(events)
    const xid = events.findIndex(endsTransaction)
    const at = semiSyncStreamOf(events.slice(0, xid + 1)).length
    expect(wrong[at + 3]).toBe(1)
    wrong[at + 3] = xid + 2
    expect(() => decode([wrong], 4, { semiSync: true })).toThrow(/where 1 is next/)
  })

  it('keeps the boundary before a transaction that has not ended', () => {
    const file = fixture('plain.000002')
    const events = eventsOf(file)
    const xid = events.findIndex((event) => event[4] === EventType.XID)
    const gtid = events.findLastIndex((event, i) => i < xid && event[4] === EventType.GTID)
    const begin = 4 + Buffer.concat(events.slice(0, gtid)).length
    const seen = decode([streamOf([rotateTo('plain', 4n), ...events.slice(0, xid)])], 4)
    expect(seen.boundary).toBe(begin)
  })

  it('continues in the middle of a file and leaves out the first FORMAT_DESCRIPTION', () => {
    const file = fixture('plain.000002')
    const events = eventsOf(file)
    const start = 4 + Buffer.concat(events.slice(0, 2)).length
    const format = Buffer.from(events[0] ?? [])
    const parts = [rotateTo('plain', BigInt(start)), format, ...events.slice(2)]
    const seen = decode([streamOf(parts)], start)
    expect(seen.bytes.equals(file.subarray(start))).toBe(true)
    expect(seen.controls).toEqual([EventType.ROTATE, EventType.FORMAT_DESCRIPTION])
  })

  it('passes events of 16 MiB and more, also of exactly a packet, split anywhere', () => {
    const head = eventsOf(fixture('large-trx.000006'))
    const gtid = head.findIndex((event) => event[4] === EventType.GTID)
    const before = head.slice(0, gtid)
    let end = 4 + Buffer.concat(before).length
    const sizes = [0xff_ff_ff - 24, 0xff_ff_ff - 23, 2 * 0xff_ff_ff - 24, 20_000_000, 300_000]
    const large = sizes.map((size) => {
      end += size + 23
      return rows(end, size)
    })
    const opened = [...before, ...large]
    const stream = streamOf([rotateTo('large', 4n), ...opened])
    const whole = Buffer.concat(opened)
    for (const places of [[], [100_003], [1, 17_000_000, 17_000_001, 33_600_000]]) {
      expect(decode(cut(stream, places), 4).bytes.equals(whole)).toBe(true)
    }
  })

  it('refuses an event whose checksum is wrong, small or large', () => {
    const file = fixture('plain.000002')
    const events = eventsOf(file).map((event) => Buffer.from(event))
    const end = 4 + Buffer.concat(events.slice(0, 2)).length
    for (const size of [100, 300_000]) {
      const bad = rows(end + size + 23, size)
      bad[bad.length - 10] = 0
      const stream = streamOf([rotateTo('plain', 4n), ...events.slice(0, 2), bad])
      expect(() => decode([stream], 4)).toThrow(ChecksumError)
    }
  })

  it('refuses a packet out of sequence, an event at another place, and one of another size', () => {
    const events = eventsOf(fixture('plain.000002')).map((event) => Buffer.from(event))
    const rotate = rotateTo('plain', 4n)
    const shifted = streamOf([rotate, ...events])
    shifted[3] = 9
    expect(() => decode([shifted], 4)).toThrow(ProtocolError)
    expect(() => decode([streamOf([rotate, ...events.toSpliced(2, 1)])], 4)).toThrow(/ends at/)
    const resized = streamOf([rotate, ...events])
    resized.writeUInt32LE(20, 4 + 1 + 9)
    expect(() => decode([resized], 4)).toThrow(/says 20 bytes/)
  })

  it('rewrites log_pos and checksum when relocating, and nothing else', () => {
    const file = fixture('plain.000002')
    const events = eventsOf(file)
    const seen = decode([streamOf([rotateTo('plain', 4n), ...events])], 4, { relocateTo: 1000 })
    const moved = eventsOf(Buffer.concat([Buffer.alloc(4), seen.bytes]))
    const stored = events.filter((event) => event[4] !== 15 && event[4] !== 35)
    expect(moved.length).toBe(stored.length)
    let end = 1000
    for (const [i, event] of moved.entries()) {
      end += event.length
      expect(event.readUInt32LE(13)).toBe(end)
      expect(crc32(event.subarray(0, -4))).toBe(event.readUInt32LE(event.length - 4))
      expect(event.subarray(17, -4).equals(stored[i]?.subarray(17, -4) ?? Buffer.alloc(0))).toBe(
        true,
      )
    }
  })

  it('refuses a transaction of MariaDB whose number does not grow', () => {
    const events = eventsOf(fixture('mariadb-kinds.000001'))
    const [format, list, , gtid1, query1, gtid2, query2] = events.map((event) => Buffer.from(event))
    const streamWith = (...transactions: (Buffer | undefined)[]): Buffer =>
      streamOf(
        [rotateTo('binlog', 4n), format, list, ...transactions].flatMap((event) => event ?? []),
      )
    const inPlaces = (events: (Buffer | undefined)[]): Buffer[] => {
      let end = 4 + (format?.length ?? 0) + (list?.length ?? 0)
      return events.flatMap((event = Buffer.alloc(0)) => {
        end += event.length
        event.writeUInt32LE(end, 13)
        restamp(event)
        return event
      })
    }
    const growing = streamWith(...inPlaces([gtid1, query1, gtid2, query2]))
    expect(decode([growing], 4, { relocateTo: 1000 }).gtids).toBe('0-11-2')
    const falling = streamWith(...inPlaces([gtid2, query2, gtid1, query1]))
    expect(() => decode([falling], 4, { relocateTo: 1000 })).toThrow(/0-11-1 comes when its turn/)
  })

  it('refuses a next file that would begin elsewhere than at its first event', () => {
    const events = eventsOf(fixture('plain.000002'))
    const stream = streamOf([rotateTo('plain', 4n), ...events, rotateTo('next', 100n)])
    expect(() => decode([stream], 4)).toThrow(/next file at position 100/)
  })

  it('refuses a FORMAT_DESCRIPTION that is not in the file, once the file has begun', () => {
    const events = eventsOf(fixture('plain.000002'))
    const format = encodeEvent({
      type: EventType.FORMAT_DESCRIPTION,
      timestamp: 0,
      serverId: 1,
      logPos: 0,
      flags: 0x20,
      body: events[0]?.subarray(19, -4) ?? Buffer.alloc(0),
      checksum: true,
    })
    const stream = streamOf([rotateTo('plain', 4n), ...events, format])
    expect(() => decode([stream], 4)).toThrow(/stands in no file/)
    expect(() => decode([stream], 4, { relocateTo: 1000 })).toThrow(/stands in no file/)
  })

  it('refuses what is to be relocated before it is known where to', () => {
    const [format, , ...events] = eventsOf(fixture('plain.000002'))
    const stream = streamOf([rotateTo('plain', 4n), ...events, format ?? Buffer.alloc(0)])
    expect(() => decode([stream], 4, { relocateTo: 1000 })).toThrow(/before the head/)
  })

  it('tells the end of the dump, and takes nothing behind it', () => {
    const stream = streamOf([rotateTo('plain', 4n)])
    const eof = Buffer.from([5, 0, 0, 2, 0xfe, 0, 0, 2, 0])
    const seen = decode([Buffer.concat([stream, eof, Buffer.from('junk')])], 4)
    expect(seen.ended).toBe(true)
  })
})
