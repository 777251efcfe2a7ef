import type { Journal } from '../journal/index.ts'
import { DISK_SECONDS, Histogram } from '../lib/index.ts'
import type { Clock } from '../platform/index.ts'

interface Given {
  readonly sequence: number
  readonly heardAtMs: number
}

/** How long pieces of the binlog take from their receipt until they are committed: in a cluster, on all that count. */
export class DurableTimes {
  /** in seconds, once for each piece */
  readonly histogram = new Histogram(DISK_SECONDS)
  readonly #journal: Pick<Journal, 'committed'>
  readonly #clock: Pick<Clock, 'monotonicMs'>
  /** given and not committed; their bytes are bounded by the journal */
  #waiting: Given[] = []

  constructor(journal: Pick<Journal, 'committed'>, clock: Pick<Clock, 'monotonicMs'>) {
    this.#journal = journal
    this.#clock = clock
  }

  /** A dump begins: what was given in the one before is not waited for. Returns what ends it. */
  begin(): () => void {
    this.#waiting = []
    return this.#journal.committed.follow((sequence) => this.#committed(sequence))
  }

  given(sequence: number, heardAtMs: number): void {
    this.#waiting.push({ sequence, heardAtMs })
    this.#committed(this.#journal.committed.value)
  }

  #committed(upTo: number): void {
    const count = this.#waiting.findIndex(({ sequence }) => sequence > upTo)
    const done = this.#waiting.splice(0, count < 0 ? this.#waiting.length : count)
    if (done.length === 0) return
    const nowMs = this.#clock.monotonicMs()
    for (const { heardAtMs } of done) this.histogram.observe((nowMs - heardAtMs) / 1000)
  }
}
