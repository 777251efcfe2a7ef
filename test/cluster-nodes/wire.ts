import type { Connection } from '../../src/platform/index.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import type { SimulatedNetwork } from './network.ts'

/** What travels: bytes, the end of what one side sends, or that the connection is no more. */
type Item = Uint8Array | 'end' | 'reset'

interface Outgoing {
  readonly parts: readonly Uint8Array[]
  readonly done: () => void
}

/** The side of a process; it dies with it. */
export interface WireOwner {
  readonly node: string
  readonly clock: ProcessClock
}

const NEVER = (): never => {
  throw new Error('a simulated connection has no TLS')
}

/**
 * One end of a connection. Bytes are taken by the kernel as long as its window has room, arrive in order, late and in
 * pieces of any size, and wait there until they are read.
 */
export class WireEnd implements Connection {
  readonly host: string
  readonly port = 0
  readonly tlsVersion = undefined
  readonly tlsCipher = undefined
  readonly clientCertificate = undefined
  readonly secure = NEVER
  readonly secureMutually = NEVER
  readonly owner: WireOwner
  peer!: WireEnd
  readonly #gone = new AbortController()
  readonly #network: SimulatedNetwork
  readonly #window: number
  #outgoing: Outgoing[] = []
  /** bytes that the kernel took and the other process has not read */
  #taken = 0
  #travelling: Item[] = []
  #isMoving = false
  #inbox: Uint8Array[] = []
  #hasEnded = false
  #isEnding = false
  #isClosed = false
  /** the machine lost its power, or the process is gone: nobody answers for this end */
  #isLost = false
  #reader: ((bytes: Buffer | undefined) => void) | undefined
  #isWaking = false

  constructor(network: SimulatedNetwork, owner: WireOwner, host: string, window: number) {
    this.#network = network
    this.owner = owner
    this.host = host
    this.#window = window
  }

  get gone(): AbortSignal {
    return this.#gone.signal
  }

  get isClosed(): boolean {
    return this.#isClosed
  }

  // ---- for the process

  async read(): Promise<Buffer | undefined> {
    const bytes = this.#take()
    if (bytes !== undefined || this.#hasEnded || this.#isClosed) return bytes
    return await new Promise((resolve) => {
      this.#reader = resolve
    })
  }

  write(bytes: Uint8Array, done: () => void = () => {}): void {
    this.writeAll([bytes], done)
  }

  writeAll(parts: readonly Uint8Array[], done: () => void): void {
    if (this.#isClosed || this.#isEnding) {
      this.owner.clock.after(0, done)
      return
    }
    this.#outgoing.push({ parts, done })
    this.#send()
  }

  end(lingerMs: number): void {
    if (this.#isClosed || this.#isEnding) return
    this.#isEnding = true
    this.owner.clock.after(lingerMs, () => this.destroy())
    this.#send()
  }

  destroy(): void {
    if (!this.#close()) return
    this.#carry('reset')
  }

  // ---- for the world

  /** The process is gone. @param isTold the kernel tells the other side */
  lose(isTold: boolean): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#isLost = !isTold
    this.#outgoing = []
    if (isTold) this.#carry('reset')
    else this.#travelling = []
  }

  /** Something was in the way and is not any more. */
  goOn(): void {
    this.#move()
  }

  // ---- inside

  /** @returns whether it was open */
  #close(): boolean {
    if (this.#isClosed) return false
    this.#isClosed = true
    for (const { done } of this.#outgoing.splice(0)) this.owner.clock.after(0, done)
    this.#gone.abort()
    this.#reader?.(undefined)
    this.#reader = undefined
    return true
  }

  #send(): void {
    while (this.#taken < this.#window) {
      const next = this.#outgoing.shift()
      if (next === undefined) break
      const bytes = Buffer.concat(next.parts)
      this.#taken += bytes.length
      this.owner.clock.after(0, next.done)
      this.#carry(bytes)
    }
    if (!this.#isEnding || this.#outgoing.length > 0 || this.#isClosed) return
    this.#carry('end')
    this.#close()
  }

  #carry(item: Item): void {
    this.#travelling.push(item)
    this.#move()
  }

  #move(): void {
    if (this.#isMoving || this.#travelling.length === 0) return
    const { node } = this.owner
    if (this.#network.isStalled(node, this.peer.owner.node, this)) return
    this.#isMoving = true
    this.#network.later(() => {
      this.#isMoving = false
      if (this.#network.isStalled(node, this.peer.owner.node, this)) return
      for (const item of this.#travelling.splice(0)) this.peer.#arrives(item)
      this.#move()
    })
  }

  #arrives(item: Item): void {
    if (this.#isClosed) {
      if (!this.#isLost && item !== 'reset') this.#carry('reset')
      return
    }
    if (item === 'reset') {
      this.owner.clock.after(0, () => void this.#close())
    } else if (item === 'end') {
      this.#hasEnded = true
      this.#wake()
    } else {
      this.#inbox.push(item)
      this.#wake()
    }
  }

  #wake(): void {
    if (this.#reader === undefined || this.#isWaking) return
    this.#isWaking = true
    this.owner.clock.after(0, () => {
      this.#isWaking = false
      const reader = this.#reader
      this.#reader = undefined
      reader?.(this.#take())
    })
  }

  /** Some of what has arrived. */
  #take(): Buffer | undefined {
    if (this.#inbox.length === 0 || this.#isClosed) return undefined
    const all = Buffer.concat(this.#inbox)
    const bytes = all.subarray(0, this.#network.pieceOf(all.length))
    this.#inbox = bytes.length < all.length ? [all.subarray(bytes.length)] : []
    this.peer.#wasRead(bytes.length)
    return bytes
  }

  #wasRead(size: number): void {
    this.#taken -= size
    if (!this.#isClosed) this.#send()
  }
}
