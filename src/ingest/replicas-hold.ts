import { comparePositions, type Journal, type Position } from '../journal/index.ts'
import { type Watched, waitUntil } from '../lib/index.ts'
import type { Clock } from '../platform/index.ts'

/** A dump that is asynchronous because replicas lack something is given up for a semi-sync one at most so often. */
const BEGIN_ANEW_MS = 10_000
/** Before a dump begins, replicas get so long to acknowledge what they were just sent. */
const CATCH_UP_MS = 1000

/** Why the source does not wait although it is wanted; at the next connect it may. */
export const REPLICAS_LACK =
  'too few semi-sync replicas have everything that is stored here (serve.wait-for-replicas), kingbus replicates ' +
  'asynchronously until they have: see kingbus replicas'

interface ReplicasHoldOptions {
  readonly journal: Pick<Journal, 'visible'>
  /** everything before it is safe with as many replicas as are needed; undefined: none is needed */
  readonly held: Watched<Position | undefined> | undefined
  readonly clock: Clock
}

/** What is safe not only here but with as many replicas as are needed, too. */
export class ReplicasHold {
  readonly #options: ReplicasHoldOptions

  constructor(options: ReplicasHoldOptions) {
    this.#options = options
  }

  /** Everything before it may be acknowledged; undefined: nothing. */
  get safe(): Position | undefined {
    const { journal, held } = this.#options
    const visible = journal.visible.value
    if (held === undefined || visible === undefined) return visible
    if (held.value === undefined) return undefined
    return comparePositions(held.value, visible) < 0 ? held.value : visible
  }

  /** Replicas lack nothing of what is shown: a semi-sync dump, which acknowledges all before its place, may begin. */
  get isAll(): boolean {
    return this.#have(this.#options.journal.visible.value)
  }

  /** Calls the listener, which must not throw, whenever more may be safe, until the returned function is called. */
  follow(listener: () => void): () => void {
    const { journal, held } = this.#options
    const stops = [journal.visible.follow(listener), held?.follow(listener)]
    return () => {
      for (const stop of stops) stop?.()
    }
  }

  /** Resolves when replicas have what is shown now, or after a while, or when the signal fires. */
  async catchUp(signal: AbortSignal): Promise<boolean> {
    const { journal, held, clock } = this.#options
    const goal = journal.visible.value
    if (held === undefined) return true
    const late = new AbortController()
    const cancel = clock.after(CATCH_UP_MS, () => late.abort())
    await waitUntil(held, () => this.#have(goal), AbortSignal.any([signal, late.signal]))
    cancel()
    return this.#have(goal)
  }

  /**
   * Resolves when a dump that is asynchronous can be given up for a semi-sync one, or when the signal fires: replicas
   * are so near that they catch up while nothing more comes. Under load they never have all of it at once.
   */
  async mayBeginAnew(signal: AbortSignal): Promise<void> {
    await this.#options.clock.sleep(BEGIN_ANEW_MS, signal)
    let isNear = false
    while (!isNear && !signal.aborted) isNear = await this.catchUp(signal)
  }

  #have(goal: Position | undefined): boolean {
    const { held } = this.#options
    if (held === undefined || goal === undefined) return true
    return held.value !== undefined && comparePositions(held.value, goal) >= 0
  }
}
