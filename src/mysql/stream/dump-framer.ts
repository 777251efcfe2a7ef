/*
  Bytes of a binlog file -> packets of a dump stream.

    event of the file        E (size in its bytes 9 to 12)
    in the stream            u24 payload size | u8 sequence | 00 | E
    semi-synchronous         u24 payload size | u8 sequence | 00 | ef | u8 waits | E

  A payload of 2^24 - 1 bytes or more is split into packets of that size; the last one is shorter,
  and empty when the payload is an exact multiple. The marker 00 (and what is behind it) stands in the
  first packet only. `waits` is 1 for an event whose acknowledgement is waited for, else 0; after such an
  event the numbers of the packets begin again at 1.

  The input may be cut anywhere, also inside an event's header: up to 12 bytes are kept for the next
  call.

  Input and output lie in one buffer, the input far enough behind that the output never catches up
  with it: copyWithin is the one way in which JavaScript moves 150 bytes without making a view of
  them, and twice as fast as the others (benchmarks/framing.ts).
*/
import { assert, ProtocolError } from '../../lib/index.ts'
import { EVENT_HEADER_SIZE } from '../binlog/header.ts'
import { SEMI_SYNC_MAGIC } from '../packets/semi-sync-ack.ts'
import { nextSequence, PACKET_HEADER_SIZE, PHYSICAL_PAYLOAD_MOST } from '../wire/packet.ts'

const MARKER_SIZE = 1
const SEMI_SYNC_MARKER_SIZE = 3
/** Number of the packet behind one that is waited for. */
const SEQUENCE_AFTER_WAIT = 1
/** No event ends there. */
const NOWHERE = -1
/** The event's size field ends here: so many bytes must be seen before its packet can begin. */
const SIZE_FIELD_END = 13

/** Where a framer stands, to go on there with another framer. */
export interface FramerState {
  /** sequence number of the next packet */
  readonly sequence: number
  /** bytes of the current event that are still to come */
  readonly eventLeft: number
  /** bytes of the current packet that are still to come */
  readonly packetLeft: number
  /** the current packet has PHYSICAL_PAYLOAD_MOST bytes, so that another one follows it */
  readonly packetFull: boolean
  /** first bytes of an event whose size is not known yet */
  readonly pending: Buffer
  /** the acknowledgement of the current event is waited for */
  readonly isAwaited: boolean
}

/** How many bytes a framer adds at most to so many bytes of a file. */
export function framingBytesMax(size: number): number {
  const bytes = size + SIZE_FIELD_END
  const events = Math.ceil(bytes / EVENT_HEADER_SIZE) + 1
  const splits = Math.ceil(bytes / PHYSICAL_PAYLOAD_MOST) + 1
  return (
    SIZE_FIELD_END +
    events * (PACKET_HEADER_SIZE + SEMI_SYNC_MARKER_SIZE) +
    splits * PACKET_HEADER_SIZE
  )
}

const NOTHING = Buffer.alloc(0)

export class DumpFramer {
  #sequence: number
  #eventLeft = 0
  #packetLeft = 0
  #packetFull = false
  readonly #pending = Buffer.alloc(SIZE_FIELD_END)
  #pendingCount = 0
  /** every event is marked */
  readonly isSemiSync: boolean
  readonly #markerSize: number
  #isAwaited = false
  /** position in the file of the first byte of the buffer that is framed */
  #origin = 0
  #awaitedEnd = NOWHERE

  constructor(sequence: number, isSemiSync = false) {
    this.#sequence = sequence & 255
    this.isSemiSync = isSemiSync
    this.#markerSize = isSemiSync ? SEMI_SYNC_MARKER_SIZE : MARKER_SIZE
  }

  /**
   * Of what is framed next: where in the file the buffer's first byte stands, and the end of the event whose
   * acknowledgement is wanted (undefined: of none).
   */
  awaitAt(origin: number, end: number | undefined): void {
    this.#origin = origin
    this.#awaitedEnd = end ?? NOWHERE
  }

  /** sequence number of the next packet */
  get sequence(): number {
    return this.#sequence
  }

  /** Nothing of a begun event is still to come, so that another packet may follow. */
  get betweenEvents(): boolean {
    return this.#eventLeft === 0 && this.#pendingCount === 0
  }

  /** How many bytes are still known to belong to the event that has begun; 0 between events. */
  get bytesToBoundary(): number {
    return this.#pendingCount > 0 ? SIZE_FIELD_END - this.#pendingCount : this.#eventLeft
  }

  /** The sequence number of a packet that somebody else writes, between two events. */
  takeSequence(): number {
    const sequence = this.#sequence
    this.#sequence = nextSequence(sequence)
    return sequence
  }

  /** Somebody else has written an event that is waited for. */
  beginAgain(): void {
    this.#sequence = SEQUENCE_AFTER_WAIT
  }

  save(): FramerState {
    return {
      sequence: this.#sequence,
      eventLeft: this.#eventLeft,
      packetLeft: this.#packetLeft,
      packetFull: this.#packetFull,
      pending:
        this.#pendingCount === 0
          ? NOTHING
          : Buffer.from(this.#pending.subarray(0, this.#pendingCount)),
      isAwaited: this.#isAwaited,
    }
  }

  restore(state: FramerState): void {
    this.#sequence = state.sequence
    this.#eventLeft = state.eventLeft
    this.#packetLeft = state.packetLeft
    this.#packetFull = state.packetFull
    this.#pendingCount = state.pending.copy(this.#pending)
    this.#isAwaited = state.isAwaited
  }

  /**
   * Frames the file's bytes that lie in `buffer` from `start` to `end`, and writes the packets into
   * the same buffer from `offset`, over what was framed; returns the offset behind them. `start`
   * must be at least framingBytesMax(end - start) behind `offset`. Throws ProtocolError when an
   * event says that it is shorter than its own header.
   */
  frame(buffer: Buffer, start: number, end: number, offset: number): number {
    assert(start - offset >= framingBytesMax(end - start), 'no room to frame')
    let at = start
    let out = offset
    while (at < end) {
      if (this.#eventLeft > 0) {
        const taken = Math.min(this.#eventLeft, this.#packetLeft, end - at)
        buffer.copyWithin(out, at, at + taken)
        at += taken
        out = this.#advance(taken, buffer, out + taken)
      } else if (this.#pendingCount > 0 || end - at < SIZE_FIELD_END) {
        const taken = Math.min(SIZE_FIELD_END - this.#pendingCount, end - at)
        buffer.copy(this.#pending, this.#pendingCount, at, at + taken)
        this.#pendingCount += taken
        at += taken
        if (this.#pendingCount === SIZE_FIELD_END) out = this.#beginPending(at, buffer, out)
      } else {
        const size = checkedSize(readSize(buffer, at))
        out = this.#begin(size, at, buffer, out)
        if (size <= end - at && !this.#packetFull) {
          // One whole event in one packet: all but a chunk's first and last event.
          buffer.copyWithin(out, at, at + size)
          at += size
          out += size
          this.#eventLeft = 0
          this.#packetLeft = 0
          if (this.#isAwaited) this.#ended()
        }
      }
    }
    return out
  }

  /** @param at behind what is pending */
  #beginPending(at: number, target: Buffer, offset: number): number {
    const size = checkedSize(this.#pending.readUInt32LE(9))
    const out = this.#begin(size, at - SIZE_FIELD_END, target, offset)
    this.#pending.copy(target, out)
    this.#pendingCount = 0
    return this.#advance(SIZE_FIELD_END, target, out + SIZE_FIELD_END)
  }

  #begin(size: number, at: number, target: Buffer, offset: number): number {
    const marker = this.#markerSize
    this.#eventLeft = size
    const out = this.#packetHeader(Math.min(size + marker, PHYSICAL_PAYLOAD_MOST), target, offset)
    target[out] = 0
    if (marker !== MARKER_SIZE) {
      this.#isAwaited = this.#origin + at + size === this.#awaitedEnd
      target[out + 1] = SEMI_SYNC_MAGIC
      target[out + 2] = this.#isAwaited ? 1 : 0
    }
    this.#packetLeft -= marker
    return out + marker
  }

  #ended(): void {
    this.#isAwaited = false
    this.#sequence = SEQUENCE_AFTER_WAIT
  }

  #advance(taken: number, target: Buffer, offset: number): number {
    this.#eventLeft -= taken
    this.#packetLeft -= taken
    let out = offset
    if (this.#packetLeft === 0 && this.#packetFull) {
      out = this.#packetHeader(Math.min(this.#eventLeft, PHYSICAL_PAYLOAD_MOST), target, out)
    }
    if (this.#isAwaited && this.#eventLeft === 0 && !this.#packetFull) this.#ended()
    return out
  }

  #packetHeader(payloadSize: number, target: Buffer, offset: number): number {
    target[offset] = payloadSize & 255
    target[offset + 1] = (payloadSize >> 8) & 255
    target[offset + 2] = payloadSize >> 16
    target[offset + 3] = this.#sequence
    this.#sequence = nextSequence(this.#sequence)
    this.#packetLeft = payloadSize
    this.#packetFull = payloadSize === PHYSICAL_PAYLOAD_MOST
    return offset + PACKET_HEADER_SIZE
  }
}

function checkedSize(size: number): number {
  if (size < EVENT_HEADER_SIZE) {
    throw new ProtocolError(`an event of ${size} bytes is shorter than its header of 19`)
  }
  return size
}

/** Not readUInt32LE: its checks cost a tenth of the whole at 150 bytes per event. */
function readSize(buffer: Buffer, at: number): number {
  const low = (buffer[at + 9] ?? 0) | ((buffer[at + 10] ?? 0) << 8) | ((buffer[at + 11] ?? 0) << 16)
  return low + (buffer[at + 12] ?? 0) * 0x1_00_00_00
}
