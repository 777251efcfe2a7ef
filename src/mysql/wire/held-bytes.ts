const NOTHING = Buffer.alloc(0)
/** What comes in parts is first gathered in so many bytes; the buffer doubles as more of it comes. */
const BYTES_FIRST = 512

/**
 * Bytes that come in parts, copied into one buffer: they take at most twice their size, however many parts
 * there are and whatever size was claimed, and the parts may be used again.
 */
export class HeldBytes {
  #bytes: Buffer = NOTHING
  #size = 0

  get size(): number {
    return this.#size
  }

  add(part: Uint8Array): void {
    const size = this.#size + part.length
    if (size > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#bytes.length, BYTES_FIRST))
      this.#bytes.copy(grown, 0, 0, this.#size)
      this.#bytes = grown
    }
    this.#bytes.set(part, this.#size)
    this.#size = size
  }

  /** All of them; nothing is held from here on. */
  take(): Buffer {
    const taken = this.#bytes.subarray(0, this.#size)
    this.#bytes = NOTHING
    this.#size = 0
    return taken
  }
}
