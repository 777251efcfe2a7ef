import { ProtocolError } from '../../lib/index.ts'
import { HeldBytes } from './held-bytes.ts'

/*
  The framing of everything on a MySQL connection:

    u24     size of what follows in this physical packet
    u8      sequence number, counts physical packets, wraps from 255 to 0
    bytes   the payload, or 0xffffff bytes of it when more follows

  A payload whose size is an exact multiple of 0xffffff ends with an empty physical packet.
*/
export const PACKET_HEADER_SIZE = 4
export const PHYSICAL_PAYLOAD_MOST = 0xffffff

/** The sequence number that follows. */
export function nextSequence(sequence: number): number {
  return (sequence + 1) & 0xff
}

/** A payload as the physical packets that carry it, headers included. */
export function encodePackets(payload: Uint8Array, firstSequence: number): Buffer {
  const whole = Math.floor(payload.length / PHYSICAL_PAYLOAD_MOST)
  const packets = Buffer.allocUnsafe(payload.length + (whole + 1) * PACKET_HEADER_SIZE)
  let at = 0
  for (let index = 0; index <= whole; index += 1) {
    const part = payload.subarray(
      index * PHYSICAL_PAYLOAD_MOST,
      (index + 1) * PHYSICAL_PAYLOAD_MOST,
    )
    packets.writeUIntLE(part.length, at, 3)
    packets.writeUInt8((firstSequence + index) & 0xff, at + 3)
    packets.set(part, at + PACKET_HEADER_SIZE)
    at += PACKET_HEADER_SIZE + part.length
  }
  return packets
}

export interface PacketReaderOptions {
  /** largest payload accepted, in bytes, over all its physical packets */
  readonly limit: number
  /** sequence number that the first packet must have; 0 when not given */
  readonly firstSequence?: number
}

/**
 * Takes one whole payload and the sequence number of its last physical packet (an answer begins with
 * the number after it). Returns 'stop' to leave the rest of the pushed bytes unread.
 */
export type OnPacket = (payload: Buffer, sequence: number) => 'stop' | undefined

const NOTHING = Buffer.alloc(0)

/**
 * Joins bytes, cut anywhere, into payloads. Sequence numbers must be continuous; a new command starts
 * again where `expectSequence` says. What has come of a payload is copied into one buffer, so that it takes
 * at most twice its size (and twice `limit`), however many parts it comes in and whatever size it claims;
 * `bytes` may be used again after the call. After it threw it is not used again.
 */
export class PacketReader {
  /** may be changed between packets: small before the login, larger after it */
  limit: number
  #expected: number
  #header = Buffer.alloc(PACKET_HEADER_SIZE)
  #headerSize = 0
  /** bytes of the current physical packet that have not come yet */
  #missing = 0
  #more = false
  /** what has come of the current payload */
  readonly #held = new HeldBytes()
  /** bytes of the current payload, as far as the headers of its physical packets say it */
  #size = 0

  constructor({ limit, firstSequence = 0 }: PacketReaderOptions) {
    this.limit = limit
    this.#expected = firstSequence
  }

  /** the sequence number that the next physical packet must have, and that an answer to the last begins with */
  get expected(): number {
    return this.#expected
  }

  /** The next physical packet must have this sequence number. */
  expectSequence(sequence: number): void {
    this.#expected = sequence
  }

  /** true between packets: an end of the connection here cuts nothing */
  get idle(): boolean {
    return this.#headerSize === 0 && this.#held.size === 0 && !this.#more
  }

  /**
   * Payloads may be views of `bytes`. Returns what was left unread, which is nothing unless `onPacket`
   * said 'stop'. Throws ProtocolError for a payload beyond the limit or a sequence number out of order.
   */
  push(bytes: Buffer, onPacket: OnPacket): Buffer {
    let at = 0
    while (at < bytes.length) {
      at += this.#headerSize < PACKET_HEADER_SIZE ? this.#takeHeader(bytes, at) : 0
      if (this.#headerSize < PACKET_HEADER_SIZE) return NOTHING
      const part = bytes.subarray(at, at + this.#missing)
      at += part.length
      this.#missing -= part.length
      const whole = this.#missing === 0 && !this.#more
      if (!whole || this.#held.size > 0) this.#held.add(part)
      if (this.#missing > 0) return NOTHING
      this.#headerSize = 0
      if (whole && this.#deliver(part, onPacket) === 'stop') return bytes.subarray(at)
    }
    return NOTHING
  }

  #takeHeader(bytes: Buffer, at: number): number {
    const count = bytes.copy(this.#header, this.#headerSize, at)
    this.#headerSize += count
    if (this.#headerSize < PACKET_HEADER_SIZE) return count
    const size = this.#header.readUIntLE(0, 3)
    const sequence = this.#header.readUInt8(3)
    if (sequence !== this.#expected) {
      throw new ProtocolError(`packet has sequence number ${sequence} instead of ${this.#expected}`)
    }
    this.#expected = nextSequence(sequence)
    this.#size += size
    if (this.#size > this.limit) {
      throw new ProtocolError(`packet of ${this.#size} bytes is over the limit of ${this.limit}`)
    }
    this.#missing = size
    this.#more = size === PHYSICAL_PAYLOAD_MOST
    return count
  }

  /** `last` is the whole payload when nothing is held. */
  #deliver(last: Buffer, onPacket: OnPacket): 'stop' | undefined {
    const payload = this.#held.size > 0 ? this.#held.take() : last
    this.#size = 0
    return onPacket(payload, (this.#expected + 0xff) & 0xff)
  }
}
