import type { Connection } from '../../platform/index.ts'

/** Reads a connection by the byte, for as long as its sides take turns. */
export class Intake {
  readonly #connection: Connection
  #unread: Buffer = Buffer.alloc(0)

  constructor(connection: Connection) {
    this.#connection = connection
  }

  /** The next `size` bytes; undefined when the connection ends before. */
  async take(size: number): Promise<Buffer | undefined> {
    while (this.#unread.length < size) {
      const bytes = await this.#connection.read()
      if (bytes === undefined) return undefined
      this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    }
    const taken = this.#unread.subarray(0, size)
    this.#unread = this.#unread.subarray(size)
    return taken
  }

  /** What has been read and not taken; it is the caller's from here on. */
  rest(): Buffer {
    return this.#unread
  }
}
