import { ProtocolError } from '../../lib/index.ts'
import {
  COMPRESSED_BYTES_LEAST,
  CompressedPacketReader,
  encodeCompressedHeader,
  nextSequence,
} from '../../mysql/index.ts'
import type { Codec, Connection } from '../../platform/index.ts'

/**
 * So much goes into one compressed packet: little enough for other sessions to get their turn and for
 * clients with small buffers, more than the window over which zlib finds repetitions (32 KiB).
 */
const CONTENT_BYTES_MOST = 64 * 1024

type Carrier = Pick<Connection, 'read' | 'writeAll' | 'gone' | 'destroy'>

/**
 * Protocol compression over one connection: bytes in, bytes out, as on the connection itself. What is written is
 * compressed piece by piece, the next one when the one before is on its way, so that memory does not depend
 * on how much is written at a time or on how slowly the client takes it.
 */
export class CompressedBytes {
  readonly #connection: Carrier
  readonly #codec: Codec
  readonly #reader = new CompressedPacketReader()
  #unread: Buffer
  /** number of the next packet that is written */
  #sequence = 0
  #isAnswering = true
  /** resolves when all that was written so far is on its way */
  #written: Promise<void> = Promise.resolve()

  /** @param unread bytes that were read from the connection already */
  constructor(connection: Carrier, codec: Codec, unread: Buffer) {
    this.#connection = connection
    this.#codec = codec
    this.#unread = unread
  }

  /**
   * The content of the client's next compressed packet, which may be empty; undefined when the client is
   * gone. The numbers of these packets are not checked: the packets inside have their own.
   */
  async read(): Promise<Buffer | undefined> {
    let found = this.#reader.take(this.#unread)
    while (found === undefined) {
      const bytes = await this.#connection.read()
      if (bytes === undefined) {
        if (this.#reader.idle) return undefined
        throw new ProtocolError('the connection ends inside a compressed packet')
      }
      found = this.#reader.take(bytes)
    }
    const { packet, rest } = found
    this.#unread = rest
    if (this.#isAnswering) this.#sequence = nextSequence(packet.sequence)
    if (packet.contentSize === 0) return packet.body
    const content = await this.#codec.decompress(packet.body, packet.contentSize)
    if (content !== undefined) return content
    throw new ProtocolError('the content of a compressed packet is not what its header says')
  }

  /** What is read from here on does not number what is written. */
  endCommands(): void {
    this.#isAnswering = false
  }

  /** As Connection.write. */
  write(bytes: Uint8Array, done: () => void): void {
    this.#written = this.#writeBehind(this.#written, bytes, done)
  }

  async #writeBehind(before: Promise<void>, bytes: Uint8Array, done: () => void): Promise<void> {
    await before
    try {
      await this.#writePieces(bytes)
    } catch {
      // What cannot be compressed (for want of memory) cannot be left out either.
      this.#connection.destroy()
    }
    done()
  }

  async #writePieces(bytes: Uint8Array): Promise<void> {
    let taken: Promise<void> | undefined
    for (let at = 0; at < bytes.length; at += CONTENT_BYTES_MOST) {
      const content = bytes.subarray(at, at + CONTENT_BYTES_MOST)
      if (this.#connection.gone.aborted) return
      const packed = await this.#pack(content)
      const isSmaller = packed !== undefined && packed.length < content.length
      const body = isSmaller ? packed : content
      const contentSize = isSmaller ? content.length : 0
      const header = encodeCompressedHeader(body.length, { sequence: this.#sequence, contentSize })
      this.#sequence = nextSequence(this.#sequence)
      taken = new Promise((resolve) => this.#connection.writeAll([header, body], resolve))
    }
    await taken
  }

  async #pack(content: Uint8Array): Promise<Buffer | undefined> {
    if (content.length < COMPRESSED_BYTES_LEAST) return undefined
    return await this.#codec.compress(content)
  }
}
