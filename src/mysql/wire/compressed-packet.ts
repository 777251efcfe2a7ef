import { HeldBytes } from './held-bytes.ts'
import { Reader } from './reader.ts'
import { Writer } from './writer.ts'

/*
  What protocol compression puts around everything on a connection, in both directions, from the first byte
  after the OK of the login on:

    u24     size of what follows this header
    u8      sequence number of the compressed packets, begins at 0 with each command
    u24     size of the content before it was compressed; 0 when it is not compressed
    bytes   the content

  The contents, one after the other, are the ordinary packets with their headers, cut anywhere.
*/
const HEADER_SIZE = 7

/** Less than this MySQL does not compress. */
export const COMPRESSED_BYTES_LEAST = 50

export interface CompressedPacket {
  readonly sequence: number
  readonly body: Buffer
  /** bytes that `body` must have when it is decompressed; 0 when it is not compressed */
  readonly contentSize: number
}

/** @param size bytes that follow the header */
export function encodeCompressedHeader(
  size: number,
  { sequence, contentSize }: Pick<CompressedPacket, 'sequence' | 'contentSize'>,
): Buffer {
  return new Writer().u24(size).u8(sequence).u24(contentSize).finish()
}

/** Joins bytes, cut anywhere, into compressed packets; `bytes` may be used again after each call. */
export class CompressedPacketReader {
  readonly #header = Buffer.alloc(HEADER_SIZE)
  #headerSize = 0
  readonly #body = new HeldBytes()

  /** true between packets: an end of the connection here cuts nothing */
  get idle(): boolean {
    return this.#headerSize === 0
  }

  /**
   * The packet that is whole with these bytes, and those behind it; undefined when all of them were taken
   * and more must come.
   */
  take(bytes: Buffer): { readonly packet: CompressedPacket; readonly rest: Buffer } | undefined {
    const head = bytes.copy(this.#header, this.#headerSize)
    this.#headerSize += head
    if (this.#headerSize < HEADER_SIZE) return undefined
    const header = new Reader(this.#header)
    const size = header.u24()
    const sequence = header.u8()
    const contentSize = header.u24()
    const end = head + size - this.#body.size
    this.#body.add(bytes.subarray(head, end))
    if (this.#body.size < size) return undefined
    this.#headerSize = 0
    const packet = { sequence, contentSize, body: this.#body.take() }
    return { packet, rest: bytes.subarray(end) }
  }
}
