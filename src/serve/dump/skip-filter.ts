/*
  Leaves out the transactions that a replica holds: looks at each GTID event, frames the runs of
  events that stay, and puts a heartbeat with the position where a skipped run ended before what
  follows it. This is the slow way; a dump takes it only while something that it may meet is held
  (`mayMeet`), else whole chunks go past it.

  As in MySQL a skipped run goes from a GTID event to the next GTID or ROTATE event, whatever lies
  between.
*/
import { ProtocolError } from '../../lib/index.ts'
import {
  type ChecksumAlgorithm,
  type DumpFramer,
  decodeGtidEvent,
  EVENT_HEADER_SIZE,
  EventType,
  framingBytesMax,
  type Gtid,
  GtidSet,
} from '../../mysql/index.ts'
import { CARRY_BYTES_MAX, SKIPPED_BYTES_MAX } from './chunk-pool.ts'

const NOTHING = Buffer.alloc(0)

/** Bytes of the file in a buffer, with the room before them that READ_OFFSET gives. */
export interface FilterInput {
  readonly buffer: Buffer
  readonly start: number
  readonly end: number
  /** the position in the file of the byte at `start` */
  readonly position: number
  readonly checksum: ChecksumAlgorithm
  readonly framer: DumpFramer
  /** the packet that says: all before the position has been dealt with */
  readonly skippedTo: (position: number) => Buffer
}

export interface FilterOutput {
  /** so many bytes of packets stand at the buffer's beginning */
  readonly size: number
  /** the position in the file where the next input begins */
  readonly position: number
}

export class SkipFilter {
  /** what the replica holds and may still meet */
  readonly #held: GtidSet
  #skipping = false
  /** bytes of a skipped event that are still to come */
  #skipLeft = 0
  #skippedTo: number | undefined
  /** the begin of an event that could not be judged yet */
  #carry = NOTHING

  /** @param held a set of the filter's own */
  constructor(held: GtidSet) {
    this.#held = held
  }

  /** These lie behind the dump now. */
  forget(gtids: GtidSet): void {
    if (!this.#held.isEmpty) this.#held.removeAll(gtids)
  }

  /** A transaction among these may have to be left out. */
  mayMeet(gtids: GtidSet): boolean {
    return !this.#held.isEmpty && this.#held.intersects(gtids)
  }

  holds(gtid: Gtid): boolean {
    return this.#held.has(gtid)
  }

  /** Nothing is half done, so that chunks may go past the filter. */
  get idle(): boolean {
    return !this.#skipping && this.#skippedTo === undefined && this.#carry.length === 0
  }

  /** @param previous the GTIDs of all files before it: they lie behind now */
  beginFile(previous: GtidSet): void {
    this.#skipping = false
    this.forget(previous)
  }

  /** A dump begins behind transactions that the replica holds. */
  skippedBefore(position: number): void {
    this.#skipping = true
    this.#skippedTo = position
  }

  /** Where the skipped run ended that no heartbeat has told of; it counts as told now. */
  takeSkippedTo(): number | undefined {
    const position = this.#skippedTo
    this.#skippedTo = undefined
    return position
  }

  /** Works on the whole input, or stops early where the room for such a packet is short. */
  run(input: FilterInput): FilterOutput {
    const { buffer, end, framer } = input
    const seen = GtidSet.empty()
    const shift = input.position - input.start
    let at = input.start - this.#carry.copy(buffer, input.start - this.#carry.length)
    this.#carry = NOTHING
    let out = 0
    while (at < end && !framer.betweenEvents) {
      const taken = Math.min(framer.bytesToBoundary, end - at)
      out = framer.frame(buffer, at, at + taken, out)
      at += taken
    }
    while (at < end) {
      if (this.#skipLeft > 0) {
        const skipped = Math.min(this.#skipLeft, end - at)
        this.#skipLeft -= skipped
        at += skipped
        this.#skippedTo = at + shift
        continue
      }
      if (at - out - SKIPPED_BYTES_MAX < framingBytesMax(end - at)) break
      const kept = this.#keptUntil(at, input, seen)
      if (kept > at) {
        const told = this.takeSkippedTo()
        if (told !== undefined) out += input.skippedTo(told).copy(buffer, out)
        out = framer.frame(buffer, at, kept, out)
        at = kept
      }
      if (this.#carry.length > 0) at = end
    }
    if (!seen.isEmpty) this.#held.removeAll(seen)
    return { size: out, position: at + shift }
  }

  /**
   * Where the run of events from `at` ends that are sent; it ends at the input's end, at an event
   * to skip, or at one that cannot be judged before more of it is there, which is carried to the
   * next input.
   */
  #keptUntil(from: number, { buffer, end, checksum }: FilterInput, seen: GtidSet): number {
    let at = from
    while (at < end) {
      const left = end - at
      const size = left < EVENT_HEADER_SIZE ? 0 : sizeOf(buffer, at)
      const type = left < EVENT_HEADER_SIZE ? undefined : buffer[at + 4]
      const isGtid = isGtidType(type)
      if (type === undefined || (isGtid && size > left)) {
        this.#carry = Buffer.from(buffer.subarray(at, end))
        return at
      }
      if (isGtid) {
        const { gtid } = decodeGtidEvent(buffer.subarray(at, at + size), checksum)
        this.#skipping = gtid !== undefined && this.holds(gtid)
        if (gtid !== undefined && this.#skipping) seen.add(gtid)
      } else if (type === EventType.ROTATE) {
        this.#skipping = false
      }
      if (this.#skipping) {
        this.#skipLeft = size
        return at
      }
      at += Math.min(size, left)
    }
    return at
  }
}

function isGtidType(type: number | undefined): boolean {
  return (
    type === EventType.GTID || type === EventType.GTID_TAGGED || type === EventType.MARIADB_GTID
  )
}

function sizeOf(buffer: Buffer, at: number): number {
  const size = buffer.readUInt32LE(at + 9)
  if (size < EVENT_HEADER_SIZE) {
    throw new ProtocolError(`an event of ${size} bytes is shorter than its header of 19`)
  }
  if (isGtidType(buffer[at + 4]) && size > CARRY_BYTES_MAX) {
    throw new ProtocolError(`a GTID event of ${size} bytes is larger than any can be`)
  }
  return size
}
