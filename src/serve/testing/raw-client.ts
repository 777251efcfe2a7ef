import { createHash } from 'node:crypto'
import { once } from 'node:events'
import type { Duplex } from 'node:stream'
import { present } from '../../lib/index.ts'
import {
  CACHING_SHA2_PASSWORD,
  Capability,
  decodeGreeting,
  encodeHandshakeResponse,
  encodePackets,
  type Greeting,
  type HandshakeResponse,
  PacketReader,
} from '../../mysql/index.ts'
import { dial } from '../../platform/index.ts'

const PACKET_MOST = 1024 * 1024
const CAPABILITIES =
  Capability.PROTOCOL_41 |
  Capability.SECURE_CONNECTION |
  Capability.PLUGIN_AUTH |
  Capability.PLUGIN_AUTH_LENENC |
  Capability.DEPRECATE_EOF

/** A client that sends what a test wants, right or wrong, and takes what it is sent, packet by packet. */
export class RawClient {
  readonly stream: Duplex
  readonly #reader = new PacketReader({ limit: PACKET_MOST })
  readonly #packets: Buffer[] = []
  #ended = false
  #wake: (() => void) | undefined

  constructor(stream: Duplex) {
    this.stream = stream
    stream.on('data', (bytes: Buffer) => {
      this.#reader.push(bytes, (payload, sequence) => {
        this.#packets.push(payload)
        this.#reader.expectSequence((sequence + 1) & 0xff)
        return undefined
      })
      this.#wake?.()
    })
    for (const event of ['end', 'close', 'error']) {
      stream.on(event, () => {
        this.#ended = true
        this.#wake?.()
      })
    }
  }

  static async connect(port: number): Promise<RawClient> {
    const { stream } = dial({ host: '127.0.0.1', port })
    await once(stream, 'connect')
    return new RawClient(stream)
  }

  /** The next packet; undefined when the server has closed the connection. */
  async read(): Promise<Buffer | undefined> {
    while (this.#packets.length === 0 && !this.#ended) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
    return this.#packets.shift()
  }

  async mustRead(): Promise<Buffer> {
    return present(await this.read(), 'packet')
  }

  /** Sends one packet; the server's answer is expected to go on with the numbers. */
  send(payload: Uint8Array, sequence = 0): void {
    this.#reader.expectSequence(sequence + 1)
    this.stream.write(encodePackets(payload, sequence))
  }

  /** Sends a command and reads one packet of the answer. */
  async command(payload: Uint8Array): Promise<Buffer> {
    this.send(payload)
    return await this.mustRead()
  }

  async readGreeting(): Promise<Greeting> {
    return decodeGreeting(await this.mustRead())
  }

  /**
   * Logs in by the fast path and reads up to the OK or ERR, which it returns.
   * @param more what the handshake response says beyond what it always says
   */
  async login(user: string, password: string, more: Partial<HandshakeResponse> = {}) {
    const greeting = await this.readGreeting()
    this.send(handshakeResponse(user, answerTo(greeting.scramble, password), more), 1)
    const first = await this.mustRead()
    return first[0] === 0x01 ? await this.mustRead() : first
  }
}

export function handshakeResponse(
  user: string,
  authResponse: Uint8Array,
  { capabilities = 0, ...more }: Partial<HandshakeResponse> = {},
): Buffer {
  return encodeHandshakeResponse({
    capabilities: CAPABILITIES | capabilities,
    packetMost: PACKET_MOST,
    collation: 255,
    user,
    authResponse,
    database: undefined,
    authPlugin: CACHING_SHA2_PASSWORD,
    attributes: new Map(),
    ...more,
  })
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256')
  for (const part of parts) hash.update(part)
  return hash.digest()
}

function answerTo(scramble: Uint8Array, password: string): Buffer {
  if (password === '') return Buffer.alloc(0)
  const once = sha256(Buffer.from(password))
  const mask = sha256(sha256(once), scramble)
  return Buffer.from(once.map((byte, index) => byte ^ (mask[index] ?? 0)))
}
