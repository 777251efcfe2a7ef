/*
  For clients that choke on GTIDs with tags: in the packets of a dump, the events that may hold one become
  events that every reader skips,

    PREVIOUS_GTIDS (35), GTID_TAGGED (42)  ->  IGNORABLE (28), flag IGNORABLE set, checksum made anew

  of the same size, at the same place: no position changes. All PREVIOUS_GTIDS go, also those without a tag,
  so that a client meets the same on the day before the first tag as on the day after it.
*/
import { crc32 } from '../../lib/index.ts'
import { CHECKSUM_SIZE, type ChecksumAlgorithm } from '../binlog/checksum.ts'
import { EventType } from '../binlog/event-type.ts'
import { EVENT_HEADER_SIZE, EventFlag } from '../binlog/header.ts'
import { PACKET_HEADER_SIZE, PHYSICAL_PAYLOAD_MOST } from '../wire/packet.ts'

const TYPE_OFFSET = 4
const SIZE_END = 13
const FLAGS_OFFSET = 17
/** From the end of a FORMAT_DESCRIPTION: the checksum algorithm of the events behind it. */
const ALGORITHM_FROM_END = 5
const EVENT_MARKER = 0

export class TaggedGtidHider {
  readonly #packetHeader = Buffer.alloc(PACKET_HEADER_SIZE)
  #packetHeaderSize = 0
  /** bytes of the current packet that are still to come */
  #packetLeft = 0
  /** another packet goes on with the payload of this one */
  #more = false
  /** what the payload's first byte says: undefined before it, then whether an event follows */
  #isEvent: boolean | undefined
  /** in the current event: of the byte that comes next */
  #offset = 0
  readonly #header = Buffer.alloc(EVENT_HEADER_SIZE)
  #size = 0
  #hides = false
  #crc = 0
  #checksum: ChecksumAlgorithm = 'NONE'

  /** Packets of a dump as they follow each other, cut anywhere; the bytes that go in their place. */
  push(packets: Uint8Array): Buffer {
    const bytes = Buffer.from(packets)
    let at = 0
    while (at < bytes.length) {
      if (this.#packetHeaderSize < PACKET_HEADER_SIZE) at = this.#takePacketHeader(bytes, at)
      const end = Math.min(bytes.length, at + this.#packetLeft)
      this.#packetLeft -= end - at
      at = this.#takePayload(bytes, at, end)
      if (this.#packetHeaderSize === PACKET_HEADER_SIZE && this.#packetLeft === 0) this.#endPacket()
    }
    return bytes
  }

  #takePacketHeader(bytes: Buffer, at: number): number {
    const count = bytes.copy(this.#packetHeader, this.#packetHeaderSize, at)
    this.#packetHeaderSize += count
    if (this.#packetHeaderSize === PACKET_HEADER_SIZE) {
      this.#packetLeft = this.#packetHeader.readUIntLE(0, 3)
      this.#more = this.#packetLeft === PHYSICAL_PAYLOAD_MOST
    }
    return at + count
  }

  #endPacket(): void {
    this.#packetHeaderSize = 0
    if (this.#more) return
    this.#isEvent = undefined
    this.#offset = 0
    this.#hides = false
  }

  #takePayload(bytes: Buffer, from: number, end: number): number {
    let at = from
    if (this.#isEvent === undefined && at < end) {
      this.#isEvent = bytes[at] === EVENT_MARKER
      at += 1
    }
    if (this.#isEvent !== true) return end
    while (at < end && this.#offset < EVENT_HEADER_SIZE) {
      this.#takeHeaderByte(bytes, at)
      at += 1
    }
    this.#takeBody(bytes, at, end)
    return end
  }

  #takeHeaderByte(bytes: Buffer, at: number): void {
    const offset = this.#offset
    if (offset === TYPE_OFFSET) {
      this.#hides = mayHoldTag(bytes[at])
      if (this.#hides) bytes[at] = EventType.IGNORABLE
    }
    if (offset === FLAGS_OFFSET && this.#hides) bytes[at] = (bytes[at] ?? 0) | EventFlag.IGNORABLE
    this.#header[offset] = bytes[at] ?? 0
    this.#offset += 1
    if (this.#offset === SIZE_END) this.#size = this.#header.readUInt32LE(SIZE_END - 4)
    if (this.#offset === EVENT_HEADER_SIZE && this.#hides) this.#crc = crc32(this.#header)
  }

  #takeBody(bytes: Buffer, at: number, end: number): void {
    const first = this.#offset
    this.#offset += end - at
    if (this.#header[TYPE_OFFSET] === EventType.FORMAT_DESCRIPTION) {
      const algorithm = bytes[at + this.#size - ALGORITHM_FROM_END - first]
      const isHere = this.#size - ALGORITHM_FROM_END >= first
      if (isHere && this.#size - ALGORITHM_FROM_END < this.#offset) {
        this.#checksum = algorithm === 1 ? 'CRC32' : 'NONE'
      }
    }
    if (!this.#hides || this.#checksum === 'NONE') return
    const checksumAt = this.#size - CHECKSUM_SIZE
    const covered = Math.min(end, Math.max(at, at + checksumAt - first))
    this.#crc = crc32(bytes.subarray(at, covered), this.#crc)
    for (let place = covered; place < end; place += 1) {
      bytes[place] = this.#crc >>> (8 * (first + place - at - checksumAt))
    }
  }
}

function mayHoldTag(type: number | undefined): boolean {
  return type === EventType.PREVIOUS_GTIDS || type === EventType.GTID_TAGGED
}
