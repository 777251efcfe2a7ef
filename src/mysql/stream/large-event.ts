import { crc32, ProtocolError } from '../../lib/index.ts'
import { CHECKSUM_SIZE } from '../binlog/checksum.ts'
import type { EventPlace } from '../binlog/transaction-tracker.ts'
import { ChecksumError } from './event-checksum.ts'

interface LargeEventFacts {
  readonly type: number
  /** seconds since 1970 */
  readonly timestamp: number
  /** in bytes, its checksum included */
  readonly size: number
  /** 0 or CHECKSUM_SIZE */
  readonly checksumSize: number
  readonly place: EventPlace
  /** the source waits for the acknowledgement of its transaction */
  readonly awaited: boolean
}

/** An event that passes through in parts: how much of it is still to come, and its CRC-32 so far. */
export class LargeEvent {
  readonly facts: LargeEventFacts
  /** the checksum, as far as it was seen */
  readonly #tail = Buffer.alloc(CHECKSUM_SIZE)
  #tailCount = 0
  #bodyLeft: number
  #crc = 0
  /** CRC-32 of what is stored, which differs when the event is moved */
  #storedCrc: number | undefined

  constructor(facts: LargeEventFacts) {
    this.facts = facts
    this.#bodyLeft = facts.size - facts.checksumSize
  }

  /** bytes before the checksum that are still to come */
  get bodyLeft(): number {
    return this.#bodyLeft
  }

  /** Takes the header, of which another one is stored. */
  replaceHeader(header: Buffer, stored: Buffer): void {
    this.#crc = crc32(header)
    this.#storedCrc = crc32(stored)
    this.#bodyLeft -= header.length
  }

  takeBody(part: Buffer): void {
    this.#crc = crc32(part, this.#crc)
    if (this.#storedCrc !== undefined) this.#storedCrc = crc32(part, this.#storedCrc)
    this.#bodyLeft -= part.length
  }

  takeTail(part: Buffer, position: number): void {
    if (part.length > this.facts.checksumSize - this.#tailCount) {
      throw new ProtocolError(`an event is longer than it says, at position ${position}`)
    }
    this.#tailCount += part.copy(this.#tail, this.#tailCount)
  }

  /** The checksum to store, once the event is whole: nothing when it has none. @throws ChecksumError */
  finish(position: number): Buffer {
    const { checksumSize, type } = this.facts
    if (this.#bodyLeft > 0 || this.#tailCount < checksumSize) {
      throw new ProtocolError(`an event is shorter than it says, at position ${position}`)
    }
    if (checksumSize === 0) return this.#tail.subarray(0, 0)
    if (this.#crc !== this.#tail.readUInt32LE(0)) throw new ChecksumError(type, position)
    if (this.#storedCrc !== undefined) this.#tail.writeUInt32LE(this.#storedCrc)
    return this.#tail
  }
}
