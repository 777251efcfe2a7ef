import type { Random } from '../random.ts'

/** Repeatable random numbers from a seed (mulberry32), so that a failure can be run again. */
export class SeededRandom implements Random {
  #state: number

  constructor(seed: number) {
    this.#state = seed >>> 0
  }

  /** a number in [0, 1) */
  fraction(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0
    let mixed = this.#state
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** a whole number, both ends included */
  between(least: number, most: number): number {
    return least + Math.floor(this.fraction() * (most - least + 1))
  }

  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(items: readonly T[]): T {
    const item = items[this.between(0, items.length - 1)]
    if (item === undefined) throw new Error('nothing to pick from')
    return item
  }

  /** letters and digits, hard to compress */
  text(length: number): string {
    let text = ''
    while (text.length < length) text += this.between(0, 2 ** 31).toString(36)
    return text.slice(0, length)
  }

  bytes(size: number): Buffer {
    const bytes = Buffer.allocUnsafe(size)
    for (let at = 0; at < size; at += 4) {
      const word = Math.floor(this.fraction() * 2 ** 32)
      for (let byte = at; byte < Math.min(at + 4, size); byte += 1) {
        bytes[byte] = (word >>> (8 * (byte - at))) & 0xff
      }
    }
    return bytes
  }

  uuid(): string {
    const hex = this.bytes(16).toString('hex')
    const parts = [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20)]
    return [...parts, hex.slice(20)].join('-')
  }

  /** Another source of numbers that depends on this one's seed alone, not on how both are used. */
  fork(): SeededRandom {
    return new SeededRandom(Math.floor(this.fraction() * 2 ** 32))
  }
}
