import { assert } from '../../lib/index.ts'

const FIRST_CAPACITY = 16

/** What a cut leaves of the record that it divides: [start, the cut's position) with its CRC-32. */
export interface Divided {
  readonly start: number
  readonly crc: number
}

/**
 * The records with bytes of a stretch of a file, by number: record i holds [startOf(i), endOf(i))
 * and has the CRC-32 crcOf(i). Flat arrays, since a stretch may have many small records.
 */
export class Extents {
  readonly start: number
  #ends = new Float64Array(FIRST_CAPACITY)
  #crcs = new Uint32Array(FIRST_CAPACITY)
  #count = 0

  constructor(start: number) {
    this.start = start
  }

  get count(): number {
    return this.#count
  }

  get end(): number {
    return this.startOf(this.#count)
  }

  startOf(index: number): number {
    return index === 0 ? this.start : this.endOf(index - 1)
  }

  endOf(index: number): number {
    return this.#ends[index] ?? 0
  }

  crcOf(index: number): number {
    return this.#crcs[index] ?? 0
  }

  push(end: number, crc: number): void {
    assert(end > this.end, `record that ends at ${end} has no bytes`)
    if (this.#count === this.#ends.length) this.#grow()
    this.#ends[this.#count] = end
    this.#crcs[this.#count] = crc
    this.#count += 1
  }

  /** Number of the record that holds the byte at `position`, which must lie in the stretch. */
  find(position: number): number {
    let low = 0
    let high = this.#count - 1
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.endOf(middle) > position) high = middle
      else low = middle + 1
    }
    return low
  }

  /**
   * Ends the stretch at `to`; `divided` is what is left of the record in which `to` lies, if it
   * lies in one.
   */
  truncate(to: number, divided: Divided | undefined): void {
    while (this.#count > 0 && this.startOf(this.#count - 1) >= to) this.#count -= 1
    if (this.end <= to) return
    assert(divided?.start === this.startOf(this.#count - 1), `cut to ${to} divides another record`)
    this.#ends[this.#count - 1] = to
    this.#crcs[this.#count - 1] = divided.crc
  }

  #grow(): void {
    const ends = new Float64Array(2 * this.#count)
    const crcs = new Uint32Array(2 * this.#count)
    ends.set(this.#ends)
    crcs.set(this.#crcs)
    this.#ends = ends
    this.#crcs = crcs
  }
}

/** Keeps the stretches that were used last, up to a number of records in all. */
export class ExtentsCache {
  readonly #recordsMax: number
  readonly #held = new Map<object, Extents>()
  #records = 0

  constructor(recordsMax: number) {
    this.#recordsMax = recordsMax
  }

  get(key: object): Extents | undefined {
    const found = this.#held.get(key)
    if (found === undefined) return undefined
    this.#held.delete(key)
    this.#held.set(key, found)
    return found
  }

  put(key: object, extents: Extents): void {
    this.drop(key)
    this.#held.set(key, extents)
    this.#records += weight(extents)
    for (const oldest of this.#held.keys()) {
      if (this.#records <= this.#recordsMax || oldest === key) break
      this.drop(oldest)
    }
  }

  drop(key: object): void {
    const found = this.#held.get(key)
    if (found === undefined) return
    this.#records -= weight(found)
    this.#held.delete(key)
  }
}

/** An empty stretch counts too, so that the number of stretches is bounded as well. */
function weight(extents: Extents): number {
  return Math.max(FIRST_CAPACITY, extents.count)
}
