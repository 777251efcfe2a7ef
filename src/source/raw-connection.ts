/*
  A connection to the source after mysql2 has logged in: bytes in, bytes out, nothing else. The receiver asks
  for what came; until it does, the connection is not read any further.
*/
import type { Duplex } from 'node:stream'
import type { Divert } from '../platform/index.ts'

export interface Receiver {
  /** where the connection is read into, from the second read on */
  readonly target: Buffer<ArrayBuffer>
  /** `read` has something */
  arrived(): void
  /** the connection ended, with the system's error or without one; called once */
  ended(error: Error | undefined): void
}

export class RawConnection {
  readonly #stream: Duplex
  readonly #divert: Divert
  /** what was read and not asked for */
  #arrived: Buffer | undefined
  /** the receiver has asked for more than there was, also from inside `arrived` */
  #asked = false
  #error: Error | undefined

  constructor(parts: { stream: Duplex; divert: Divert }) {
    this.#stream = parts.stream
    this.#divert = parts.divert
  }

  receive(receiver: Receiver): void {
    this.#divert(receiver.target, (bytes) => {
      this.#arrived = bytes
      this.#asked = false
      receiver.arrived()
      return this.#asked
    })
    this.#stream.on('error', (error) => {
      this.#error = error
    })
    this.#stream.once('close', () => receiver.ended(this.#error))
    // A source that closes its side has nothing more to say; our side closes by itself then.
    this.#stream.once('end', () => this.#stream.destroy())
  }

  /**
   * What came, at most as much as the target holds, and valid until the next call; undefined when there is
   * nothing: then the connection is read, and `arrived` called when there is.
   */
  read(): Buffer | undefined {
    const bytes = this.#arrived
    this.#arrived = undefined
    if (bytes === undefined) {
      this.#asked = true
      this.#stream.resume()
    }
    return bytes
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes)
  }

  close(): void {
    this.#stream.destroy()
  }
}
