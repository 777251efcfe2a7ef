import { present } from '../../lib/index.ts'
import { Intervals } from './intervals.ts'

interface Gathered {
  readonly starts: bigint[]
  readonly ends: bigint[]
}

/**
 * Gathers intervals in the order in which a text or an encoding names them and puts them in order
 * once at the end, so that a hostile order costs no more than a sort.
 */
export class GtidIntervalsBuilder {
  readonly #gathered = new Map<string, Gathered>()

  /** Takes `start` to `end - 1` of a key, which is `uuid` or `uuid:tag`. */
  add(key: string, start: bigint, end: bigint): void {
    if (!this.#gathered.has(key)) this.#gathered.set(key, { starts: [], ends: [] })
    const gathered = present(this.#gathered.get(key), key)
    gathered.starts.push(start)
    gathered.ends.push(end)
  }

  /** What was gathered; keys with nothing in them are left out. */
  finish(): Map<string, Intervals> {
    const made = new Map<string, Intervals>()
    for (const [key, { starts, ends }] of this.#gathered) {
      const intervals = Intervals.from(starts, ends)
      if (intervals.size > 0) made.set(key, intervals)
    }
    return made
  }
}
