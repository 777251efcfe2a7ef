/*
  The one pass over what a source sends after COM_BINLOG_DUMP: packets are joined, events are checked
  (sequence, size, place, CRC-32, bounds of transactions), and their bytes are copied once, into pieces
  that continue a binlog file.

    packet     u24 size | u8 sequence | payload        a payload of 2^24 - 1 bytes goes on in the next packet
    payload    00 | event        ff | error            fe (and less than 9 bytes): end of the dump
    payload of an event, where semi-synchronous replication was asked for: 00 | ef | awaited 0 or 1 | event;
    the sequence begins again at 1 behind an event whose acknowledgement is awaited

  Bytes go in by `feed`, one read of a socket at a time; what they are comes out by `next`, until it says
  that more is needed. So the reader sets the pace, and nothing is queued here.

  Plain transactions go through the kernel (event-kernel.ts). Of the others, events of at most LARGE_PACKET
  bytes are looked at whole. Larger ones pass through in parts, so that an event of 1 GiB needs no memory;
  only their first bytes are gathered.

  Not part of a file, and handed out by themselves: events with the ARTIFICIAL flag, heartbeats, the first
  FORMAT_DESCRIPTION of a dump that began beyond position 4 and, while our file does not mirror the source's, the
  head of each file: FORMAT_DESCRIPTION and PREVIOUS_GTIDS. The caller then says by `place` how our file begins,
  and events are changed to be true there (moved-file.ts).
*/
import { assert, ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from '../binlog/checksum.ts'
import { EventType } from '../binlog/event-type.ts'
import { decodeFormatDescription } from '../binlog/format-description.ts'
import { isGtidEvent } from '../binlog/gtid-event.ts'
import { EVENT_HEADER_SIZE, EventFlag, FIRST_EVENT_POSITION } from '../binlog/header.ts'
import { isPreviousGtids } from '../binlog/previous-gtids.ts'
import { QUERY_PREFIX_BYTES } from '../binlog/query.ts'
import { decodeRotate } from '../binlog/rotate.ts'
import type { EventPlace } from '../binlog/transaction-tracker.ts'
import { decodeErr, type ErrPacket } from '../packets/err.ts'
import { SEMI_SYNC_MAGIC } from '../packets/semi-sync-ack.ts'
import { nextSequence, PACKET_HEADER_SIZE, PHYSICAL_PAYLOAD_MOST } from '../wire/packet.ts'
import { DumpTransaction } from './dump-transaction.ts'
import { findBadChecksum, verifyChecksum } from './event-checksum.ts'
import { type EventKernel, KEPT_BYTES_MAX, READ_BYTES } from './event-kernel.ts'
import { LargeEvent } from './large-event.ts'
import { type DumpPlacement, MovedFile, NAME_BYTES_MAX } from './moved-file.ts'
import { type Piece, PieceBuilder } from './piece-builder.ts'

const EOF_PACKET_BYTES_MAX = 8
/** Above this a packet passes through in parts. */
const LARGE_PACKET = 128 * 1024
/** Bytes of a payload before its event, without and with semi-synchronous replication. */
const MARKER_BYTES = 1
const SEMI_SYNC_MARKER_BYTES = 3
/** So much of a large packet is gathered before its event begins: marker, header and the start of a QUERY. */
const PREFIX_BYTES = SEMI_SYNC_MARKER_BYTES + QUERY_PREFIX_BYTES
/** MySQL's own limit for an event is 1 GiB of data; headers come on top. */
const EVENT_BYTES_MAX = 2 ** 30 + 2 ** 20

export interface DumpDecoderOptions {
  /** holds what is read and what comes out of it; serves one decoder */
  readonly kernel: EventKernel
  /** what was announced in @source_binlog_checksum: holds until the first FORMAT_DESCRIPTION */
  readonly checksum: ChecksumAlgorithm
  /** where our file ends: the first event that is stored begins there */
  readonly start: number
  /** the source was told that its events will be acknowledged, and marks them */
  readonly semiSync: boolean
  /** Our first file does not mirror the source's, and the next ones only once the caller says so. */
  readonly relocate: boolean
}

export type DumpStep =
  /** the next piece of the file; its bytes are valid until the next call of `next` */
  | { readonly kind: 'piece'; readonly piece: Piece }
  /** a whole event that is not stored (a copy) */
  | { readonly kind: 'control'; readonly event: Buffer }
  /** the source ended the dump, by EOF or by an error; nothing comes after it */
  | { readonly kind: 'end'; readonly error: ErrPacket | undefined }

export class DumpDecoder {
  readonly #options: DumpDecoderOptions
  readonly #kernel: EventKernel
  /** the kernel's; what is not done yet lies at `#at` to `#end` */
  readonly #input: Buffer
  #at = KEPT_BYTES_MAX
  #end = KEPT_BYTES_MAX
  /** found, and not yet asked for */
  readonly #steps: DumpStep[] = []
  readonly #pieces: PieceBuilder
  readonly #markerBytes: number
  readonly #transaction = new DumpTransaction()
  #checksumSize: number
  #sequence = 1
  #open: LargeEvent | undefined
  #packetLeft = 0
  #packetFull = false
  /** bytes at the start of a payload that do not pass: the marker, and a header that was relocated */
  #skipLeft = 0
  /** the next FORMAT_DESCRIPTION is not part of our file */
  #skipFormatDescription: boolean
  /** undefined while our file mirrors the source's */
  #movedFile: MovedFile | undefined
  #sawRotate = false
  #ended = false

  constructor(options: DumpDecoderOptions) {
    this.#options = options
    this.#kernel = options.kernel
    this.#input = options.kernel.input
    this.#markerBytes = options.semiSync ? SEMI_SYNC_MARKER_BYTES : MARKER_BYTES
    this.#checksumSize = options.checksum === 'CRC32' ? CHECKSUM_SIZE : 0
    this.#skipFormatDescription = options.relocate || options.start > FIRST_EVENT_POSITION
    this.#pieces = new PieceBuilder(options.kernel.output)
    this.#pieces.moveTo(options.start)
    if (options.relocate) this.#movedFile = new MovedFile(this.#pieces)
  }

  /** The position behind the last byte that was taken into a piece. */
  get position(): number {
    return this.#pieces.position
  }

  /** false while the heads of files are handed out by themselves, for `place` */
  get mirrors(): boolean {
    return this.#movedFile === undefined
  }

  /** Says where what follows a head goes; to be called before anything behind it is asked for. */
  place(placement: DumpPlacement): void {
    this.#movedFile?.place(placement)
    if (placement.mirrors) this.#movedFile = undefined
  }

  /**
   * Gives what the socket gave, once `next` has said that more is needed. Bytes that were read into the
   * kernel's `readTarget` stay there; others are copied to it, and may be at most as many as fit it.
   */
  feed(bytes: Buffer): void {
    assert(this.#end === KEPT_BYTES_MAX, 'what was fed before is used up')
    assert(bytes.length <= READ_BYTES, 'what is fed fits the memory')
    const { readTarget } = this.#kernel
    if (bytes.buffer !== readTarget.buffer) bytes.copy(readTarget)
    else assert(bytes.byteOffset === readTarget.byteOffset, 'a read begins at its target')
    this.#end = KEPT_BYTES_MAX + bytes.length
  }

  /** What comes next; undefined when more has to be fed. @throws ProtocolError at the first byte that is wrong */
  next(): DumpStep | undefined {
    while (true) {
      const step = this.#steps.shift()
      if (step !== undefined) return step
      if (this.#ended) return undefined
      if (this.#advance()) continue
      if (this.#flush()) continue
      this.#keep()
      return undefined
    }
  }

  /** Takes the next packets or parts of one; false when there is too little input. */
  #advance(): boolean {
    if (this.#packetLeft > 0) return this.#pass()
    if (this.#open === undefined) this.#takePlain()
    const have = this.#end - this.#at
    if (have < PACKET_HEADER_SIZE) return false
    const size = this.#input.readUIntLE(this.#at, 3)
    const continues = this.#open !== undefined
    if (size > LARGE_PACKET || continues) {
      if (have < neededOf(size, continues)) return false
      // An event that passes in parts begins a piece, which has room for all that is gathered of it.
      if (!continues && this.#flush()) return true
      this.#beginLarge(size)
      return true
    }
    const end = this.#at + PACKET_HEADER_SIZE + size
    if (end > this.#end) return false
    if (this.#needsNewPiece(this.#at + PACKET_HEADER_SIZE, size)) return this.#flush()
    const packet = this.#at
    this.#at = end
    this.#takeSequence(this.#input[packet + 3] ?? 0)
    this.#packet(this.#input, packet + PACKET_HEADER_SIZE, size)
    return true
  }

  /** Whether a packet has no room in the piece, or its event lies elsewhere at the source than behind it. */
  #needsNewPiece(at: number, size: number): boolean {
    const { room, used } = this.#pieces
    const moved = this.#movedFile
    if (moved === undefined || used === 0) return size > room
    const event = at + this.#markerBytes
    const length = size - this.#markerBytes
    if (size + NAME_BYTES_MAX > room || length < EVENT_HEADER_SIZE) return true
    return moved.jumpsTo(this.#input.readUInt32LE(event + 13), length)
  }

  /** Moves what cannot be used yet to where the next read continues it. */
  #keep(): void {
    const kept = this.#end - this.#at
    this.#input.copyWithin(KEPT_BYTES_MAX - kept, this.#at, this.#end)
    this.#at = KEPT_BYTES_MAX - kept
    this.#end = KEPT_BYTES_MAX
  }

  /** Hands out what has been collected; false when that is nothing. */
  #flush(): boolean {
    const piece = this.#pieces.handOut()
    if (piece === undefined) return false
    this.#steps.push({ kind: 'piece', piece })
    return true
  }

  /** Lets the kernel take the plain events that come next. */
  #takePlain(): void {
    if (this.#checksumSize === 0 || this.#movedFile?.isInPlace === false) return
    const { phase } = this.#transaction
    if (phase === undefined) return
    const kernel = this.#kernel
    const pieces = this.#pieces
    const { used, position } = pieces
    const taken = kernel.take({
      at: this.#at,
      end: this.#end,
      used,
      crc: pieces.crc,
      position,
      sequence: this.#sequence,
      phase,
      markerBytes: this.#markerBytes,
    })
    if (taken === 0) return
    this.#at = kernel.inputAt
    this.#sequence = kernel.sequence
    pieces.takeWritten(kernel.outputUsed)
    if (pieces.crc !== kernel.crc) findBadChecksum(pieces.takenSince(used), position)
    pieces.markEventEnd(kernel.newestTimestamp)
    if (kernel.boundary !== undefined) pieces.markBoundary(kernel.boundary)
    for (const run of kernel.runs()) pieces.addTransactions(run)
    if (kernel.awaited !== undefined) pieces.markAwaited(kernel.awaited)
    this.#transaction.followKernel(kernel)
  }

  #takeSequence(sequence: number): void {
    if (sequence !== this.#sequence) {
      throw new ProtocolError(
        `the source sent packet ${sequence} where ${this.#sequence} is next, near position ${this.position}`,
      )
    }
    this.#sequence = nextSequence(sequence)
  }

  /** A packet whose payload, `size` bytes at `at`, lies whole in `input`. */
  #packet(input: Buffer, at: number, size: number): void {
    const marker = input[at]
    if (marker === 0x00 && size >= EVENT_HEADER_SIZE + this.#markerBytes) {
      const awaited = this.#isAwaited(input, at)
      this.#event(input, at + this.#markerBytes, size - this.#markerBytes, awaited)
    } else if (marker === 0xfe && size <= EOF_PACKET_BYTES_MAX) {
      this.#finish(undefined)
    } else if (marker === 0xff) {
      this.#finish(decodeErr(Buffer.from(input.subarray(at, at + size))))
    } else {
      throw new ProtocolError(
        `the source sent a packet of ${size} bytes that begins with ${marker ?? 'nothing'}`,
      )
    }
  }

  /** Whether the source waits for an acknowledgement of the event whose marker is at `at`. */
  #isAwaited(input: Buffer, at: number): boolean {
    if (this.#markerBytes === MARKER_BYTES) return false
    if (input[at + 1] === SEMI_SYNC_MAGIC) return input[at + 2] === 1
    throw new ProtocolError(
      `the source left out what marks an event for semi-sync, near position ${this.position}`,
    )
  }

  #finish(error: ErrPacket | undefined): void {
    this.#ended = true
    this.#flush()
    this.#steps.push({ kind: 'end', error })
  }

  #event(input: Buffer, at: number, size: number, awaited: boolean): void {
    const stated = input.readUInt32LE(at + 9)
    if (stated !== size) {
      throw new ProtocolError(
        `an event says ${stated} bytes in a packet that holds ${size}, at position ${this.position}`,
      )
    }
    const type = input[at + 4] ?? 0
    const flags = input.readUInt16LE(at + 17)
    // The FORMAT_DESCRIPTION carries a CRC whatever its algorithm says.
    const checksumSize = type === EventType.FORMAT_DESCRIPTION ? CHECKSUM_SIZE : this.#checksumSize
    if (checksumSize > 0) verifyChecksum(input.subarray(at, at + size), this.position)
    if (this.#isControl(type, flags))
      this.#control(Buffer.from(input.subarray(at, at + size)), type)
    else this.#store(input.subarray(at, at + size), awaited)
    if (awaited) this.#sequence = 1
  }

  #isControl(type: number, flags: number): boolean {
    if ((flags & EventFlag.ARTIFICIAL) !== 0) return true
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) return true
    if (type === EventType.FORMAT_DESCRIPTION) return this.#skipFormatDescription
    return this.#movedFile?.isUnplaced === true && isPreviousGtids(type)
  }

  #control(event: Buffer, type: number): void {
    this.#flush()
    if (type === EventType.ROTATE) this.#enterFile(event)
    else this.#movedFile?.takeControl(event, this.#algorithm())
    if (type === EventType.FORMAT_DESCRIPTION) {
      // A second one would place what follows anew, somewhere in a file that has begun.
      if (!this.#skipFormatDescription) {
        throw new ProtocolError(
          `a FORMAT_DESCRIPTION stands in no file, at position ${this.position}`,
        )
      }
      this.#readFormatDescription(event)
      this.#skipFormatDescription = false
    }
    this.#steps.push({ kind: 'control', event })
  }

  /** An artificial ROTATE names the file that comes next; the first one the file that was asked for. */
  #enterFile(event: Buffer): void {
    const position = Number(decodeRotate(event, this.#algorithm()).position)
    if (!this.#sawRotate) {
      this.#sawRotate = true
      this.#movedFile?.enter(position)
      if (this.mirrors && position !== this.#options.start) {
        throw new ProtocolError(
          `the source begins at position ${position} where ${this.#options.start} was asked for`,
        )
      }
      return
    }
    if (this.#transaction.inTransaction) {
      throw new ProtocolError(`the source begins a file inside a transaction, at ${this.position}`)
    }
    if (position !== FIRST_EVENT_POSITION) {
      throw new ProtocolError(
        `the source begins its next file at position ${position}, not at its start`,
      )
    }
    this.#movedFile?.enter(position)
    this.#skipFormatDescription = !this.mirrors
    this.#pieces.moveTo(position)
  }

  #algorithm(): ChecksumAlgorithm {
    return this.#checksumSize > 0 ? 'CRC32' : 'NONE'
  }

  #readFormatDescription(event: Buffer): void {
    this.#checksumSize = decodeFormatDescription(event).checksum === 'CRC32' ? CHECKSUM_SIZE : 0
  }

  /** Takes a whole event into the file. */
  #store(event: Buffer, awaited: boolean): void {
    const size = event.length
    const stored = this.#movedFile?.moved(event, this.#algorithm()) ?? event
    if (this.mirrors) {
      this.#checkPlace(event.readUInt32LE(13), this.#pieces.position + size, event[4] ?? 0)
    }
    const place = this.#track(stored, stored.length)
    this.#pieces.take(stored, 0, stored.length)
    this.#pieces.shiftBy(size - stored.length)
    this.#finishEvent(place, stored.readUInt32LE(0), awaited)
  }

  /** In a file that mirrors the source's, an event's log_pos (its end, 32 bits of it) is our end. */
  #checkPlace(logPos: number, end: number, type: number): void {
    if (logPos === end % 2 ** 32) return
    throw new ProtocolError(
      `the source's event of type ${type} ends at ${logPos} where ours would end at ${end}`,
    )
  }

  /** Follows the bounds of transactions; `event` is what is there of its `size` bytes. */
  #track(event: Buffer, size: number): EventPlace {
    if (event[4] === EventType.FORMAT_DESCRIPTION) this.#readFormatDescription(Buffer.from(event))
    return this.#transaction.take(event, this.#algorithm(), { position: this.position, size })
  }

  #finishEvent(place: EventPlace, timestamp: number, awaited: boolean): void {
    this.#pieces.markEventEnd(timestamp)
    if (place === 'outside') this.#pieces.markBoundary()
    else if (place === 'ended') {
      this.#pieces.markTransactionEnd(this.#transaction.end(this.position))
    } else return
    // A source that does not wait for us asks behind events inside a transaction, too: they are passed over.
    if (awaited) this.#pieces.markAwaited()
  }

  /** Begins a packet that passes in parts, whose first bytes are there. */
  #beginLarge(size: number): void {
    this.#takeSequence(this.#input[this.#at + 3] ?? 0)
    this.#at += PACKET_HEADER_SIZE
    this.#packetLeft = size
    this.#packetFull = size === PHYSICAL_PAYLOAD_MOST
    if (this.#open === undefined) this.#openEvent(this.#input, this.#at)
    else this.#closeIfWhole()
  }

  #openEvent(input: Buffer, at: number): void {
    if (input[at] !== 0x00) {
      throw new ProtocolError(`the source sent ${this.#packetLeft} bytes that are no event`)
    }
    const event = at + this.#markerBytes
    const size = input.readUInt32LE(event + 9)
    const type = input[event + 4] ?? 0
    const there = this.#packetLeft - this.#markerBytes
    const fits = this.#packetFull ? size >= there : size === there
    if (!fits || size > EVENT_BYTES_MAX) {
      throw new ProtocolError(
        `an event says ${size} bytes in a packet of ${this.#packetLeft}, at ${this.position}`,
      )
    }
    if (this.#isControl(type, input.readUInt16LE(event + 17)) || isGtidEvent(type)) {
      throw new ProtocolError(`an event of type ${type} with ${size} bytes is out of proportion`)
    }
    const end = this.#pieces.position + size
    this.#movedFile?.followTo(input.subarray(event, event + EVENT_HEADER_SIZE))
    if (this.mirrors) this.#checkPlace(input.readUInt32LE(event + 13), end, type)
    this.#open = new LargeEvent({
      type,
      timestamp: input.readUInt32LE(event),
      size,
      checksumSize: this.#checksumSize,
      place: this.#track(input.subarray(event, at + PREFIX_BYTES), size),
      awaited: this.#isAwaited(input, at),
    })
    this.#skipLeft = this.#markerBytes
    if (!this.mirrors) this.#relocateHeader(this.#open, event, end)
  }

  /** The header goes into the piece changed, and is then left out of what passes. */
  #relocateHeader(open: LargeEvent, event: number, end: number): void {
    const header = this.#input.subarray(event, event + EVENT_HEADER_SIZE)
    const stored = Buffer.from(header)
    stored.writeUInt32LE(end % 2 ** 32, 13)
    open.replaceHeader(header, stored)
    this.#skipLeft += EVENT_HEADER_SIZE
    this.#pieces.take(stored, 0, EVENT_HEADER_SIZE)
  }

  /** Takes what there is of the current packet's payload, and room for it; false when there is nothing of it. */
  #pass(): boolean {
    const open = this.#open
    if (open === undefined) throw new ProtocolError('a packet goes on after its event has ended')
    if (this.#at === this.#end) return false
    const skipped = Math.min(this.#skipLeft, this.#end - this.#at, this.#packetLeft)
    this.#skipLeft -= skipped
    this.#pastBytes(skipped)
    // The checksum behind the body always finds room.
    const room = this.#pieces.room - CHECKSUM_SIZE
    const body = Math.min(open.bodyLeft, this.#end - this.#at, this.#packetLeft)
    if (body > 0 && room <= 0) return this.#flush()
    if (body > 0) this.#passBody(open, Math.min(body, room))
    if (open.bodyLeft === 0) {
      const size = Math.min(this.#end - this.#at, this.#packetLeft)
      open.takeTail(this.#input.subarray(this.#at, this.#at + size), this.position)
      this.#pastBytes(size)
    }
    this.#closeIfWhole()
    return true
  }

  #pastBytes(count: number): void {
    this.#at += count
    this.#packetLeft -= count
  }

  #passBody(open: LargeEvent, size: number): void {
    const end = this.#at + size
    open.takeBody(this.#input.subarray(this.#at, end))
    this.#pieces.take(this.#input, this.#at, end)
    this.#pastBytes(size)
  }

  #closeIfWhole(): void {
    const open = this.#open
    if (open === undefined || this.#packetLeft > 0 || this.#packetFull) return
    const tail = open.finish(this.position)
    this.#pieces.take(tail, 0, tail.length)
    this.#open = undefined
    const { place, timestamp, awaited } = open.facts
    this.#finishEvent(place, timestamp, awaited)
    if (awaited) this.#sequence = 1
  }
}

/** How many bytes of a packet must be there before it can be looked at. */
function neededOf(size: number, continues: boolean): number {
  if (continues) return PACKET_HEADER_SIZE
  return PACKET_HEADER_SIZE + (size > LARGE_PACKET ? PREFIX_BYTES : size)
}
