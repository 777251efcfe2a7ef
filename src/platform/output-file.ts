import * as fs from 'node:fs'
import type { LineSplitter } from './line-splitter.ts'

const LOOK_MS = 100
const READ_BYTES = 64 * 1024
/** What has been read is dropped when it is more than this. */
const KEPT_BYTES = 1024 * 1024

/**
 * A file that a child writes its output to and that is read here as it grows. A pipe would end with us, and with it a
 * child that writes to it: this one outlives us. The file stays small as long as it is read.
 */
export class OutputFile {
  /** for the child; open for appending */
  readonly descriptor: number
  readonly #lines: LineSplitter
  readonly #buffer = Buffer.allocUnsafe(READ_BYTES)
  readonly #timer: NodeJS.Timeout
  #read = 0
  #isOver = false

  /** Empties the file, or makes it with mode 0600. */
  constructor(path: string, lines: LineSplitter) {
    const { O_RDWR, O_CREAT, O_TRUNC, O_APPEND } = fs.constants
    this.descriptor = fs.openSync(path, O_RDWR | O_CREAT | O_TRUNC | O_APPEND, 0o600)
    this.#lines = lines
    this.#timer = setInterval(() => this.#take(), LOOK_MS)
  }

  /** Hands on the rest and closes the file, once. */
  end(): void {
    if (this.#isOver) return
    this.#isOver = true
    clearInterval(this.#timer)
    this.#take()
    this.#lines.end()
    fs.closeSync(this.descriptor)
  }

  #take(): void {
    for (;;) {
      const size = fs.readSync(this.descriptor, this.#buffer, 0, READ_BYTES, this.#read)
      if (size === 0) break
      this.#read += size
      // The buffer is used again.
      this.#lines.take(Buffer.from(this.#buffer.subarray(0, size)))
    }
    if (this.#read < KEPT_BYTES) return
    // A line that is written between the two is lost; it is one in many thousands.
    fs.ftruncateSync(this.descriptor, 0)
    this.#read = 0
  }
}
