import { ProtocolError } from '../../lib/index.ts'
import {
  encodePackets,
  nextSequence,
  PacketReader,
  PHYSICAL_PAYLOAD_MOST,
} from '../../mysql/index.ts'
import type { Codec, Connection, ServerTls } from '../../platform/index.ts'
import { CompressedBytes } from './compressed-bytes.ts'

const NOTHING = Buffer.alloc(0)

/**
 * One client's connection as packets. A packet is read only when asked for and an answer goes on
 * with the sequence number after it. ProtocolError for bytes that are no packets.
 */
export class PacketChannel {
  #connection: Connection
  /** set from the login on when the client asked for it */
  #compressed: CompressedBytes | undefined
  readonly #reader: PacketReader
  /** bytes that came with the packet before */
  #unread: Buffer = NOTHING
  #sequence = 0

  constructor(connection: Connection, packetBytesMost: number) {
    this.#connection = connection
    this.#reader = new PacketReader({ limit: packetBytesMost })
  }

  get connection(): Connection {
    return this.#connection
  }

  /** Bytes that a packet may have from now on. */
  limitPackets(bytesMost: number): void {
    this.#reader.limit = bytesMost
  }

  /** The first packet of a new command; sequence numbers begin again. */
  async readCommand(): Promise<Buffer | undefined> {
    this.#reader.expectSequence(0)
    return await this.#read()
  }

  /** The client's next packet in an exchange; undefined when the client is gone. */
  async read(): Promise<Buffer | undefined> {
    this.#reader.expectSequence(this.#sequence)
    return await this.#read()
  }

  async #read(): Promise<Buffer | undefined> {
    let found: Buffer | undefined
    for (;;) {
      try {
        this.#unread = this.#reader.push(this.#unread, (payload) => {
          found = payload
          return 'stop'
        })
      } finally {
        // Also after a packet that is refused, so that the client understands the answer to it.
        this.#sequence = this.#reader.expected
      }
      if (found !== undefined) return found
      const bytes = await (this.#compressed ?? this.#connection).read()
      if (bytes === undefined) {
        if (this.#reader.idle) return undefined
        throw new ProtocolError('the connection ends inside a packet')
      }
      this.#unread = bytes
    }
  }

  /** Sends the payloads as packets; resolves when the socket has taken them or is gone. */
  async send(...payloads: readonly Uint8Array[]): Promise<void> {
    const packets: Buffer[] = []
    for (const payload of payloads) {
      const encoded = encodePackets(payload, this.#sequence)
      this.#sequence = nextSequence(lastSequenceOf(payload, this.#sequence))
      packets.push(encoded)
    }
    const bytes = Buffer.concat(packets)
    await new Promise<void>((resolve) => this.write(bytes, resolve))
  }

  /** Packets, or parts of them, with their headers; `done` is called once when they are no longer needed. */
  write(bytes: Uint8Array, done: () => void): void {
    const stream = this.#compressed ?? this.#connection
    stream.write(bytes, done)
  }

  /** The next packet that is sent has this sequence number. */
  continueAt(sequence: number): void {
    this.#sequence = sequence
  }

  /** Compresses all that follows, and expects the same of the client. */
  compress(codec: Codec): void {
    this.#compressed = new CompressedBytes(this.#connection, codec, this.#unread)
    this.#unread = NOTHING
  }

  /** What the client sends from here on is no command that is answered. */
  endCommands(): void {
    this.#compressed?.endCommands()
  }

  /** Goes on under TLS; false when the client does not get through the handshake. */
  async secure(tls: ServerTls): Promise<boolean> {
    const secured = await this.#connection.secure(tls, this.#unread)
    this.#unread = NOTHING
    if (secured === undefined) return false
    this.#connection = secured
    return true
  }
}

function lastSequenceOf(payload: Uint8Array, first: number): number {
  return (first + Math.floor(payload.length / PHYSICAL_PAYLOAD_MOST)) & 0xff
}
