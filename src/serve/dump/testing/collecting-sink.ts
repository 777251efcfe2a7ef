import { PacketReader } from '../../../mysql/index.ts'
import { type DumpSink, FIRST_DUMP_SEQUENCE } from '../../dump-request.ts'

/** A client that keeps what it gets, and takes it only while it is not stalled. */
export class CollectingSink implements DumpSink {
  readonly #gone = new AbortController()
  readonly signal = this.#gone.signal
  /** events, each without its marker */
  readonly events: Buffer[] = []
  readonly sequences: number[] = []
  inFlightMax = 0
  #inFlight = 0
  #stalled: (() => void)[] | undefined
  readonly #packets = new PacketReader({
    limit: 1 << 30,
    firstSequence: FIRST_DUMP_SEQUENCE,
  })
  #waiting: { count: number; resolve: () => void }[] = []

  write(bytes: Uint8Array, done: () => void): void {
    this.#inFlight += 1
    this.inFlightMax = Math.max(this.inFlightMax, this.#inFlight)
    const finish = (): void => {
      // Bytes are looked at only now: a buffer that was used again too early shows.
      this.#packets.push(Buffer.from(bytes), (payload, sequence) => {
        this.events.push(payload.subarray(1))
        this.sequences.push(sequence)
        return undefined
      })
      this.#inFlight -= 1
      done()
      this.#wake()
    }
    if (this.#stalled === undefined) queueMicrotask(finish)
    else this.#stalled.push(finish)
  }

  stall(): void {
    this.#stalled ??= []
  }

  resume(): void {
    const waiting = this.#stalled ?? []
    this.#stalled = undefined
    for (const finish of waiting) finish()
  }

  end(reason: string): void {
    this.#gone.abort(reason)
  }

  /** Resolves when so many events have come. */
  has(count: number): Promise<void> {
    if (this.events.length >= count) return Promise.resolve()
    return new Promise((resolve) => {
      this.#waiting.push({ count, resolve })
    })
  }

  /** Everything written was taken. */
  get isTaken(): boolean {
    return this.#inFlight === 0
  }

  #wake(): void {
    const ready = this.#waiting.filter(({ count }) => this.events.length >= count)
    this.#waiting = this.#waiting.filter((one) => !ready.includes(one))
    for (const { resolve } of ready) resolve()
  }
}
