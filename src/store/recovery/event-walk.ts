import { crc32 } from '../../lib/index.ts'
import {
  CHECKSUM_SIZE,
  type ChecksumAlgorithm,
  checksumMatches,
  decodeFormatDescription,
  decodePreviousGtids,
  EVENT_HEADER_SIZE,
  EventType,
  FIRST_EVENT_POSITION,
  type GtidSet,
  readEventHeader,
} from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'

const WINDOW_BYTES = 1024 * 1024
/** Bound of the events that are read whole: FORMAT_DESCRIPTION, PREVIOUS_GTIDS, GTID. */
const WHOLE_EVENT_BYTES_MAX = 64 * 1024 * 1024
const FORMAT_DESCRIPTION_BYTES_MAX = 64 * 1024

export interface WalkedEvent {
  readonly type: number
  readonly flags: number
  readonly timestamp: number
  readonly position: number
  readonly size: number
  readonly end: number
}

export interface WalkBounds {
  /** where an event begins */
  readonly from: number
  /** nothing is read from here on */
  readonly limit: number
  /** the checksum of an event that ends behind this position is verified; Infinity: of none */
  readonly verifyFrom: number
}

/** Goes through a binlog file event by event, in bounded memory whatever the size of an event. */
export class EventWalk {
  readonly #file: DiskFile
  readonly #limit: number
  readonly #verifyFrom: number
  readonly #buffer = Buffer.allocUnsafe(WINDOW_BYTES)
  #start = 0
  #filled = 0
  #position: number
  #checksum: ChecksumAlgorithm
  #torn = false

  constructor(file: DiskFile, bounds: WalkBounds) {
    this.#file = file
    this.#limit = bounds.limit
    this.#verifyFrom = bounds.verifyFrom
    this.#position = bounds.from
    this.#checksum = bounds.from > FIRST_EVENT_POSITION ? this.#checksumOfFile() : 'CRC32'
  }

  /** what the file's FORMAT_DESCRIPTION says, once it was passed */
  get checksum(): ChecksumAlgorithm {
    return this.#checksum
  }

  /** where the next event begins */
  get position(): number {
    return this.#position
  }

  /** Bytes are there that are no whole, true event. */
  get torn(): boolean {
    return this.#torn
  }

  /** The next event; undefined at the limit and where the bytes are no whole, true event. */
  next(): WalkedEvent | undefined {
    if (this.#position === this.#limit) return undefined
    const event = this.#headerAt(this.#position)
    if (event === undefined || !this.#isTrue(event)) {
      this.#torn = true
      return undefined
    }
    if (event.type === EventType.FORMAT_DESCRIPTION) {
      this.#checksum = decodeFormatDescription(this.whole(event)).checksum
    }
    this.#position = event.end
    return event
  }

  /** The event's first bytes, `sizeMax` at most; valid until the next call. */
  prefix(event: WalkedEvent, sizeMax: number): Buffer {
    return this.#view(event.position, Math.min(event.size, sizeMax, WINDOW_BYTES))
  }

  /** A copy of the whole event, which must not be a big one. */
  whole(event: WalkedEvent): Buffer {
    const bytes = Buffer.allocUnsafe(Math.min(event.size, WHOLE_EVENT_BYTES_MAX))
    return bytes.subarray(0, this.#file.read(bytes, event.position))
  }

  #headerAt(position: number): WalkedEvent | undefined {
    if (this.#limit - position < EVENT_HEADER_SIZE) return undefined
    const bytes = this.#view(position, EVENT_HEADER_SIZE)
    if (bytes.length < EVENT_HEADER_SIZE || bytes.readUInt32LE(9) < EVENT_HEADER_SIZE) {
      return undefined
    }
    const { type, flags, timestamp, size } = readEventHeader(bytes)
    if (size > this.#limit - position) return undefined
    return { type, flags, timestamp, position, size, end: position + size }
  }

  #isTrue(event: WalkedEvent): boolean {
    if (event.end <= this.#verifyFrom) return true
    if (event.type === EventType.FORMAT_DESCRIPTION) {
      const fits = event.size <= FORMAT_DESCRIPTION_BYTES_MAX
      return (
        fits && event.size > EVENT_HEADER_SIZE + CHECKSUM_SIZE && this.#descriptionIsTrue(event)
      )
    }
    if (this.#checksum === 'NONE') return this.#ownEnd(event) === event.end % 2 ** 32
    if (event.size < EVENT_HEADER_SIZE + CHECKSUM_SIZE) return false
    return this.#crcIsTrue(event)
  }

  #descriptionIsTrue(event: WalkedEvent): boolean {
    const bytes = this.whole(event)
    return bytes.length === event.size && checksumMatches(bytes)
  }

  /** Without a checksum at least the end that the event itself names must be its end. */
  #ownEnd(event: WalkedEvent): number {
    return readEventHeader(this.#view(event.position, EVENT_HEADER_SIZE)).logPos
  }

  #crcIsTrue(event: WalkedEvent): boolean {
    const crcAt = event.end - CHECKSUM_SIZE
    let crc = 0
    for (let at = event.position; at < crcAt; ) {
      const part = this.#view(at, Math.min(crcAt - at, WINDOW_BYTES))
      if (part.length === 0) return false
      crc = crc32(part, crc)
      at += part.length
    }
    const stored = this.#view(crcAt, CHECKSUM_SIZE)
    return stored.length === CHECKSUM_SIZE && stored.readUInt32LE(0) === crc
  }

  /** Bytes of the file through the window; fewer only at the end of the file. */
  #view(position: number, size: number): Buffer {
    if (position < this.#start || position + size > this.#start + this.#filled) {
      const wanted = Math.max(size, Math.min(WINDOW_BYTES, this.#limit - position))
      this.#filled = this.#file.read(this.#buffer.subarray(0, wanted), position)
      this.#start = position
    }
    const at = position - this.#start
    return this.#buffer.subarray(at, Math.min(at + size, this.#filled))
  }

  #checksumOfFile(): ChecksumAlgorithm {
    const event = this.#headerAt(FIRST_EVENT_POSITION)
    if (event?.type !== EventType.FORMAT_DESCRIPTION) return 'CRC32'
    return decodeFormatDescription(this.whole(event)).checksum
  }
}

/**
 * What the file's PREVIOUS_GTIDS says; 'not yet' when the file ends before there could be one,
 * 'none' when it has none in its place.
 */
export function readPreviousGtids(file: DiskFile, limit: number): GtidSet | 'not yet' | 'none' {
  const from = FIRST_EVENT_POSITION
  const walk = new EventWalk(file, { from, limit, verifyFrom: from })
  for (let event = walk.next(); event !== undefined; event = walk.next()) {
    if (event.type === EventType.PREVIOUS_GTIDS) {
      return decodePreviousGtids(walk.whole(event), walk.checksum)
    }
    if (event.type !== EventType.FORMAT_DESCRIPTION) return 'none'
  }
  return 'not yet'
}
