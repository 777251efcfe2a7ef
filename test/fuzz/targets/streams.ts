import { isDeepStrictEqual } from 'node:util'
import { crc32, ProtocolError } from '../../../src/lib/index.ts'
import {
  type AwaitedEnd,
  ChecksumError,
  DumpDecoder,
  DumpFramer,
  type DumpStep,
  EventKernel,
  encodePackets,
  encodeRotate,
  framingBytesMax,
  GtidSet,
  type Piece,
  TaggedGtidHider,
} from '../../../src/mysql/index.ts'
import { IdleKernel } from '../../../src/mysql/testing/idle-kernel.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { EventSkimmer } from '../../../src/source/files/event-skimmer.ts'
import { DumpRefused } from '../../../src/source/source-error.ts'
import { eventsOf, fixture } from '../../captured-files.ts'
import { BINLOG_FIXTURES } from '../corpus.ts'
import { splitAnywhere } from '../mutate.ts'
import { require, type Target } from '../target.ts'
import { restamped } from './events.ts'

const MARKER = Buffer.of(0)
const SEMI_SYNC_MAGIC = 0xef
const START_OF_FILE = 4
const XID = 16

function rotateTo(position: bigint): Buffer {
  const fields = { serverId: 1, timestamp: 0, logPos: 0, flags: 0x20, checksum: 'CRC32' as const }
  return encodeRotate({ ...fields, file: 'binlog.000002', position })
}

/** A dump's packets; a semi-sync dump's where it is known of each event whether the source waits behind it. */
function streamOf(events: readonly Buffer[], awaited?: readonly boolean[]): Buffer {
  let sequence = 1
  const packets = events.map((event, index) => {
    const isAwaited = awaited?.[index] === true
    const marker = awaited === undefined ? MARKER : Buffer.of(0, SEMI_SYNC_MAGIC, isAwaited ? 1 : 0)
    const packet = encodePackets(Buffer.concat([marker, event]), sequence)
    sequence = isAwaited ? 1 : (sequence + 1) & 0xff
    return packet
  })
  return Buffer.concat(packets)
}

/** Behind each XID, and here and there. */
function awaitedOf(events: readonly Buffer[]): boolean[] {
  return events.map((event, index) => event[4] === XID || index % 5 === 3)
}

/** Dumps of whole files, plain and marked for semi-synchronous replication, and what ends a dump. */
function dumps(): Buffer[] {
  const files = BINLOG_FIXTURES.map((name) => [rotateTo(4n), ...eventsOf(fixture(name))])
  const [first = []] = files
  return [
    ...files.map((events) => streamOf(events)),
    ...files.map((events) => streamOf(events, awaitedOf(events))),
    Buffer.concat([streamOf(first), Buffer.from('05000000fe00000200', 'hex')]),
  ]
}

/** The first packet tells it, as far as a mutation lets it. */
function isSemiSync(input: Buffer): boolean {
  return input[5] === SEMI_SYNC_MAGIC
}

/** Packets made whole again: sizes, sequence numbers and checksums are right, whatever the events say. */
function reframed(input: Buffer): Buffer {
  const semiSync = isSemiSync(input)
  const head = semiSync ? 7 : 5
  const events: Buffer[] = []
  const awaited: boolean[] = []
  for (let at = 0; at + head + 19 <= input.length; ) {
    const size = Math.min(Math.max(22, input.readUIntLE(at, 3)), input.length - at - 4)
    events.push(restamped(input.subarray(at + head, at + 4 + size)))
    awaited.push(input[at + 6] === 1)
    at += 4 + size
  }
  return streamOf(events, semiSync ? awaited : undefined)
}

interface Taken {
  bytes: Buffer
  boundary: number
  gtids: string
  /** the last of all pieces */
  awaited: AwaitedEnd | undefined
  refused: boolean
  /** a FORMAT_DESCRIPTION that is not stored has turned checksums off */
  unchecked: boolean
  rotates: number
}

const kernels = { plain: new EventKernel(), idle: new IdleKernel() }

interface DecodeMode {
  readonly relocate: boolean
  readonly semiSync: boolean
  readonly kernel: keyof typeof kernels
}

function decodeDump(pieces: readonly Buffer[], { relocate, semiSync, kernel }: DecodeMode): Taken {
  const parts: Buffer[] = []
  const gtids = GtidSet.empty()
  let next = START_OF_FILE
  let boundary = START_OF_FILE
  let awaited: AwaitedEnd | undefined
  let moved = false
  let unchecked = false
  let rotates = 0
  const decoder = new DumpDecoder({
    kernel: kernels[kernel],
    checksum: 'CRC32',
    start: START_OF_FILE,
    relocate,
    semiSync,
  })
  const takePiece = (piece: Piece): void => {
    require(moved || piece.start === next, 'a piece goes on where the one before it ends')
    require(piece.crc === crc32(piece.bytes), 'the CRC of a piece is that of its bytes')
    require(piece.boundary <= piece.start + piece.bytes.length, 'a boundary lies in what came')
    if (piece.awaited !== undefined) {
      const { position } = piece.awaited
      require(position > piece.start &&
        position <= piece.boundary, 'an awaited end lies in its piece')
      awaited = piece.awaited
    }
    next = piece.start + piece.bytes.length
    boundary = piece.boundary
    moved = false
    parts.push(Buffer.from(piece.bytes))
    if (piece.gtids !== undefined) gtids.addAll(piece.gtids)
  }
  const takeStep = (step: DumpStep): void => {
    if (step.kind === 'piece') takePiece(step.piece)
    if (step.kind !== 'control') return
    const { event } = step
    if (event[4] === 4) {
      moved = true
      rotates += 1
    }
    if (event[4] === 15 && event[event.length - 5] !== 1) unchecked = true
    if (relocate && event[4] === 15) {
      decoder.place({ position: START_OF_FILE, mirrors: false, nextName: (name) => `${name}-ours` })
    }
  }
  let refused = false
  try {
    let ended = false
    for (const piece of pieces) {
      // Nobody reads on behind what ends a dump.
      if (ended) break
      decoder.feed(piece)
      for (let step = decoder.next(); step !== undefined; step = decoder.next()) {
        ended ||= step.kind === 'end'
        takeStep(step)
      }
    }
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    refused = true
  }
  const bytes = Buffer.concat(parts)
  return { bytes, boundary, gtids: gtids.toString(), awaited, refused, unchecked, rotates }
}

/** Whatever was stored in front of an event without a checksum is true events at their places. */
function checkStored(bytes: Buffer, relocate: boolean): void {
  let checked = true
  for (let at = 0; at < bytes.length; ) {
    const size = at + 19 <= bytes.length ? bytes.readUInt32LE(at + 9) : 0
    require(size >= 19, 'only whole headers are stored')
    // The last event may have come in part only.
    if (at + size > bytes.length) return
    const event = bytes.subarray(at, at + size)
    const isFormat = event[4] === 15
    if (checked || isFormat) {
      const crc = size >= 23 ? event.readUInt32LE(size - 4) : -1
      require(crc === crc32(event.subarray(0, -4)), 'only events with a true checksum are stored')
    }
    if (isFormat) checked = event[size - 5] === 1
    at += size
    if (relocate)
      require(event.readUInt32LE(13) === at + START_OF_FILE, 'log_pos is the end of its event')
  }
}

function runDecoder(input: Buffer, random: SeededRandom): void {
  const relocate = random.chance(0.2)
  const mode = { relocate, semiSync: isSemiSync(input), kernel: 'plain' } as const
  const whole = decodeDump([input], mode)
  const twin = decodeDump([input], { ...mode, kernel: 'idle' })
  require(whole.refused === twin.refused, 'the kernel refuses what the TypeScript path refuses')
  if (!twin.refused) {
    require(isDeepStrictEqual(whole, twin), 'the kernel gives what the TypeScript path gives')
  }
  // Only the events of the first file are relocated.
  if (!whole.unchecked) checkStored(whole.bytes, relocate && whole.rotates < 2)
  const split = decodeDump(splitAnywhere(input, random), mode)
  require(whole.refused === split.refused, 'a dump is refused however it is split, or never')
  if (whole.refused) {
    const [short, long] = [whole.bytes, split.bytes].toSorted(
      (one, other) => one.length - other.length,
    )
    const same = long?.subarray(0, short?.length).equals(short ?? MARKER)
    require(same === true, 'what came before a fault is the same however it is split')
  } else {
    require(isDeepStrictEqual({ ...whole }, { ...split }), 'a dump is the same however it is split')
  }
}

function runFramer(input: Buffer, random: SeededRandom): void {
  const framer = new DumpFramer(1)
  const framed: Buffer[] = []
  for (const piece of splitAnywhere(input, random)) {
    const room = framingBytesMax(piece.length)
    const buffer = Buffer.concat([Buffer.alloc(room), piece])
    framed.push(Buffer.from(buffer.subarray(0, framer.frame(buffer, room, buffer.length, 0))))
    if (random.chance(0.1)) framer.restore(framer.save())
  }
  // Compared with the simple framing, event by event, as far as whole events go.
  const simple = streamOf(eventsOf(Buffer.concat([Buffer.alloc(4), input])))
  const made = Buffer.concat(framed)
  require(made
    .subarray(0, simple.length)
    .equals(simple), 'the framer frames as the packet codec does')
}

function runSkimmer(input: Buffer, random: SeededRandom): void {
  const see = (pieces: readonly Buffer[]): unknown[] => {
    const seen: unknown[] = []
    const skimmer = new EventSkimmer(64 * 1024, ({ type, file, position, size }) => {
      seen.push([type, file, position, size])
    })
    try {
      for (const piece of pieces) skimmer.push(piece)
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError || thrown instanceof DumpRefused)) throw thrown
      seen.push('refused')
    }
    return seen
  }
  const whole = see([input])
  require(isDeepStrictEqual(
    see(splitAnywhere(input, random)),
    whole,
  ), 'the same however it is split')
}

function runHider(input: Buffer, random: SeededRandom): void {
  const hidden = (pieces: readonly Buffer[]): Buffer => {
    const hider = new TaggedGtidHider()
    return Buffer.concat(pieces.map((piece) => hider.push(piece)))
  }
  const whole = hidden([input])
  require(whole.length === input.length, 'no position changes')
  const split = hidden(splitAnywhere(input, random))
  require(whole.equals(split), 'the same however it is split')
}

export const streamTargets: readonly Target[] = [
  {
    name: 'dump-decoder',
    covers: ['DumpDecoder', 'EventKernel', 'ChecksumError'],
    seeds: dumps,
    run: runDecoder,
    repair: reframed,
    refuses: (thrown) => thrown instanceof ChecksumError || thrown instanceof ProtocolError,
  },
  {
    name: 'dump-framer',
    covers: ['DumpFramer', 'framingBytesMax'],
    seeds: () => BINLOG_FIXTURES.map((name) => fixture(name).subarray(4)),
    run: runFramer,
  },
  {
    name: 'tagged-gtid-hider',
    covers: ['TaggedGtidHider'],
    seeds: dumps,
    run: runHider,
    repair: reframed,
  },
  { name: 'event-skimmer', covers: [], seeds: dumps, run: runSkimmer, repair: reframed },
]
