import { present } from '../../lib/index.ts'

/**
 * Up to this many intervals are put one by one into a list; more are merged in one pass over both.
 */
const SINGLE_ADDS_MOST = 8

/**
 * Numbers of transactions as intervals `[start, end)`: ascending, never overlapping and never
 * touching, so that every set of numbers has exactly one form.
 */
export class Intervals {
  #starts: bigint[] = []
  #ends: bigint[] = []

  /**
   * Builds from intervals in any order, `starts[i]` to `ends[i]`; empty ones (`end <= start`) count
   * for nothing.
   */
  static from(starts: readonly bigint[], ends: readonly bigint[]): Intervals {
    const made = new Intervals()
    for (const index of ascending(starts)) made.#append(at(starts, index), at(ends, index))
    return made
  }

  /** how many intervals */
  get size(): number {
    return this.#starts.length
  }

  start(index: number): bigint {
    return at(this.#starts, index)
  }

  /** the number after the interval's last */
  end(index: number): bigint {
    return at(this.#ends, index)
  }

  count(): bigint {
    let total = 0n
    for (let index = 0; index < this.size; index += 1) total += this.end(index) - this.start(index)
    return total
  }

  clone(): Intervals {
    const copy = new Intervals()
    copy.#starts = this.#starts.slice()
    copy.#ends = this.#ends.slice()
    return copy
  }

  add(value: bigint): void {
    const last = this.#ends.length - 1
    // The next number of the newest interval is what a stream brings nearly always.
    if (last >= 0 && this.#ends[last] === value) this.#ends[last] = value + 1n
    else this.addRange(value, value + 1n)
  }

  addRange(start: bigint, end: bigint): void {
    // The intervals `first` to `next - 1` overlap or touch the new one and become one with it.
    const first = firstWhere(this.#ends, (found) => found >= start)
    const next = firstWhere(this.#starts, (found) => found > end)
    if (first === next) {
      this.#starts.splice(first, 0, start)
      this.#ends.splice(first, 0, end)
      return
    }
    const joinedStart = smaller(start, this.start(first))
    const joinedEnd = larger(end, this.end(next - 1))
    this.#starts.splice(first, next - first, joinedStart)
    this.#ends.splice(first, next - first, joinedEnd)
  }

  addAll(other: Intervals): void {
    if (other.size <= SINGLE_ADDS_MOST) {
      for (let index = 0; index < other.size; index += 1) {
        this.addRange(other.start(index), other.end(index))
      }
      return
    }
    const merged = Intervals.#merge(this, other)
    this.#starts = merged.#starts
    this.#ends = merged.#ends
  }

  removeAll(other: Intervals): void {
    const kept = new Intervals()
    let theirs = 0
    for (let index = 0; index < this.size; index += 1) {
      let start = this.start(index)
      const end = this.end(index)
      while (theirs < other.size && other.end(theirs) <= start) theirs += 1
      // A removed interval may reach into our next one as well, so the last one is looked at again.
      for (let hit = theirs; hit < other.size && other.start(hit) < end; hit += 1) {
        kept.#append(start, other.start(hit))
        start = other.end(hit)
        theirs = hit
      }
      kept.#append(start, end)
    }
    this.#starts = kept.#starts
    this.#ends = kept.#ends
  }

  has(value: bigint): boolean {
    return this.#containsRange(value, value + 1n)
  }

  contains(other: Intervals): boolean {
    for (let index = 0; index < other.size; index += 1) {
      if (!this.#containsRange(other.start(index), other.end(index))) return false
    }
    return true
  }

  intersects(other: Intervals): boolean {
    if (other.size > this.size) return other.intersects(this)
    for (let index = 0; index < other.size; index += 1) {
      const near = firstWhere(this.#ends, (found) => found > other.start(index))
      if (near < this.size && this.start(near) < other.end(index)) return true
    }
    return false
  }

  equals(other: Intervals): boolean {
    if (this.size !== other.size) return false
    for (let index = 0; index < this.size; index += 1) {
      if (this.start(index) !== other.start(index) || this.end(index) !== other.end(index)) {
        return false
      }
    }
    return true
  }

  /** `1-5:7` */
  toString(): string {
    return this.#starts
      .map((start, index) => {
        const last = this.end(index) - 1n
        return start === last ? `${start}` : `${start}-${last}`
      })
      .join(':')
  }

  static #merge(one: Intervals, two: Intervals): Intervals {
    const merged = new Intervals()
    let left = 0
    let right = 0
    while (left < one.size || right < two.size) {
      const takeLeft = right >= two.size || (left < one.size && one.start(left) <= two.start(right))
      if (takeLeft) {
        merged.#append(one.start(left), one.end(left))
        left += 1
      } else {
        merged.#append(two.start(right), two.end(right))
        right += 1
      }
    }
    return merged
  }

  #containsRange(start: bigint, end: bigint): boolean {
    const near = firstWhere(this.#ends, (found) => found > start)
    return near < this.size && this.start(near) <= start && end <= this.end(near)
  }

  /** Takes an interval that does not start before the last one does. */
  #append(start: bigint, end: bigint): void {
    if (end <= start) return
    const last = this.size - 1
    if (last >= 0 && start <= this.end(last)) {
      this.#ends[last] = larger(end, this.end(last))
    } else {
      this.#starts.push(start)
      this.#ends.push(end)
    }
  }
}

/** The indexes of the values in ascending order; without sorting when they are in order already. */
function ascending(values: readonly bigint[]): number[] {
  const indexes = values.map((_value, index) => index)
  const sorted = values.every((value, index) => index === 0 || at(values, index - 1) <= value)
  if (sorted) return indexes
  return indexes.sort((left, right) => (at(values, left) < at(values, right) ? -1 : 1))
}

/**
 * The first index whose value satisfies the condition, which holds for all after it; the length if
 * none does.
 */
function firstWhere(values: readonly bigint[], condition: (value: bigint) => boolean): number {
  let low = 0
  let high = values.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if (condition(at(values, middle))) high = middle
    else low = middle + 1
  }
  return low
}

function at(values: readonly bigint[], index: number): bigint {
  return present(values[index], 'an interval')
}

function smaller(one: bigint, two: bigint): bigint {
  return one < two ? one : two
}

function larger(one: bigint, two: bigint): bigint {
  return one > two ? one : two
}
