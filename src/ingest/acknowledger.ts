import type { Position } from '../journal/index.ts'
import type { SourcePlace } from '../source/index.ts'

/** The end of a transaction that the source waits for. */
interface Awaited {
  /** in our files */
  readonly end: Position
  /** the same in the source's */
  readonly place: SourcePlace
  /** monotonic time in milliseconds */
  readonly arrivedAtMs: number
}

/**
 * Tells the source what it waits for, once that is visible: of several at once only the newest, which
 * covers those before it.
 */
export class Acknowledger {
  readonly #send: (newest: Awaited) => void
  /** in order; the journal's bound on what is not committed bounds it */
  #waiting: Awaited[] = []

  /** @param send must not throw */
  constructor(send: (newest: Awaited) => void) {
    this.#send = send
  }

  /** To be called before the journal is given the piece with that end. */
  expect(awaited: Awaited): void {
    this.#waiting.push(awaited)
  }

  /** @param visible never lies in a file before the one that is expected last */
  visible(visible: Position | undefined): void {
    const open = this.#waiting.findIndex(
      ({ end }) => end.file === visible?.file && end.position > visible.position,
    )
    const count = open < 0 ? this.#waiting.length : open
    const newest = this.#waiting[count - 1]
    if (newest === undefined) return
    this.#waiting.splice(0, count)
    this.#send(newest)
  }
}
