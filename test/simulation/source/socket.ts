import { Duplex } from 'node:stream'
import type { Dialed } from '../../../src/platform/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../../src/platform/testing/simulated-clock.ts'

/** The other end of a simulated connection. */
export interface Peer {
  received(bytes: Buffer): void
  closed(): void
  /** the client has taken all that was sent */
  drained(): void
}

const PAUSED_LOOK_MS = 1

/**
 * The client's end of a connection whose bytes arrive late, in pieces of any size, and perhaps not to
 * the end. Its time is the client process's: it dies with it.
 */
export class SimulatedSocket extends Duplex implements Dialed {
  readonly #clock: ProcessClock
  readonly #random: SeededRandom
  #peer: Peer | undefined
  #receive: ((bytes: Buffer) => boolean) | undefined
  /** where bytes are read to, again and again */
  #target: Buffer = Buffer.alloc(0)
  #coming: Buffer[] = []
  #isArriving = false
  #ends = false
  /** monotonic: what was written last arrives at the peer then */
  #peerHasAllMs = 0
  /** the connection breaks after so many more bytes */
  cutAfter = Number.POSITIVE_INFINITY

  constructor(clock: ProcessClock, random: SeededRandom) {
    super({ allowHalfOpen: false })
    this.#clock = clock
    this.#random = random
  }

  get stream(): Duplex {
    return this
  }

  divert(target: Buffer, receive: (bytes: Buffer) => boolean): void {
    this.#target = target
    this.#receive = receive
  }

  /** The client's process is gone, and nobody has closed the connection. */
  get isOrphaned(): boolean {
    return this.#clock.isDead
  }

  /** bytes sent and not yet arrived */
  get coming(): number {
    return this.#coming.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  connected(peer: Peer): void {
    this.#peer = peer
  }

  refuse(code: string): void {
    this.destroy(Object.assign(new Error(`simulated ${code}`), { code }))
  }

  send(bytes: Buffer): void {
    this.#coming.push(bytes)
    this.#arrive()
  }

  /** Nothing follows what was sent. */
  finish(): void {
    this.#ends = true
    this.#arrive()
  }

  override _read(): void {}

  override _final(done: () => void): void {
    done()
  }

  override _write(chunk: Buffer, _encoding: string, done: () => void): void {
    const copy = Buffer.from(chunk)
    const clock = this.#clock
    const now = clock.monotonicMs()
    this.#peerHasAllMs = Math.max(this.#peerHasAllMs, now + this.#latencyMs())
    clock.after(this.#peerHasAllMs - now, () => {
      if (!this.destroyed) this.#peer?.received(copy)
    })
    done()
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#coming = []
    this.#peer?.closed()
    done(error)
  }

  #arrive(): void {
    if (this.#isArriving || this.destroyed) return
    this.#isArriving = true
    this.#clock.after(this.#latencyMs(), () => {
      this.#isArriving = false
      this.#arrived()
    })
  }

  #arrived(): void {
    if (this.destroyed || this.#clock.isDead) return
    if (this.#receive !== undefined && this.isPaused()) {
      this.#isArriving = true
      this.#clock.after(PAUSED_LOOK_MS, () => {
        this.#isArriving = false
        this.#arrived()
      })
      return
    }
    const bytes = this.#take()
    if (bytes.length > 0) {
      if (this.#receive === undefined) this.push(bytes)
      else this.#deliver(bytes, this.#receive)
    }
    if (this.cutAfter <= 0) {
      this.refuse('ECONNRESET')
    } else if (this.#coming.length > 0) {
      this.#arrive()
    } else if (this.#ends) {
      this.push(null)
    } else {
      this.#peer?.drained()
      if (this.#coming.length > 0) this.#arrive()
    }
  }

  /** Into the target, as a real socket does; a receiver that has enough is left alone until it asks. */
  #deliver(bytes: Buffer, receive: (bytes: Buffer) => boolean): void {
    bytes.copy(this.#target)
    if (!receive(this.#target.subarray(0, bytes.length))) this.pause()
  }

  /** Some of what comes, up to where the connection breaks. */
  #take(): Buffer {
    const all = this.#coming.length === 1 ? this.#coming[0] : Buffer.concat(this.#coming)
    if (all === undefined) return Buffer.alloc(0)
    const random = this.#random
    const wanted = random.chance(0.85) ? all.length : random.between(1, Math.min(all.length, 3000))
    const most = this.#receive === undefined ? wanted : this.#target.length
    const size = Math.min(wanted, most, Math.max(0, this.cutAfter))
    this.cutAfter -= size
    this.#coming = size < all.length ? [all.subarray(size)] : []
    return Buffer.from(all.subarray(0, size))
  }

  #latencyMs(): number {
    const fraction = this.#random.fraction()
    return fraction < 0.95 ? fraction * 0.5 : fraction * 20
  }
}
