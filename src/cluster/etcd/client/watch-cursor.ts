import { type KeyEvent, toEvent } from './entry.ts'
import type { WatchResponse } from './messages.ts'

/**
 * Where a watch stands in the history, so that it can go on after any break: each event is taken once,
 * in order, and none is passed over.
 *
 *   - The revision in the header of a `created` answer, and of an answer with events, is the store's,
 *     not that of the last event: the watch may lag behind it, so it never moves the cursor.
 *   - A large revision may come in several messages. It is complete with the last of them; until then
 *     its keys are remembered, since after a break it comes from its beginning again.
 *   - An answer without events says that there are none up to its revision.
 */
export class WatchCursor {
  #next: bigint
  /** keys whose event of revision `#next` was taken already */
  readonly #taken = new Set<string>()

  constructor(from: bigint) {
    this.#next = from
  }

  /** the first revision that was not taken whole: where to go on after a break */
  get next(): bigint {
    return this.#next
  }

  /** The events of a message that are new. */
  take(message: WatchResponse): KeyEvent[] {
    const fresh = message.events.map(toEvent).filter((event) => this.#isNew(event))
    const last = message.events.at(-1)
    if (last !== undefined) {
      const reached = BigInt(last.kv.mod_revision) + (message.fragment ? 0n : 1n)
      this.#advance(reached)
    } else if (!message.created && !message.canceled) {
      this.#advance(BigInt(message.header.revision) + 1n)
    }
    return fresh
  }

  /** Goes on at a later revision, since what lies before it is gone. */
  skipTo(revision: bigint): void {
    this.#advance(revision)
  }

  #isNew({ entry: { key, modRevision } }: KeyEvent): boolean {
    if (modRevision < this.#next) return false
    this.#advance(modRevision)
    if (this.#taken.has(key)) return false
    this.#taken.add(key)
    return true
  }

  #advance(revision: bigint): void {
    if (revision <= this.#next) return
    this.#next = revision
    this.#taken.clear()
  }
}
