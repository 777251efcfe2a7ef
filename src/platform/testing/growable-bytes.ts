/** Bytes that grow where they are written, as a file does; a gap reads as zeros. */
export class GrowableBytes {
  #buffer = Buffer.alloc(4096)
  #size = 0

  get size(): number {
    return this.#size
  }

  /** A view that is valid until the next change. */
  view(from = 0, to = this.#size): Buffer {
    return this.#buffer.subarray(from, Math.min(to, this.#size))
  }

  write(bytes: Uint8Array, position: number): void {
    const end = position + bytes.length
    this.#reserve(end)
    this.#buffer.set(bytes, position)
    this.#size = Math.max(this.#size, end)
  }

  append(bytes: Uint8Array): void {
    this.write(bytes, this.#size)
  }

  /** The file ends at `size`: longer with zeros, or shorter. */
  resize(size: number): void {
    this.#reserve(size)
    if (size < this.#size) this.#buffer.fill(0, size, this.#size)
    this.#size = size
  }

  flip(position: number, mask: number): void {
    if (position < this.#size) this.#buffer[position] = (this.#buffer[position] ?? 0) ^ mask
  }

  copyFrom(other: GrowableBytes): void {
    this.resize(0)
    this.write(other.view(), 0)
  }

  #reserve(size: number): void {
    if (size <= this.#buffer.length) return
    const grown = Buffer.alloc(Math.max(size, 2 * this.#buffer.length))
    this.#buffer.copy(grown, 0, 0, this.#size)
    this.#buffer = grown
  }
}
