import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { eventsOf, fixture } from '../../../test/captured-files.ts'
import { restamp } from '../binlog/checksum.ts'
import { encodeEvent } from '../binlog/event.ts'
import { EventType } from '../binlog/event-type.ts'
import { isPreviousGtids } from '../binlog/previous-gtids.ts'
import { encodeRotate } from '../binlog/rotate.ts'
import { encodeGtidEvent } from '../testing/gtid-events.ts'
import { IdleKernel } from '../testing/idle-kernel.ts'
import { encodePackets } from '../wire/packet.ts'
import { DumpDecoder } from './dump-decoder.ts'
import { EventKernel, READ_BYTES } from './event-kernel.ts'
import type { AwaitedEnd } from './piece-builder.ts'

const ORIGIN = '3e11fa47-71ca-11e1-9e33-c80aa9429562'
const ARTIFICIAL = 0x20
/** A file that does not mirror the source's: where its first event from there begins. */
const MOVED_START = 1000

interface SourceEvent {
  readonly event: Buffer
  /** the file lies between transactions behind it */
  readonly isBetween: boolean
  readonly isAsked: boolean
  /** the source has it in its file and does not send it */
  readonly isLeftOut: boolean
}

interface Piece {
  readonly start: number
  readonly end: number
  readonly awaited: AwaitedEnd | undefined
}

function encoded(type: number, body: Buffer, flags = 0): Buffer {
  return encodeEvent({ type, timestamp: 7, serverId: 1, logPos: 0, flags, body, checksum: true })
}

function query(text: string): Buffer {
  return encoded(EventType.QUERY, Buffer.concat([Buffer.alloc(13 + 1), Buffer.from(text)]))
}

function rotate(file: string, flags: number): Buffer {
  const position = 4n
  const fields = { serverId: 1, timestamp: 0, logPos: 0, flags, checksum: 'CRC32' } as const
  return encodeRotate({ file, position, ...fields })
}

const rows = (size: number): Buffer => encoded(EventType.WRITE_ROWS, Buffer.alloc(size, 1))
const begin = query('BEGIN')
const xid = encoded(EventType.XID, Buffer.alloc(8, 1))
const TRANSACTIONS = {
  plain: [begin, rows(30), xid],
  long: [begin, rows(30), rows(90_000), rows(30), rows(90_000), xid],
  'in parts': [begin, rows(140_000), rows(30), xid],
  statement: [query('CREATE TABLE t (id INT)')],
  compressed: [encoded(EventType.TRANSACTION_PAYLOAD, Buffer.alloc(60, 1))],
  'compressed in parts': [encoded(EventType.TRANSACTION_PAYLOAD, Buffer.alloc(300_000, 1))],
} as const

function gtidOf(gno: bigint): Buffer {
  return encodeGtidEvent({
    gtid: { origin: ORIGIN, gno },
    lastCommitted: 0n,
    sequenceNumber: 1n,
    immediateCommitMicros: 1n,
    originalCommitMicros: 1n,
    transactionLength: 0,
  })
}

type Kind = keyof typeof TRANSACTIONS

interface Transaction {
  readonly kind: Kind
  readonly isEndAsked: boolean
  /** also what lies inside, as a source asks that does not wait */
  readonly isAllAsked: boolean
  readonly isLeftOut: boolean
}

const KINDS: Kind[] = ['plain', 'plain', 'plain', 'plain', ...(Object.keys(TRANSACTIONS) as Kind[])]
const transactions: fc.Arbitrary<Transaction[]> = fc.array(
  fc.record({
    kind: fc.constantFrom(...KINDS),
    isEndAsked: fc.boolean(),
    isAllAsked: fc.boolean(),
    isLeftOut: fc.boolean(),
  }),
  { minLength: 1, maxLength: 12 },
)

/** A file of a source: a head, these transactions, and a ROTATE, each event at its place. */
function fileOf(made: readonly Transaction[], isRotateAsked: boolean): SourceEvent[] {
  const between = { isBetween: true, isAsked: false, isLeftOut: false }
  const head = eventsOf(fixture('plain.000002')).slice(0, 2)
  const events = [
    ...head.map((event) => ({ event, ...between })),
    ...made.flatMap(({ kind, isEndAsked, isAllAsked, isLeftOut }, index) => {
      const parts = [gtidOf(BigInt(index + 1)), ...TRANSACTIONS[kind]]
      return parts.map((event, at) => {
        const isBetween = at === parts.length - 1
        return { event, isBetween, isAsked: isAllAsked || (isBetween && isEndAsked), isLeftOut }
      })
    }),
    { event: rotate('source.000003', 0), ...between, isAsked: isRotateAsked },
  ]
  let end = 4
  return events.map((one) => {
    const event = Buffer.from(one.event)
    end += event.length
    event.writeUInt32LE(end, 13)
    restamp(event)
    return { ...one, event }
  })
}

/** What the source sends of it. */
function streamOf(events: readonly SourceEvent[]): Buffer {
  let sequence = 1
  const named = { event: rotate('source.000002', ARTIFICIAL), isAsked: false, isLeftOut: false }
  const sent = [named, ...events].filter(({ isLeftOut }) => !isLeftOut)
  const packets = sent.map(({ event, isAsked }) => {
    const marked = Buffer.concat([Buffer.from([0, 0xef, isAsked ? 1 : 0]), event])
    const packet = encodePackets(marked, sequence)
    sequence = isAsked ? 1 : (sequence + 1) % 256
    return packet
  })
  return Buffer.concat(packets)
}

/** All that may be acknowledged. */
function endsOf(events: readonly SourceEvent[], relocate: boolean): AwaitedEnd[] {
  let position = relocate ? MOVED_START : 4
  return events.slice(relocate ? 2 : 0).flatMap(({ event, isBetween, isAsked, isLeftOut }) => {
    if (isLeftOut) return []
    const isNamed = relocate && event[4] === EventType.ROTATE
    position += isNamed ? rotate(nextName('source.000003'), 0).length : event.length
    return isBetween && isAsked ? [{ position, sourcePosition: event.readUInt32LE(13) }] : []
  })
}

const nextName = (file: string): string => `another-name-for-${file}`

interface DecodeOptions {
  readonly relocate: boolean
  readonly kernel: EventKernel
}

function piecesOf(stream: Buffer, places: readonly number[], options: DecodeOptions): Piece[] {
  const pieces: Piece[] = []
  const decoder = new DumpDecoder({ ...options, checksum: 'CRC32', start: 4, semiSync: true })
  const cuts = [...places.map((place) => place % stream.length), stream.length]
  for (let at = READ_BYTES; at < stream.length; at += READ_BYTES) cuts.push(at)
  let from = 0
  for (const to of cuts.sort((one, other) => one - other)) {
    decoder.feed(stream.subarray(from, to))
    from = to
    for (let step = decoder.next(); step !== undefined; step = decoder.next()) {
      if (step.kind === 'piece') {
        const { start, bytes, awaited } = step.piece
        pieces.push({ start, end: start + bytes.length, awaited })
      }
      if (step.kind === 'control' && isPreviousGtids(step.event[4] ?? 0)) {
        decoder.place({ position: MOVED_START, mirrors: false, nextName })
      }
    }
  }
  return pieces
}

describe('what a piece says the source waits for', () => {
  it.each([
    ['the kernel', EventKernel, false],
    ['the kernel, in another file,', EventKernel, true],
    ['the TypeScript path', IdleKernel, false],
    ['the TypeScript path, in another file,', IdleKernel, true],
  ])('%s gives the last end in it that was asked for, at both places', (_, Kernel, relocate) => {
    fc.assert(
      fc.property(
        transactions,
        fc.boolean(),
        fc.array(fc.nat(), { maxLength: 8 }),
        (made, isRotateAsked, places) => {
          const events = fileOf(
            made.map((one) => ({ ...one, isLeftOut: relocate && one.isLeftOut })),
            isRotateAsked,
          )
          const ends = endsOf(events, relocate)
          const pieces = piecesOf(streamOf(events), places, { relocate, kernel: new Kernel() })
          expect(pieces.length).toBeGreaterThan(0)
          for (const { start, end, awaited } of pieces) {
            const last = ends.findLast(({ position }) => position > start && position <= end)
            expect(awaited).toEqual(last)
          }
        },
      ),
      { numRuns: 80 },
    )
  })
})
