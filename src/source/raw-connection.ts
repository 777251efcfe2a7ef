/*
  A connection to the source after mysql2 has logged in: bytes in, bytes out, nothing else. The receiver asks
  for what came; until it does, the connection is not read any further.
*/
import type { Duplex } from 'node:stream'
import type { Dialed } from '../platform/index.ts'

export interface Receiver {
  /** where a plain connection is read into, from the second read on */
  readonly target: Buffer<ArrayBuffer>
  /** `read` has something */
  arrived(): void
  /** the connection ended, with the system's error or without one; called once */
  ended(error: Error | undefined): void
}

export class RawConnection {
  readonly #stream: Duplex
  readonly #dialed: Dialed | undefined
  /** of a plain connection: what was read and not asked for */
  #arrived: Buffer | undefined
  /** the receiver has asked for more than there was, also from inside `arrived` */
  #asked = false
  #mostBytes = 0
  #error: Error | undefined

  /** @param parts.dialed the plain connection; undefined under TLS */
  constructor(parts: { stream: Duplex; dialed: Dialed | undefined }) {
    this.#stream = parts.stream
    this.#dialed = parts.dialed
  }

  receive(receiver: Receiver): void {
    this.#stream.on('error', (error) => {
      this.#error = error
    })
    this.#stream.once('close', () => receiver.ended(this.#error))
    // A source that closes its side has nothing more to say; our side closes by itself then.
    this.#stream.once('end', () => this.#stream.destroy())
    this.#mostBytes = receiver.target.length
    if (this.#dialed === undefined) {
      this.#stream.on('readable', () => receiver.arrived())
      return
    }
    this.#dialed.divert(receiver.target, (bytes) => {
      this.#arrived = bytes
      this.#asked = false
      receiver.arrived()
      return this.#asked
    })
  }

  /**
   * What came, at most as much as the target holds, and valid until the next call; undefined when there is
   * nothing: then the connection is read, and `arrived` called when there is.
   */
  read(): Buffer | undefined {
    if (this.#dialed === undefined) {
      const size = Math.min(this.#stream.readableLength, this.#mostBytes)
      const bytes: Buffer | null = this.#stream.read(size === 0 ? undefined : size)
      return bytes ?? undefined
    }
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
