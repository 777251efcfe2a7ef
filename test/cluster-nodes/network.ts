import { OperationalError } from '../../src/lib/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import { WireEnd, type WireOwner } from './wire.ts'

/** Who takes connections: a process that runs. */
export interface Listener extends WireOwner {
  accept(connection: WireEnd, from: string): void
}

const DIAL_LIMIT_MS = 5000

/** What joins the nodes: late, in one direction or both, or not at all. */
export class SimulatedNetwork {
  /** `A>B`: nothing from A reaches B */
  readonly blocked = new Set<string>()
  readonly #clock: ProcessClock
  readonly #random: SeededRandom
  readonly #listener: (node: string) => Listener | undefined
  readonly #ends = new Set<WireEnd>()
  /** ends whose bytes wait for a way */
  readonly #stalled = new Set<WireEnd>()
  /** bytes that a connection holds before who sends must wait; another one in each world */
  readonly #window: number

  /** @param clock of the world @param listener the process of a node, while it takes connections */
  constructor(
    clock: ProcessClock,
    random: SeededRandom,
    listener: (node: string) => Listener | undefined,
  ) {
    this.#clock = clock
    this.#random = random
    this.#listener = listener
    this.#window = random.pick([2000, 20_000, 200_000, 4_000_000])
  }

  block(from: string, to: string): void {
    if (from !== to) this.blocked.add(`${from}>${to}`)
  }

  unblock(from: string, to: string): void {
    this.blocked.delete(`${from}>${to}`)
    this.#goOn()
  }

  healAll(): void {
    this.blocked.clear()
    this.#goOn()
  }

  passes(from: string, to: string): boolean {
    return !this.blocked.has(`${from}>${to}`)
  }

  /** Rejects with OperationalError E_PEER_UNREACHABLE. */
  dial(owner: WireOwner, to: string, signal: AbortSignal): Promise<WireEnd> {
    const { node, clock } = owner
    return new Promise((resolve, reject) => {
      const fail = (why: string): void => {
        signal.removeEventListener('abort', giveUp)
        reject(new OperationalError('E_PEER_UNREACHABLE', `${to} is not reached: ${why}`))
      }
      const giveUp = (): void => fail('it was given up')
      signal.addEventListener('abort', giveUp, { once: true })
      clock.after(this.#latencyMs() * 2, () => {
        const passes = this.passes(node, to) && this.passes(to, node)
        const listener = this.#listener(to)
        if (!passes || listener?.clock.isPaused === true) {
          const waitMs = this.#random.between(200, DIAL_LIMIT_MS)
          clock.after(waitMs, () => fail('it does not answer'))
        } else if (listener === undefined) {
          fail('nobody listens')
        } else {
          signal.removeEventListener('abort', giveUp)
          resolve(this.#connect(owner, listener))
        }
      })
    })
  }

  /** Somebody pulls a cable for a moment. */
  breakOne(): void {
    const open = [...this.#ends].filter(({ isClosed }) => !isClosed)
    if (open.length > 0) this.#random.pick(open).destroy()
  }

  /** @param isTold the kernel of that machine lives, and tells the other sides */
  processDied(owner: WireOwner, isTold: boolean): void {
    for (const end of this.#ends) {
      if (end.owner !== owner) continue
      end.lose(isTold)
      this.#ends.delete(end)
    }
  }

  // ---- for the ends

  isStalled(from: string, to: string, end: WireEnd): boolean {
    if (this.passes(from, to)) return false
    this.#stalled.add(end)
    return true
  }

  later(then: () => void): void {
    this.#clock.after(this.#latencyMs(), then)
  }

  /** How many of so many bytes a read gives. */
  pieceOf(size: number): number {
    return this.#random.chance(0.9) ? size : this.#random.between(1, size)
  }

  // ---- inside

  #connect(owner: WireOwner, listener: Listener): WireEnd {
    const dialled = new WireEnd(this, owner, listener.node, this.#window)
    const accepted = new WireEnd(this, listener, owner.node, this.#window)
    dialled.peer = accepted
    accepted.peer = dialled
    for (const end of this.#ends) if (end.isClosed) this.#ends.delete(end)
    this.#ends.add(dialled).add(accepted)
    listener.clock.after(0, () => listener.accept(accepted, owner.node))
    return dialled
  }

  #goOn(): void {
    const stalled = [...this.#stalled]
    this.#stalled.clear()
    for (const end of stalled) end.goOn()
  }

  #latencyMs(): number {
    const fraction = this.#random.fraction()
    return fraction < 0.97 ? 0.05 + fraction : fraction * 30
  }
}
