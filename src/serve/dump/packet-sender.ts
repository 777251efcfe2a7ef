import { assert } from '../../lib/index.ts'
import { DumpFramer, encodePackets, SEMI_SYNC_MAGIC } from '../../mysql/index.ts'
import type { Clock } from '../../platform/index.ts'
import { type DumpSink, FIRST_DUMP_SEQUENCE } from '../dump-request.ts'

/** So many writes of one dump may be on their way; it waits before it makes another one. */
const WRITES_IN_FLIGHT_MAX = 2

const EVENT_MARKER = Buffer.of(0)

export interface SenderOptions {
  readonly isSemiSync: boolean
  readonly sink: DumpSink
  readonly clock: Clock
  /** ends the waiting for room */
  readonly stop: AbortSignal
}

/**
 * The packets of one dump: their sequence numbers, what is in flight, and when something was last
 * sent.
 */
export class PacketSender {
  readonly framer: DumpFramer
  bytesSent = 0
  lastSentMs: number
  readonly #sink: DumpSink
  readonly #clock: Clock
  readonly #stop: AbortSignal
  #inFlight = 0
  #wake: (() => void) | undefined

  constructor({ sink, clock, stop, isSemiSync }: SenderOptions) {
    this.framer = new DumpFramer(FIRST_DUMP_SEQUENCE, isSemiSync)
    this.#sink = sink
    this.#clock = clock
    this.#stop = stop
    this.lastSentMs = clock.monotonicMs()
    stop.addEventListener('abort', () => this.#wake?.(), { once: true })
  }

  get hasRoom(): boolean {
    return this.#inFlight < WRITES_IN_FLIGHT_MAX
  }

  /** Resolves when another write may be made, or when the dump is to end. */
  async room(): Promise<void> {
    while (!this.hasRoom && !this.#stop.aborted) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
      this.#wake = undefined
    }
  }

  /** Bytes that the framer has framed; `done` once they are no longer needed. */
  write(bytes: Uint8Array, done: () => void): void {
    this.#inFlight += 1
    this.bytesSent += bytes.length
    this.lastSentMs = this.#clock.monotonicMs()
    this.#sink.write(bytes, () => {
      this.#inFlight -= 1
      done()
      this.#wake?.()
    })
  }

  /** One event of our own making. */
  event(event: Buffer): void {
    this.write(this.framed(event), () => {})
  }

  /**
   * The packet of one small event, which takes the next sequence number.
   * @param isAwaited its acknowledgement is wanted, where this is a semi-sync dump
   */
  framed(event: Buffer, isAwaited = false): Buffer {
    const { framer } = this
    assert(framer.betweenEvents, 'an event of our own would stand inside another one')
    const sequence = framer.takeSequence()
    if (!framer.isSemiSync) return encodePackets(Buffer.concat([EVENT_MARKER, event]), sequence)
    if (isAwaited) framer.beginAgain()
    const mark = Buffer.of(SEMI_SYNC_MAGIC, isAwaited ? 1 : 0)
    return encodePackets(Buffer.concat([EVENT_MARKER, mark, event]), sequence)
  }
}
