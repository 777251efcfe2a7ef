/*
  Going through a binlog file event by event, in bounded memory whatever the size of an event. The file is
  read on the thread pool, front to back, a window at a time; the events of a window come without waiting:

    while (await walk.load())
      for (let event = walk.next(); event !== undefined; event = walk.next()) ...

  The walk ends at its limit, or before the first bytes that are no whole, true event: its fault.
*/
import { assert, crc32, messageOf, ProtocolError } from '../../lib/index.ts'
import {
  CHECKSUM_SIZE,
  type ChecksumAlgorithm,
  checksumMatches,
  decodeFormatDescription,
  EVENT_HEADER_SIZE,
  EventType,
  FIRST_EVENT_POSITION,
  QUERY_PREFIX_BYTES,
} from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { shortCrc32 } from '../index-file/index-bytes.ts'

const WINDOW_BYTES = 1024 * 1024
/** So much of an event is at hand while it is looked at. */
const PREFIX_BYTES = QUERY_PREFIX_BYTES
/** Bound of the events that are read whole: FORMAT_DESCRIPTION, PREVIOUS_GTIDS, GTID. */
const WHOLE_EVENT_BYTES_MAX = 64 * 1024 * 1024
const FORMAT_DESCRIPTION_BYTES_MAX = 64 * 1024

export interface WalkedEvent {
  readonly type: number
  readonly flags: number
  readonly timestamp: number
  readonly serverId: number
  /** where the event itself says that it ends, modulo 2^32 */
  readonly logPos: number
  readonly position: number
  readonly size: number
  readonly end: number
}

export interface WalkFault {
  /** where the event begins, or would */
  readonly position: number
  /**
   * short: the bytes end inside the header. size: no event can have it, or it does not end before
   * the limit. end position: there is no checksum, and it is not where the event ends. content: a
   * FORMAT_DESCRIPTION that cannot be understood.
   */
  readonly kind: 'short' | 'size' | 'checksum' | 'end position' | 'content'
  readonly event: WalkedEvent | undefined
  readonly why: string
}

export interface WalkOptions {
  /** where an event begins */
  readonly from: number
  /** nothing is read from here on */
  readonly limit: number
  /** the checksum of an event that ends behind this position is verified; Infinity: of none */
  readonly verifyFrom: number
  /** is shown every byte from `from` on once, in order, before the events in it */
  readonly sees?: (bytes: Buffer, position: number) => void
  /** of the events at `from`; default: what the FORMAT_DESCRIPTION at the file's head says */
  readonly checksum?: ChecksumAlgorithm
  /** false for a relay log, whose events say where they end in another file */
  readonly hasOwnPositions?: boolean
}

export class EventWalk {
  readonly #file: DiskFile
  readonly #verifyFrom: number
  readonly #sees: WalkOptions['sees']
  readonly #hasOwnPositions: boolean
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES)
  #limit: number
  /** the window is the file's [start, start + filled) */
  #start: number
  #filled = 0
  #position: number
  /** bytes up to here were shown */
  #seenTo: number
  #checksum: ChecksumAlgorithm
  #fault: WalkFault | undefined
  /** an event larger than the window, read through by `load`, with its first bytes */
  #big: { readonly event: WalkedEvent; readonly isTrue: boolean } | undefined
  #head: { readonly position: number; readonly bytes: Buffer } | undefined

  constructor(file: DiskFile, options: WalkOptions) {
    this.#file = file
    this.#limit = options.limit
    this.#verifyFrom = options.verifyFrom
    this.#sees = options.sees
    this.#start = options.from
    this.#position = options.from
    this.#seenTo = options.from
    this.#hasOwnPositions = options.hasOwnPositions ?? true
    const isHead = options.from <= FIRST_EVENT_POSITION
    this.#checksum = options.checksum ?? (isHead ? 'CRC32' : checksumOf(file))
  }

  /** what the file's FORMAT_DESCRIPTION says, once it was passed */
  get checksum(): ChecksumAlgorithm {
    return this.#checksum
  }

  /** where the next event begins */
  get position(): number {
    return this.#position
  }

  /** why the walk ended before its limit */
  get fault(): WalkFault | undefined {
    return this.#fault
  }

  /** The walk goes on to this position, at which it had ended. */
  extend(limit: number): void {
    assert(limit >= this.#position, `a walk at ${this.#position} is to end at ${limit}`)
    this.#limit = limit
  }

  /** Reads on; false when the walk is at its end. */
  async load(): Promise<boolean> {
    if (this.#fault !== undefined || this.#position >= this.#limit) return false
    await this.#slide()
    if (this.#filled < EVENT_HEADER_SIZE) return true
    const event = this.#header()
    const fits = event.size <= WINDOW_BYTES || event.end > this.#limit
    if (!fits && this.#mustReadThrough(event)) await this.#readThrough(event)
    return true
  }

  /** The next event of the window; undefined where more must be loaded, or the walk is at its end. */
  next(): WalkedEvent | undefined {
    if (this.#fault !== undefined || this.#position >= this.#limit) return undefined
    if (this.#big !== undefined) return this.#takeBig(this.#big)
    const at = this.#position - this.#start
    const here = this.#filled - at
    const isLast = this.#start + this.#filled === this.#limit
    if (here < EVENT_HEADER_SIZE) {
      if (isLast) this.#fail('short', undefined, 'the file ends inside the header of an event')
      return undefined
    }
    const event = this.#header()
    if (!this.#sizeIsPossible(event)) return undefined
    const needed = this.#mustReadThrough(event) ? event.size : Math.min(event.size, PREFIX_BYTES)
    if (here < needed) return undefined
    if (!this.#isTrue(event, at)) return undefined
    return this.#pass(event)
  }

  /**
   * Goes on behind a fault, at a position where an event begins.
   * @param position behind the fault's own
   */
  goOn(position: number): void {
    assert(this.#fault !== undefined, 'a walk that goes on had a fault')
    assert(position >= this.#fault.position, 'a walk never goes back')
    this.#fault = undefined
    this.#position = position
  }

  /** The event's first bytes, `sizeMax` at most; valid until the next `load`. */
  prefix(event: WalkedEvent, sizeMax: number): Buffer {
    const size = Math.min(event.size, sizeMax, PREFIX_BYTES)
    if (this.#head?.position === event.position) return this.#head.bytes.subarray(0, size)
    const at = event.position - this.#start
    assert(at >= 0, 'the event is in the window')
    return this.#buffer.subarray(at, Math.min(at + size, this.#filled))
  }

  /** A copy of the whole event, which must not be a big one. */
  whole(event: WalkedEvent): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(event.size, WHOLE_EVENT_BYTES_MAX))
    const at = event.position - this.#start
    if (at < 0 || at + bytes.length > this.#filled) {
      return bytes.subarray(0, this.#file.read(bytes, event.position))
    }
    this.#buffer.copy(bytes, 0, at, at + bytes.length)
    return bytes
  }

  #header(): WalkedEvent {
    const { position } = this
    const buffer = this.#buffer
    const at = position - this.#start
    const size = buffer.readUInt32LE(at + 9)
    return {
      type: buffer.readUInt8(at + 4),
      flags: buffer.readUInt16LE(at + 17),
      timestamp: buffer.readUInt32LE(at),
      serverId: buffer.readUInt32LE(at + 5),
      logPos: buffer.readUInt32LE(at + 13),
      position,
      size,
      end: position + size,
    }
  }

  #sizeIsPossible(event: WalkedEvent): boolean {
    const verified = event.end > this.#verifyFrom
    const isDescription = event.type === EventType.FORMAT_DESCRIPTION
    const hasChecksum = verified && (isDescription || this.#checksum === 'CRC32')
    const least = EVENT_HEADER_SIZE + (hasChecksum ? CHECKSUM_SIZE : 0)
    const tooBig = verified && isDescription && event.size > FORMAT_DESCRIPTION_BYTES_MAX
    if (event.size >= least && event.end <= this.#limit && !tooBig) return true
    const why = `an event of ${event.size} bytes cannot stand there`
    return this.#fail('size', event, event.end > this.#limit ? 'the file ends inside it' : why)
  }

  /** Whether all its bytes must be read, and not only its head. */
  #mustReadThrough(event: WalkedEvent): boolean {
    if (this.#sees !== undefined) return true
    return event.end > this.#verifyFrom && this.#checksum === 'CRC32'
  }

  #isTrue(event: WalkedEvent, at: number): boolean {
    if (event.end <= this.#verifyFrom) return true
    const isDescription = event.type === EventType.FORMAT_DESCRIPTION
    if (this.#checksum === 'NONE' && !isDescription) return this.#endIsTrue(event)
    const crcAt = at + event.size - CHECKSUM_SIZE
    const isTrue = isDescription
      ? checksumMatches(this.#buffer.subarray(at, crcAt + CHECKSUM_SIZE))
      : shortCrc32(this.#buffer, at, crcAt, 0) === this.#buffer.readUInt32LE(crcAt)
    return isTrue || this.#fail('checksum', event, 'its checksum is wrong')
  }

  /** Without a checksum at least the end that the event itself names must be its end. */
  #endIsTrue(event: WalkedEvent): boolean {
    if (!this.#hasOwnPositions || event.logPos === event.end % 2 ** 32) return true
    return this.#fail('end position', event, `it says that it ends at ${event.logPos}`)
  }

  #takeBig({ event, isTrue }: { event: WalkedEvent; isTrue: boolean }): WalkedEvent | undefined {
    this.#big = undefined
    if (event.end > this.#verifyFrom) {
      if (this.#checksum === 'NONE' && !this.#endIsTrue(event)) return undefined
      if (!isTrue) {
        this.#fail('checksum', event, 'its checksum is wrong')
        return undefined
      }
    }
    return this.#pass(event)
  }

  #pass(event: WalkedEvent): WalkedEvent | undefined {
    if (event.type === EventType.FORMAT_DESCRIPTION) {
      try {
        this.#checksum = decodeFormatDescription(this.whole(event)).checksum
      } catch (thrown) {
        if (!(thrown instanceof ProtocolError)) throw thrown
        this.#fail('content', event, messageOf(thrown))
        return undefined
      }
    }
    this.#position = event.end
    return event
  }

  #fail(kind: WalkFault['kind'], event: WalkedEvent | undefined, why: string): false {
    this.#fault = { position: this.#position, kind, event, why }
    return false
  }

  /** Brings the next event to the front of the window, and more behind it. */
  async #slide(): Promise<void> {
    const { position } = this
    // Behind a fault the walk may go on before what was read: the size that it believed was wrong.
    const isSkipped = this.#sees === undefined && position > this.#start + this.#filled
    if (position < this.#start || isSkipped) {
      this.#start = position
      this.#filled = 0
    }
    while (position > this.#start + this.#filled) {
      this.#start += this.#filled
      this.#filled = 0
      await this.#fill(Math.min(WINDOW_BYTES, position - this.#start))
    }
    const at = position - this.#start
    this.#buffer.copyWithin(0, at, this.#filled)
    this.#start = position
    this.#filled -= at
    await this.#fill(WINDOW_BYTES)
  }

  /** Fills the window up to `size` bytes; a file that is shorter than the limit becomes the limit. */
  async #fill(size: number): Promise<void> {
    const from = this.#start + this.#filled
    const wanted = Math.min(size - this.#filled, this.#limit - from)
    if (wanted <= 0) return
    const target = this.#buffer.subarray(this.#filled, this.#filled + wanted)
    const read = await this.#file.readAsync(target, from)
    if (from + read > this.#seenTo) {
      this.#sees?.(
        target.subarray(Math.max(0, this.#seenTo - from), read),
        Math.max(this.#seenTo, from),
      )
      this.#seenTo = from + read
    }
    this.#filled += read
    if (read < wanted) this.#limit = from + read
  }

  /** Reads an event through that is larger than the window; what is behind it may be read too. */
  async #readThrough(event: WalkedEvent): Promise<void> {
    const bytes = Buffer.from(this.#buffer.subarray(0, PREFIX_BYTES))
    this.#head = { position: event.position, bytes }
    const crcAt = event.end - CHECKSUM_SIZE
    const stored = Buffer.alloc(CHECKSUM_SIZE)
    let crc = 0
    for (;;) {
      const end = this.#start + this.#filled
      const part = this.#buffer.subarray(0, Math.max(0, Math.min(end, crcAt) - this.#start))
      crc = crc32(part, crc)
      const from = Math.max(crcAt, this.#start)
      if (end > from) this.#buffer.copy(stored, from - crcAt, from - this.#start, this.#filled)
      if (end >= event.end || end >= this.#limit) break
      this.#start = end
      this.#filled = 0
      await this.#fill(WINDOW_BYTES)
    }
    const isTrue = this.#checksum === 'NONE' || stored.readUInt32LE(0) === crc
    if (event.end <= this.#limit) this.#big = { event, isTrue }
  }
}

/** What the file's FORMAT_DESCRIPTION says of the events behind it. */
function checksumOf(file: DiskFile): ChecksumAlgorithm {
  const bytes = Buffer.alloc(FORMAT_DESCRIPTION_BYTES_MAX)
  const read = bytes.subarray(0, file.read(bytes, FIRST_EVENT_POSITION))
  if (read.length < EVENT_HEADER_SIZE || read[4] !== EventType.FORMAT_DESCRIPTION) return 'CRC32'
  return decodeFormatDescription(read.subarray(0, read.readUInt32LE(9))).checksum
}
