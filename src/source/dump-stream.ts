/*
  A dump while it runs: the connection after COM_BINLOG_DUMP_GTID and its decoder. One reader takes item by
  item and sets the pace: the socket is read only when all that came is taken, so that a source that is faster
  waits. A connection that says nothing for `silenceMs` while it is listened to, although the source promised
  heartbeats, is given up.
*/
import { assert, OperationalError } from '../lib/index.ts'
import {
  checksumMatches,
  DumpDecoder,
  type DumpDecoderOptions,
  type DumpPlacement,
  decodeErr,
  decodeHeartbeat,
  decodeOk,
  decodeRotate,
  ERR_MARKER,
  type ErrPacket,
  EventFlag,
  EventKernel,
  EventType,
  encodePackets,
  encodeSemiSyncAck,
  FIRST_EVENT_POSITION,
  isPreviousGtids,
  PacketReader,
  type Piece,
  readEventHeader,
} from '../mysql/index.ts'
import type { Clock } from '../platform/index.ts'
import type { SourcePlace } from './holdings.ts'
import type { RawConnection } from './raw-connection.ts'
import { DumpRefused } from './source-error.ts'
import type { SourceLimits } from './source-limits.ts'

/** OK and ERR packets are shorter. */
const ANSWER_BYTES_MAX = 64 * 1024

/** What stands before the other events of a file, as the source sends it. */
export interface FileHead {
  /** FORMAT_DESCRIPTION */
  readonly format: Buffer
  /** PREVIOUS_GTIDS or GTID_LIST; undefined where the dump begins behind it */
  readonly previous: Buffer | undefined
}

export type DumpItem =
  /** the next bytes of the file, valid until the next item is asked for */
  | { readonly kind: 'piece'; readonly piece: Piece }
  /**
   * what follows lies in this file of the source, from this position on; its `head` comes first where our file
   * need not mirror it
   */
  | { readonly kind: 'file'; readonly place: SourcePlace; readonly mirrored: boolean }
  /** `place` has to be called before the next item is asked for */
  | { readonly kind: 'head'; readonly head: FileHead }
  /** the source has nothing more at the moment */
  | { readonly kind: 'heartbeat'; readonly place: SourcePlace }

export interface DumpStreamOptions {
  readonly connection: RawConnection
  readonly clock: Clock
  readonly limits: SourceLimits
  readonly address: string
  /** payload of COM_REGISTER_REPLICA, which makes us visible in SHOW REPLICAS; undefined for one that is no replica */
  readonly register: Buffer | undefined
  /** payload of the dump command */
  readonly dump: Buffer
  readonly decoder: Omit<DumpDecoderOptions, 'kernel'>
}

export class DumpStream {
  readonly #options: DumpStreamOptions
  readonly #decoder: DumpDecoder
  #failure: Error | undefined
  /** ends the reader's wait; undefined while it does not wait */
  #wake: (() => void) | undefined
  readonly #aborted = (): void => this.#wake?.()
  /** what ends the reader's waits */
  #followed: AbortSignal | undefined
  #heardAtMs: number
  /** the file that is sent is sent from its first event on */
  #isWhole = false
  /** of a head that is not whole yet */
  #format: Buffer | undefined
  #stopWatching: () => void = () => {}
  /** reads the answer to COM_REGISTER_REPLICA; undefined once the dump is asked for */
  #answers: PacketReader | undefined = new PacketReader({
    limit: ANSWER_BYTES_MAX,
    firstSequence: 1,
  })

  constructor(options: DumpStreamOptions) {
    this.#options = options
    this.#heardAtMs = options.clock.monotonicMs()
    const kernel = new EventKernel()
    this.#decoder = new DumpDecoder({ ...options.decoder, kernel })
    options.connection.receive({
      target: kernel.readTarget,
      arrived: () => this.#wake?.(),
      ended: (error) => this.#fail(this.#closed(error)),
    })
    if (options.register !== undefined) {
      options.connection.write(encodePackets(options.register, 0))
    } else {
      this.#answers = undefined
      options.connection.write(encodePackets(options.dump, 0))
    }
    this.#watch(options.limits.silenceMs)
  }

  /** monotonic time at which the source last said something, or we began to listen again */
  get heardAtMs(): number {
    return this.#heardAtMs
  }

  /**
   * The next item. Rejects when the dump has ended and everything that came was taken: DumpRefused for an ERR
   * packet, ProtocolError for bytes that are wrong, OperationalError E_SOURCE_CLOSED, E_SOURCE_GONE_SILENT.
   */
  async next(signal: AbortSignal): Promise<DumpItem> {
    while (true) {
      signal.throwIfAborted()
      const item = this.#decoded()
      if (item !== undefined) return item
      const bytes = this.#options.connection.read()
      if (bytes !== undefined) this.#take(bytes)
      else if (this.#failure !== undefined) throw this.#failure
      else await this.#arrival(signal)
    }
  }

  /** Says where what follows a head goes. */
  place(placement: DumpPlacement): void {
    this.#decoder.place(placement)
  }

  /** Tells a source that waits for it: everything before the place is safe here. */
  acknowledge({ file, position }: SourcePlace): void {
    this.#options.connection.write(encodePackets(encodeSemiSyncAck(file, position), 0))
  }

  close(): void {
    this.#stopWatching()
    this.#unfollow()
    this.#failure ??= this.#closed(undefined)
    this.#options.connection.close()
  }

  #arrival(signal: AbortSignal): Promise<void> {
    assert(this.#wake === undefined, 'a dump has one reader')
    this.#heardAtMs = this.#options.clock.monotonicMs()
    this.#follow(signal)
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined
        resolve()
      }
    })
  }

  /** A listener for each wait would cost a lone transaction more than its decoding. */
  #follow(signal: AbortSignal): void {
    if (signal === this.#followed) return
    this.#unfollow()
    this.#followed = signal
    signal.addEventListener('abort', this.#aborted)
  }

  #unfollow(): void {
    this.#followed?.removeEventListener('abort', this.#aborted)
    this.#followed = undefined
  }

  #take(bytes: Buffer): void {
    this.#heardAtMs = this.#options.clock.monotonicMs()
    if (this.#answers === undefined) this.#decoder.feed(bytes)
    else this.#answers.push(bytes, (payload) => this.#registered(payload))
  }

  /** Nothing follows the answer: the dump is asked for only now. */
  #registered(payload: Buffer): 'stop' {
    if (payload[0] === ERR_MARKER) throw new DumpRefused(decodeErr(payload))
    decodeOk(payload)
    this.#answers = undefined
    this.#options.connection.write(encodePackets(this.#options.dump, 0))
    return 'stop'
  }

  /** What the bytes that came are, as far as somebody has to know; undefined when more are needed. */
  #decoded(): DumpItem | undefined {
    while (true) {
      const step = this.#decoder.next()
      if (step === undefined || step.kind === 'piece') return step
      if (step.kind === 'end') throw this.#endOf(step.error)
      const item = this.#control(step.event)
      if (item !== undefined) return item
    }
  }

  #control(event: Buffer): DumpItem | undefined {
    const { type } = readEventHeader(event)
    // The decoder has verified the event by the algorithm in force, so that one with a checksum shows it.
    const checksum = checksumMatches(event) ? 'CRC32' : 'NONE'
    if (type === EventType.ROTATE) {
      const { file, position } = decodeRotate(event, checksum)
      const place = { file, position: Number(position) }
      this.#isWhole = place.position === FIRST_EVENT_POSITION
      return { kind: 'file', place, mirrored: this.#decoder.mirrors }
    }
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) {
      const { file, position } = decodeHeartbeat(event, checksum)
      return { kind: 'heartbeat', place: { file, position: Number(position) } }
    }
    return this.#decoder.mirrors ? undefined : this.#headOf(event)
  }

  #headOf(event: Buffer): DumpItem | undefined {
    const { type, flags } = readEventHeader(event)
    if (type === EventType.FORMAT_DESCRIPTION) {
      if (!this.#isWhole) return { kind: 'head', head: { format: event, previous: undefined } }
      this.#format = event
    }
    if (!isPreviousGtids(type) || (flags & EventFlag.ARTIFICIAL) !== 0) return undefined
    const format = this.#format
    this.#format = undefined
    return format && { kind: 'head', head: { format, previous: event } }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return
    this.#failure = error
    this.#stopWatching()
    this.#options.connection.close()
    this.#wake?.()
  }

  #watch(afterMs: number): void {
    this.#stopWatching = this.#options.clock.after(afterMs, () => {
      const { clock, limits, address } = this.#options
      // While nobody listens the silence is ours.
      const silentMs = this.#wake === undefined ? 0 : clock.monotonicMs() - this.#heardAtMs
      if (silentMs < limits.silenceMs) {
        this.#watch(limits.silenceMs - silentMs)
        return
      }
      this.#fail(
        new OperationalError(
          'E_SOURCE_GONE_SILENT',
          `source ${address} has said nothing for ${Math.round(silentMs)} ms, although it promised a ` +
            `heartbeat every ${limits.heartbeatMs} ms`,
          { source: address, silentMs: Math.round(silentMs) },
        ),
      )
    })
  }

  #endOf(error: ErrPacket | undefined): Error {
    if (error !== undefined) return new DumpRefused(error)
    return new OperationalError(
      'E_SOURCE_CLOSED',
      `source ${this.#options.address} ended the dump: it shuts down`,
      { source: this.#options.address },
    )
  }

  #closed(error: Error | undefined): OperationalError {
    const { address } = this.#options
    return new OperationalError(
      'E_SOURCE_CLOSED',
      `the connection to source ${address} was closed${error === undefined ? '' : `: ${error.message}`}`,
      { source: address },
      error === undefined ? {} : { cause: error },
    )
  }
}
