/*
  A connection to the source after mysql2 has logged in: bytes in, bytes out, nothing else. Bytes go to one
  receiver, which may pause them; after `turnBytes` in one go other work of the process gets its turn.
*/
import type { Duplex } from 'node:stream'
import type { Dialed } from '../platform/index.ts'

export interface Receiver {
  /** the bytes are valid only during the call */
  bytes(bytes: Buffer): void
  /** the connection ended, with the system's error or without one; called once */
  ended(error: Error | undefined): void
}

export class RawConnection {
  readonly #stream: Duplex
  readonly #dialed: Dialed | undefined
  readonly #turnBytes: number
  #turn = 0
  #turnEnds: NodeJS.Immediate | undefined
  #paused = false
  #error: Error | undefined

  /** @param parts.dialed the plain connection; undefined under TLS */
  constructor(parts: { stream: Duplex; dialed: Dialed | undefined; turnBytes: number }) {
    this.#stream = parts.stream
    this.#dialed = parts.dialed
    this.#turnBytes = parts.turnBytes
  }

  receive(receiver: Receiver): void {
    const take = (bytes: Buffer): void => {
      if (this.#stream.destroyed) return
      receiver.bytes(bytes)
      this.#countTurn(bytes.length)
    }
    this.#stream.on('error', (error) => {
      this.#error = error
    })
    this.#stream.once('close', () => receiver.ended(this.#error))
    // A source that closes its side has nothing more to say; our side closes by itself then.
    this.#stream.once('end', () => this.#stream.destroy())
    if (this.#dialed === undefined) this.#stream.on('data', take)
    else this.#dialed.divert(take)
    this.#stream.resume()
  }

  write(bytes: Uint8Array): void {
    this.#stream.write(bytes)
  }

  /** No bytes until `resume`; a few that are on their way may still come. */
  pause(): void {
    this.#paused = true
    this.#stream.pause()
  }

  resume(): void {
    this.#paused = false
    if (this.#turnEnds === undefined) this.#stream.resume()
  }

  close(): void {
    clearImmediate(this.#turnEnds)
    this.#stream.destroy()
  }

  #countTurn(size: number): void {
    this.#turn += size
    if (this.#turnEnds !== undefined) return
    if (this.#turn < this.#turnBytes) return
    this.#turn = 0
    this.#stream.pause()
    this.#turnEnds = setImmediate(() => {
      this.#turnEnds = undefined
      if (!this.#paused) this.#stream.resume()
    })
  }
}
