/*
  Looks through a dump for its small events, to examine a source before the real dump: packets are joined,
  large events are left out but for their first bytes, and every event gets its place in the source's file.
  Checksums are left to who looks at an event: what is found here is only compared, never stored.
*/
import { ProtocolError } from '../../lib/index.ts'
import {
  checksumMatches,
  decodeErr,
  decodeRotate,
  EVENT_HEADER_SIZE,
  EventFlag,
  EventType,
  FIRST_EVENT_POSITION,
  isPreviousGtids,
  nextSequence,
  PACKET_HEADER_SIZE,
  PHYSICAL_PAYLOAD_MOST,
  readEventHeader,
} from '../../mysql/index.ts'
import { DumpRefused } from '../source-error.ts'

/** So much of an event is kept whatever it is; more of it only for those that have to be read. */
const PREFIX_BYTES = 1024

export interface SkimmedEvent {
  readonly type: number
  /** where it begins in the source's file */
  readonly file: string
  readonly position: number
  /** its size in the file; `bytes` has fewer when it was too long to keep */
  readonly size: number
  /** valid only during the call */
  readonly bytes: Buffer
}

export class EventSkimmer {
  readonly #visit: (event: SkimmedEvent) => void
  /** most bytes kept of a GTID or PREVIOUS_GTIDS event; a longer one is refused */
  readonly #keptBytesMax: number
  #sequence = 1
  readonly #header = Buffer.alloc(PACKET_HEADER_SIZE)
  #headerCount = 0
  #packetLeft = 0
  #packetFull = false
  #kept: Buffer[] = []
  #keptBytes = 0
  #size = 0
  #file = ''
  #position = 0
  #skipFormatDescription = false
  #ended = false

  constructor(keptBytesMax: number, visit: (event: SkimmedEvent) => void) {
    this.#keptBytesMax = keptBytesMax
    this.#visit = visit
  }

  /** the source has ended the dump at the end of its last file */
  get ended(): boolean {
    return this.#ended
  }

  /** Throws DumpRefused for an ERR packet and ProtocolError for bytes that are no dump. */
  push(input: Buffer): void {
    let at = 0
    while (at < input.length) {
      if (this.#headerCount < PACKET_HEADER_SIZE) {
        const count = input.copy(this.#header, this.#headerCount, at)
        this.#headerCount += count
        at += count
        if (this.#headerCount < PACKET_HEADER_SIZE) return
        this.#beginPacket()
      }
      const part = input.subarray(at, at + this.#packetLeft)
      at += part.length
      this.#packetLeft -= part.length
      this.#keep(part)
      if (this.#packetLeft === 0) this.#endPacket()
    }
  }

  #beginPacket(): void {
    const sequence = this.#header.readUInt8(3)
    if (sequence !== this.#sequence) {
      throw new ProtocolError(`the source sent packet ${sequence} where ${this.#sequence} is next`)
    }
    this.#sequence = nextSequence(sequence)
    this.#packetLeft = this.#header.readUIntLE(0, 3)
    this.#packetFull = this.#packetLeft === PHYSICAL_PAYLOAD_MOST
  }

  #keep(part: Buffer): void {
    this.#size += part.length
    const room = this.#keptMost() - this.#keptBytes
    if (room <= 0 || part.length === 0) return
    // A copy, since the socket's buffer is used again.
    const kept = Buffer.from(part.subarray(0, room))
    this.#kept.push(kept)
    this.#keptBytes += kept.length
  }

  /** The type is known from the first part on, unless that part is very short. */
  #keptMost(): number {
    const [first] = this.#kept
    const type = first?.[1 + 4]
    const wanted =
      first === undefined || type === undefined || isPreviousGtids(type) || first[0] === 0xff
    return wanted ? this.#keptBytesMax : PREFIX_BYTES
  }

  #endPacket(): void {
    this.#headerCount = 0
    if (this.#packetFull) return
    const payload =
      this.#kept.length === 1 ? (this.#kept[0] ?? this.#header) : Buffer.concat(this.#kept)
    const size = this.#size - 1
    this.#kept = []
    this.#keptBytes = 0
    this.#size = 0
    const marker = payload[0]
    if (marker === 0xff) throw new DumpRefused(decodeErr(payload))
    if (marker === 0xfe && size < 8) {
      this.#ended = true
      return
    }
    if (marker !== 0 || size < EVENT_HEADER_SIZE) {
      throw new ProtocolError(`the source sent a packet of ${size + 1} bytes that is no event`)
    }
    this.#event(payload.subarray(1), size)
  }

  #event(bytes: Buffer, size: number): void {
    const { type, flags } = readEventHeader(bytes)
    if ((flags & EventFlag.ARTIFICIAL) !== 0) {
      if (type !== EventType.ROTATE) return
      const checksum = checksumMatches(bytes) ? 'CRC32' : 'NONE'
      const { file, position } = decodeRotate(bytes, checksum)
      this.#file = file
      this.#position = Number(position)
      this.#skipFormatDescription = this.#position > FIRST_EVENT_POSITION
      return
    }
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) return
    const stored = !(type === EventType.FORMAT_DESCRIPTION && this.#skipFormatDescription)
    const position = stored ? this.#position : FIRST_EVENT_POSITION
    if (stored) this.#position += size
    else this.#skipFormatDescription = false
    this.#visit({ type, file: this.#file, position, size, bytes })
  }
}
