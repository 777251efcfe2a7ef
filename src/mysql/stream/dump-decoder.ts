/*
  The one pass over what a source sends after COM_BINLOG_DUMP: packets are joined, events are checked
  (sequence, size, place, CRC-32, bounds of transactions), and their bytes are copied once, into pieces
  that continue a binlog file.

    packet     u24 size | u8 sequence | payload        a payload of 2^24 - 1 bytes goes on in the next packet
    payload    00 | event        ff | error            fe (and less than 9 bytes): end of the dump
    payload of an event, where semi-synchronous replication was asked for: 00 | ef | awaited 0 or 1 | event;
    the sequence begins again at 1 behind an event whose acknowledgement is awaited

  Events of at most LARGE_PACKET bytes are looked at whole, in place or, when the input cuts them, in a
  carry buffer. Larger ones pass through in parts, so that an event of 1 GiB needs no memory; only their
  first bytes are gathered.

  Not part of a file, and handed out by themselves: events with the ARTIFICIAL flag, heartbeats, the first
  FORMAT_DESCRIPTION of a dump that began beyond position 4 and, when relocating, the PREVIOUS_GTIDS too.
*/
import { crc32, ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from '../binlog/checksum.ts'
import { EventType } from '../binlog/event-type.ts'
import { decodeFormatDescription } from '../binlog/format-description.ts'
import { decodeGtidEvent, isGtidEvent } from '../binlog/gtid-event.ts'
import { EVENT_HEADER_SIZE, EventFlag, FIRST_EVENT_POSITION } from '../binlog/header.ts'
import { QUERY_PREFIX_BYTES, queryTextPrefix } from '../binlog/query.ts'
import { decodeRotate } from '../binlog/rotate.ts'
import { TransactionTracker } from '../binlog/transaction-tracker.ts'
import type { Gtid } from '../gtid/gtid.ts'
import { decodeErr, type ErrPacket } from '../packets/err.ts'
import { SEMI_SYNC_MAGIC } from '../packets/semi-sync-ack.ts'
import { PACKET_HEADER_SIZE, PHYSICAL_PAYLOAD_MOST } from '../wire/packet.ts'
import { ChecksumError, verifyChecksum } from './event-checksum.ts'
import { PIECE_BYTES_MAX, type Piece, PieceBuilder } from './piece-builder.ts'
import { RowEventKernel, WINDOW_BYTES } from './row-event-kernel.ts'

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
  /** what was announced in @source_binlog_checksum: holds until the first FORMAT_DESCRIPTION */
  readonly checksum: ChecksumAlgorithm
  /** where our file ends: the first event that is stored begins there */
  readonly start: number
  /** the source was told that its events will be acknowledged, and marks them */
  readonly semiSync: boolean
  /**
   * The first file does not continue the source's byte for byte: its FORMAT_DESCRIPTION and PREVIOUS_GTIDS
   * come through `control`, the caller then says by `relocateTo` where the events go, and their log_pos
   * (and CRC) are rewritten to be true there.
   */
  readonly relocate: boolean
  /** The next piece of the file, in order with `control`. */
  readonly piece: (piece: Piece) => void
  /** A whole event that is not stored (a copy). All pieces before it have been handed out. */
  readonly control: (event: Buffer) => void
  /** The source ended the dump, by EOF or by an error. */
  readonly ended: (error: ErrPacket | undefined) => void
}

/** An event that passes through in parts. */
interface OpenEvent {
  readonly type: number
  readonly timestamp: number
  /** bytes before the trailing checksum that are still to come */
  bodyLeft: number
  /** bytes of the trailing checksum seen so far */
  readonly tail: Buffer
  tailCount: number
  crcIn: number
  crcOut: number
  verdict: 'inside' | 'ended' | 'outside'
  readonly awaited: boolean
}

export class DumpDecoder {
  readonly #options: DumpDecoderOptions
  readonly #pieces: PieceBuilder
  readonly #markerBytes: number
  readonly #kernel: RowEventKernel
  readonly #tracker = new TransactionTracker()
  #checksumSize: number
  #sequence = 1
  /** the packet, or the first part of a large one, that the input has cut */
  readonly #carry = Buffer.allocUnsafeSlow(PACKET_HEADER_SIZE + LARGE_PACKET)
  #carried = 0
  #open: OpenEvent | undefined
  #packetLeft = 0
  #packetFull = false
  /** bytes at the start of a payload that do not pass: the marker, and a header that was relocated */
  #skipLeft = 0
  /** the next FORMAT_DESCRIPTION is not part of our file */
  #skipFormatDescription: boolean
  #relocating: boolean
  #sawRotate = false
  #gtid: Gtid | undefined
  /** where the current transaction must end, from its GTID event; 0 when it does not say */
  #expectedEnd = 0
  #ended = false

  constructor(options: DumpDecoderOptions) {
    this.#options = options
    this.#markerBytes = options.semiSync ? SEMI_SYNC_MARKER_BYTES : MARKER_BYTES
    this.#kernel = new RowEventKernel(PIECE_BYTES_MAX, this.#markerBytes)
    this.#checksumSize = options.checksum === 'CRC32' ? CHECKSUM_SIZE : 0
    this.#relocating = options.relocate
    this.#skipFormatDescription = options.relocate || options.start > FIRST_EVENT_POSITION
    this.#pieces = new PieceBuilder(this.#kernel.output, options.piece)
    this.#pieces.moveTo(options.start)
  }

  /** The position behind the last byte that was taken into a piece. */
  get position(): number {
    return this.#pieces.position
  }

  /** Where the first relocated event goes; to be called from `control`. */
  relocateTo(position: number): void {
    this.#pieces.moveTo(position)
  }

  /** Takes what the socket gave; `input` is not kept. Throws ProtocolError at the first byte that is wrong. */
  push(input: Buffer): void {
    let at = 0
    while (at < input.length && !this.#ended) {
      if (this.#packetLeft > 0) at = this.#pass(input, at)
      else if (this.#carried > 0) at = this.#fillCarry(input, at)
      else at += this.#window(input, at)
    }
    this.#pieces.flush()
  }

  /** Looks at the next bytes through the kernel's window; returns how many of them it is done with. */
  #window(from: Buffer, start: number): number {
    const { input } = this.#kernel
    const size = from.copy(input, 0, start, start + WINDOW_BYTES)
    return this.#wholePackets(size === WINDOW_BYTES ? input : input.subarray(0, size))
  }

  /** Packets that lie whole in the window. Returns where it stopped. */
  #wholePackets(input: Buffer): number {
    let at = 0
    while (!this.#ended) {
      if (this.#tracker.inStatements) at = this.#takeRows(at, input.length)
      const have = input.length - at
      if (have === 0) return at
      if (have < PACKET_HEADER_SIZE) return this.#keep(input, at)
      const size = input.readUIntLE(at, 3)
      if (size > LARGE_PACKET || this.#open !== undefined) {
        if (have < neededOf(size, this.#open !== undefined)) return this.#keep(input, at)
        this.#beginLarge(input, at, size)
        return at + PACKET_HEADER_SIZE
      }
      const end = at + PACKET_HEADER_SIZE + size
      if (end > input.length) return this.#keep(input, at)
      this.#takeSequence(input[at + 3] ?? 0)
      this.#packet(input, at + PACKET_HEADER_SIZE, size)
      at = end
    }
    return at
  }

  /** Between BEGIN and the end of a transaction: lets the kernel take the small row events that come next. */
  #takeRows(at: number, end: number): number {
    if (this.#checksumSize === 0 || this.#relocating || this.#open !== undefined) return at
    const kernel = this.#kernel
    const pieces = this.#pieces
    const taken = kernel.take(at, end, pieces, this.#sequence)
    if (taken === 0) return at
    this.#sequence = (this.#sequence + taken) & 255
    pieces.setUsed(kernel.outputUsed)
    pieces.markEventEnd(kernel.newestTimestamp)
    return kernel.inputAt
  }

  #keep(input: Buffer, at: number): number {
    this.#carried = input.copy(this.#carry, 0, at)
    return input.length
  }

  #fillCarry(input: Buffer, from: number): number {
    let at = from
    const fill = (size: number): boolean => {
      const missing = Math.min(size - this.#carried, input.length - at)
      if (missing > 0) {
        input.copy(this.#carry, this.#carried, at, at + missing)
        this.#carried += missing
        at += missing
      }
      return this.#carried >= size
    }
    if (!fill(PACKET_HEADER_SIZE)) return at
    const size = this.#carry.readUIntLE(0, 3)
    const continues = this.#open !== undefined
    const needed = neededOf(size, continues)
    if (!fill(needed)) return at
    this.#carried = 0
    if (size > LARGE_PACKET || continues) {
      this.#beginLarge(this.#carry, 0, size)
      const gathered = this.#carry.subarray(0, needed)
      let passed = PACKET_HEADER_SIZE
      while (passed < needed) passed = this.#pass(gathered, passed)
    } else {
      this.#takeSequence(this.#carry[3] ?? 0)
      this.#packet(this.#carry, PACKET_HEADER_SIZE, size)
    }
    return at
  }

  #takeSequence(sequence: number): void {
    if (sequence !== this.#sequence) {
      throw new ProtocolError(
        `the source sent packet ${sequence} where ${this.#sequence} is next, near position ${this.position}`,
      )
    }
    this.#sequence = (sequence + 1) & 255
  }

  /** A packet whose payload, `size` bytes at `at`, lies whole in `input`. */
  #packet(input: Buffer, at: number, size: number): void {
    const marker = input[at]
    if (marker === 0x00 && size >= EVENT_HEADER_SIZE + this.#markerBytes) {
      const awaited = this.#isAwaited(input, at)
      this.#event(input, at + this.#markerBytes, size - this.#markerBytes)
      if (awaited) this.#noteAwaited()
    } else if (marker === 0xfe && size <= EOF_PACKET_BYTES_MAX) {
      this.#end(undefined)
    } else if (marker === 0xff) {
      this.#end(decodeErr(Buffer.from(input.subarray(at, at + size))))
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

  #noteAwaited(): void {
    this.#sequence = 1
    this.#pieces.markAwaited()
  }

  #end(error: ErrPacket | undefined): void {
    this.#ended = true
    this.#pieces.flush()
    this.#options.ended(error)
  }

  #event(input: Buffer, at: number, size: number): void {
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
    if (checksumSize > 0) verifyChecksum(input, at, size, this.position)
    if (this.#isControl(type, flags))
      this.#control(Buffer.from(input.subarray(at, at + size)), type)
    else this.#store(input, at, size)
  }

  #isControl(type: number, flags: number): boolean {
    if ((flags & EventFlag.ARTIFICIAL) !== 0) return true
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) return true
    if (type === EventType.FORMAT_DESCRIPTION) return this.#skipFormatDescription
    return type === EventType.PREVIOUS_GTIDS && this.#relocating
  }

  #control(event: Buffer, type: number): void {
    this.#pieces.flush()
    if (type === EventType.ROTATE) this.#enterFile(event)
    if (type === EventType.FORMAT_DESCRIPTION) {
      this.#readFormatDescription(event)
      this.#skipFormatDescription = false
    }
    this.#options.control(event)
  }

  /** An artificial ROTATE names the file that comes next; the first one the file that was asked for. */
  #enterFile(event: Buffer): void {
    const position = Number(decodeRotate(event, this.#algorithm()).position)
    if (!this.#sawRotate) {
      this.#sawRotate = true
      if (!this.#relocating && position !== this.#options.start) {
        throw new ProtocolError(
          `the source begins at position ${position} where ${this.#options.start} was asked for`,
        )
      }
      return
    }
    if (this.#tracker.inTransaction) {
      throw new ProtocolError(`the source begins a file inside a transaction, at ${this.position}`)
    }
    this.#relocating = false
    this.#skipFormatDescription = position > FIRST_EVENT_POSITION
    this.#pieces.moveTo(position)
  }

  #algorithm(): ChecksumAlgorithm {
    return this.#checksumSize > 0 ? 'CRC32' : 'NONE'
  }

  #readFormatDescription(event: Buffer): void {
    this.#checksumSize = decodeFormatDescription(event).checksum === 'CRC32' ? CHECKSUM_SIZE : 0
  }

  /** Takes a whole event into the file. */
  #store(input: Buffer, at: number, size: number): void {
    const type = input[at + 4] ?? 0
    const end = this.#pieces.position + size
    this.#checkPlace(input.readUInt32LE(at + 13), end, type)
    const verdict = this.#track(input, at, size, size)
    const lies = this.#pieces.takeEvent(input, at, size)
    if (this.#relocating) this.#relocate(lies, size, end)
    this.#finishEvent(verdict, input.readUInt32LE(at))
  }

  /** In a file that mirrors the source's, an event's log_pos (its end, 32 bits of it) is our end. */
  #checkPlace(logPos: number, end: number, type: number): void {
    if (this.#relocating || logPos === end % 2 ** 32) return
    throw new ProtocolError(
      `the source's event of type ${type} ends at ${logPos} where ours would end at ${end}`,
    )
  }

  /** Rewrites log_pos and CRC of the event that lies at `lies` in the piece in the making. */
  #relocate(lies: number, size: number, end: number): void {
    const buffer = this.#pieces.buffer
    buffer.writeUInt32LE(end % 2 ** 32, lies + 13)
    if (this.#checksumSize === 0) return
    const body = lies + size - CHECKSUM_SIZE
    buffer.writeUInt32LE(crc32(buffer.subarray(lies, body)), body)
  }

  /**
   * Follows the bounds of transactions. `have` bytes of the event's `size` are there; the place of the
   * pieces is still before the event.
   */
  #track(input: Buffer, at: number, have: number, size: number): OpenEvent['verdict'] {
    const type = input[at + 4] ?? 0
    if (type === EventType.FORMAT_DESCRIPTION) {
      this.#readFormatDescription(Buffer.from(input.subarray(at, at + have)))
    }
    const text = TransactionTracker.needsQueryText(type)
      ? (queryTextPrefix(input.subarray(at, at + have), size, this.#algorithm()) ?? '')
      : ''
    const verdict = this.#tracker.take(type, input.readUInt16LE(at + 17), text)
    if (isGtidEvent(type)) {
      const found = decodeGtidEvent(input.subarray(at, at + have), this.#algorithm())
      this.#gtid = found.gtid
      const length = found.transactionLength
      this.#expectedEnd = length > 0 ? this.#pieces.position + length : 0
    }
    return verdict
  }

  #finishEvent(verdict: OpenEvent['verdict'], timestamp: number): void {
    this.#pieces.markEventEnd(timestamp)
    if (verdict === 'outside') this.#pieces.markBoundary()
    if (verdict !== 'ended') return
    if (this.#expectedEnd !== 0 && this.#expectedEnd !== this.#pieces.position) {
      throw new ProtocolError(
        `a transaction ends at ${this.position} where its GTID event says ${this.#expectedEnd}`,
      )
    }
    this.#pieces.markTransactionEnd(this.#gtid)
    this.#gtid = undefined
    this.#expectedEnd = 0
  }

  /** Begins a packet that passes in parts: `needed` bytes of it lie in `input` at `at`. */
  #beginLarge(input: Buffer, at: number, size: number): void {
    this.#takeSequence(input[at + 3] ?? 0)
    this.#packetLeft = size
    this.#packetFull = size === PHYSICAL_PAYLOAD_MOST
    if (this.#open === undefined) this.#openEvent(input, at + PACKET_HEADER_SIZE)
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
    this.#checkPlace(input.readUInt32LE(event + 13), end, type)
    this.#open = {
      type,
      timestamp: input.readUInt32LE(event),
      bodyLeft: size - this.#checksumSize,
      tail: Buffer.alloc(CHECKSUM_SIZE),
      tailCount: 0,
      crcIn: 0,
      crcOut: 0,
      verdict: this.#track(input, event, PREFIX_BYTES - this.#markerBytes, size),
      awaited: this.#isAwaited(input, at),
    }
    this.#skipLeft = this.#markerBytes
    if (this.#relocating) this.#passRelocatedHeader(this.#open, input, event, end)
  }

  /** The header goes into the piece changed, and is then left out of what passes. */
  #passRelocatedHeader(open: OpenEvent, input: Buffer, event: number, end: number): void {
    const original = input.subarray(event, event + EVENT_HEADER_SIZE)
    const header = Buffer.from(original)
    header.writeUInt32LE(end % 2 ** 32, 13)
    open.crcIn = crc32(original)
    open.crcOut = crc32(header)
    open.bodyLeft -= EVENT_HEADER_SIZE
    this.#skipLeft += EVENT_HEADER_SIZE
    this.#pieces.take(header, 0, EVENT_HEADER_SIZE)
  }

  /** Takes what `input` has of the current packet's payload; returns where it stopped. */
  #pass(input: Buffer, from: number): number {
    const open = this.#open
    if (open === undefined) throw new ProtocolError('a packet goes on after its event has ended')
    let at = from
    const end = Math.min(input.length, from + this.#packetLeft)
    this.#packetLeft -= end - from
    const skipped = Math.min(this.#skipLeft, end - at)
    this.#skipLeft -= skipped
    at += skipped
    const body = Math.min(end, at + open.bodyLeft)
    if (body > at) {
      const part = input.subarray(at, body)
      open.crcIn = crc32(part, open.crcIn)
      if (this.#relocating) open.crcOut = crc32(part, open.crcOut)
      this.#pieces.take(input, at, body)
      open.bodyLeft -= body - at
      at = body
    }
    if (end - at > this.#checksumSize - open.tailCount) {
      throw new ProtocolError(`an event is longer than it says, at position ${this.position}`)
    }
    open.tailCount += input.copy(open.tail, open.tailCount, at, end)
    this.#closeIfWhole()
    return end
  }

  #closeIfWhole(): void {
    const open = this.#open
    if (open === undefined || this.#packetLeft > 0 || this.#packetFull) return
    if (open.bodyLeft > 0 || open.tailCount < this.#checksumSize) {
      throw new ProtocolError(`an event is shorter than it says, at position ${this.position}`)
    }
    if (this.#checksumSize > 0) {
      if (open.crcIn !== open.tail.readUInt32LE(0)) {
        throw new ChecksumError(open.type, this.position)
      }
      if (this.#relocating) open.tail.writeUInt32LE(open.crcOut)
      this.#pieces.take(open.tail, 0, CHECKSUM_SIZE)
    }
    this.#open = undefined
    this.#finishEvent(open.verdict, open.timestamp)
    if (open.awaited) this.#noteAwaited()
  }
}

/** How many bytes of a packet must be there before it can be looked at. */
function neededOf(size: number, continues: boolean): number {
  if (continues) return PACKET_HEADER_SIZE
  return PACKET_HEADER_SIZE + (size > LARGE_PACKET ? PREFIX_BYTES : size)
}
