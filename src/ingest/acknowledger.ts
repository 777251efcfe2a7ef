import { comparePositions, type Position } from '../journal/index.ts'
import type { SourcePlace } from '../source/index.ts'

/**
 * So many ends are kept while replicas are away, for which a source that no longer waits goes on asking. At the bound
 * a new one takes the place of the newest: that one is acknowledged with it.
 */
const AWAITED_MOST = 10_000

/** The end of a transaction that the source waits for. */
export interface Awaited {
  /** in our files */
  readonly end: Position
  /** the same in the source's */
  readonly place: SourcePlace
  /** monotonic time in milliseconds */
  readonly arrivedAtMs: number
}

/**
 * Tells the source what it waits for, once that is safe: of several at once only the newest, which covers those
 * before it.
 */
export class Acknowledger {
  readonly #send: (newest: Awaited) => void
  /** in order */
  #waiting: Awaited[] = []

  /** @param send must not throw */
  constructor(send: (newest: Awaited) => void) {
    this.#send = send
  }

  /** The first that is not safe yet; undefined while the source waits for nothing. */
  get oldest(): Awaited | undefined {
    return this.#waiting[0]
  }

  /** To be called before the journal is given the piece with that end. */
  expect(awaited: Awaited): void {
    if (this.#waiting.length === AWAITED_MOST) this.#waiting.pop()
    this.#waiting.push(awaited)
  }

  /** @param end everything before it is safe, wherever it has to be; undefined: nothing is */
  safe(end: Position | undefined): void {
    if (end === undefined) return
    const open = this.#waiting.findIndex((awaited) => comparePositions(awaited.end, end) > 0)
    const count = open < 0 ? this.#waiting.length : open
    const newest = this.#waiting[count - 1]
    if (newest === undefined) return
    this.#waiting.splice(0, count)
    this.#send(newest)
  }
}
