import { type Logger, ProtocolError, Watch, waitUntil } from '../../lib/index.ts'
import { type Clock, type Connection, yieldTurn } from '../../platform/index.ts'
import type { LogRecord } from '../../store/index.ts'
import type { Message } from '../protocol/messages.ts'
import { encodeCarried, encodeFrame } from './frame.ts'
import { FrameReader } from './frame-reader.ts'
import type { Carried } from './message-codec.ts'
import type { LinkLimits } from './options.ts'

/** A stream of messages to and from one other node. It stands when it is handed out, and ends once. */
export interface PeerLink {
  /** the other node's name: of somebody who has the cluster's secret and calls itself so */
  readonly peer: string
  /** of the link: the newest that both nodes speak */
  readonly version: number
  /**
   * Queues a message; never waits. The bytes of the records are not copied and must stay as they are. A link that
   * has ended takes it and does nothing.
   * @param records of `records` only: those that its headers are of (`headerOf`); at most RECORDS_MOST and
   * RECORDS_BYTES_MAX, or one
   */
  send(message: Message, records?: readonly LogRecord[]): void
  /** bytes that were not yet given to the kernel */
  readonly queuedBytes: number
  /** Resolves when few bytes are queued, or the link has ended. */
  writable(): Promise<void>
  /**
   * Begins to read; once, and soon: before that nobody notices that the other node is gone. The handler is called for
   * one message at a time, and never while paused. A ProtocolError that it throws is the other node's: it ends the
   * link.
   */
  receive(handler: (carried: Carried) => void): void
  /** No message is handed out until `resume`; soon the other side cannot send any more. */
  pause(): void
  resume(): void
  /** Resolves when the link has ended, however it ends. */
  readonly closed: Promise<{ readonly reason: string }>
  /** Ends it after what is queued, if that is soon sent; hands out nothing more. */
  close(reason?: string): void
}

export interface LinkParts {
  readonly connection: Connection
  readonly peer: string
  readonly version: number
  /** of the link's first frames: what was read behind the greeting */
  readonly unread: Buffer
  readonly clock: Clock
  readonly logger: Logger
  readonly limits: LinkLimits
}

/** How often within the limit of silence it is looked whether something was heard or sent. */
const CHECKS_PER_SILENCE = 6

const ALIVE = encodeFrame('alive', Buffer.alloc(0))

export class ConnectedLink implements PeerLink {
  readonly peer: string
  readonly version: number
  readonly closed: Promise<{ readonly reason: string }>
  readonly #parts: LinkParts
  readonly #ended = new AbortController()
  readonly #queued = new Watch(0)
  readonly #isPaused = new Watch(true)
  #end!: (end: { readonly reason: string }) => void
  #handler: ((carried: Carried) => void) | undefined
  #heardMs: number
  #sentMs: number
  #cancelCheck: () => void

  constructor(parts: LinkParts) {
    this.#parts = parts
    this.peer = parts.peer
    this.version = parts.version
    this.closed = new Promise((resolve) => {
      this.#end = resolve
    })
    this.#heardMs = this.#sentMs = parts.clock.monotonicMs()
    this.#cancelCheck = this.#checkSoon()
    const { gone } = parts.connection
    const lost = (): void => this.#cutOff('the connection is gone')
    if (gone.aborted) lost()
    else gone.addEventListener('abort', lost, { once: true })
  }

  get queuedBytes(): number {
    return this.#queued.value
  }

  send(message: Message, records: readonly LogRecord[] = []): void {
    if (!this.#ended.signal.aborted) this.#write(encodeCarried({ message, records }))
  }

  async writable(): Promise<void> {
    const { writableBytes } = this.#parts.limits
    await waitUntil(this.#queued, (bytes) => bytes < writableBytes, this.#ended.signal)
  }

  receive(handler: (carried: Carried) => void): void {
    this.#handler = handler
    this.resume()
    void this.#read()
  }

  pause(): void {
    this.#isPaused.set(true)
  }

  resume(): void {
    this.#heardMs = this.#parts.clock.monotonicMs()
    if (this.#isPaused.value) this.#isPaused.set(false)
  }

  close(reason = 'it was closed here'): void {
    if (this.#finish(reason)) this.#parts.connection.end(this.#parts.limits.lingerMs)
  }

  // ---- inside

  #write(parts: readonly Uint8Array[]): void {
    const { connection, limits, clock } = this.#parts
    const size = parts.reduce((sum, { length }) => sum + length, 0)
    this.#queued.set(this.#queued.value + size)
    this.#sentMs = clock.monotonicMs()
    connection.writeAll(parts, () => this.#queued.set(this.#queued.value - size))
    const queued = this.#queued.value
    if (queued > limits.queuedBytesMost) this.#cutOff(`${queued} bytes wait to be sent`)
  }

  async #read(): Promise<void> {
    const { connection, unread } = this.#parts
    const reader = new FrameReader()
    try {
      let bytes: Buffer | undefined = unread
      while (bytes !== undefined) {
        for (const carried of reader.take(bytes)) {
          await this.#turnToRead()
          if (this.#ended.signal.aborted) return
          this.#handler?.(carried)
        }
        await this.#turnToRead()
        if (this.#ended.signal.aborted) return
        bytes = await connection.read()
        this.#heardMs = this.#parts.clock.monotonicMs()
      }
      this.#cutOff('the other node has closed it')
    } catch (thrown) {
      if (!(thrown instanceof ProtocolError)) throw thrown
      this.#parts.logger.warn(
        { peer: this.peer, client: connection.host, reason: thrown.message },
        'another node broke the protocol of the link; the link is closed',
      )
      this.#cutOff(thrown.message)
    }
  }

  async #turnToRead(): Promise<void> {
    if (!this.#isPaused.value) return
    await waitUntil(this.#isPaused, (isPaused) => !isPaused, this.#ended.signal)
  }

  #checkSoon(): () => void {
    const { clock, limits } = this.#parts
    return clock.after(limits.silenceMs / CHECKS_PER_SILENCE, () => void this.#check())
  }

  async #check(): Promise<void> {
    const { clock, limits } = this.#parts
    const isQuiet = clock.monotonicMs() - this.#sentMs >= limits.silenceMs / 3
    if (isQuiet && this.#queued.value === 0) this.#write([ALIVE])
    if (this.#isSilent) {
      // This process may have slept: what has arrived meanwhile is read first.
      await yieldTurn()
      if (this.#isSilent) this.#cutOff(`nothing was heard for ${limits.silenceMs} ms`)
    }
    if (!this.#ended.signal.aborted) this.#cancelCheck = this.#checkSoon()
  }

  get #isSilent(): boolean {
    if (this.#isPaused.value) return false
    return this.#parts.clock.monotonicMs() - this.#heardMs >= this.#parts.limits.silenceMs
  }

  #cutOff(reason: string): void {
    this.#finish(reason)
    this.#parts.connection.destroy()
  }

  /** False when it has ended before. */
  #finish(reason: string): boolean {
    if (this.#ended.signal.aborted) return false
    this.#cancelCheck()
    this.#ended.abort()
    this.#end({ reason })
    return true
  }
}
