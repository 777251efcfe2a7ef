/** A line that is longer is handed on in pieces of this size. */
const LINE_BYTES_MOST = 64 * 1024

/** Cuts what arrives in any pieces into lines, without their ends; keeps at most one line's bytes. */
export class LineSplitter {
  readonly #onLine: (line: string) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(onLine: (line: string) => void) {
    this.#onLine = onLine
  }

  take(bytes: Buffer): void {
    let rest = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    for (;;) {
      const end = rest.subarray(0, LINE_BYTES_MOST).indexOf(0x0a)
      if (end < 0 && rest.length < LINE_BYTES_MOST) break
      const length = end < 0 ? LINE_BYTES_MOST : end
      this.#give(rest.subarray(0, length))
      rest = rest.subarray(end < 0 ? length : length + 1)
    }
    // A copy, so that the rest of a line does not keep the whole piece in memory.
    this.#rest = Buffer.from(rest)
  }

  /** Hands on what is left without an end of line. */
  end(): void {
    if (this.#rest.length > 0) this.#give(this.#rest)
    this.#rest = Buffer.alloc(0)
  }

  #give(line: Buffer): void {
    if (line.length > 0) this.#onLine(line.toString('utf8'))
  }
}
