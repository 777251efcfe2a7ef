import type { Clock } from '../clock.ts'

interface Timer {
  readonly atMs: number
  /** timers of the same moment fire in the order in which they were set */
  readonly order: number
  readonly fire: () => void
  readonly owner: ProcessClock
}

/** Keeps timers of one moment in their order. */
const HELD_APART_MS = 1e-6

/** Wall clock of the first moment of a simulation, milliseconds since 1970. */
const BEGIN_MS = 1_800_000_000_000

/**
 * Time that passes only from one timer to the next, and only when `step` is called: whoever drives a
 * simulation calls it. Every process of the simulation has a clock of its own, which dies with it.
 */
export class SimulatedClock {
  #ms = 0
  #order = 0
  /** a heap: no timer is due after the ones at twice its index and one or two more */
  readonly #timers: Timer[] = []

  get nowMs(): number {
    return this.#ms
  }

  process(): ProcessClock {
    return new ProcessClock(this)
  }

  /** Fires the next timer of a living process; false when there is none. */
  step(): boolean {
    for (;;) {
      const next = this.#pop()
      if (next === undefined) return false
      this.#ms = Math.max(this.#ms, next.atMs)
      if (!next.owner.isPending(next.order) || next.owner.holds(next)) continue
      next.owner.forget(next.order)
      next.fire()
      return true
    }
  }

  add(ms: number, fire: () => void, owner: ProcessClock): number {
    this.#order += 1
    this.#push({ atMs: this.#ms + Math.max(0, ms), order: this.#order, fire, owner })
    return this.#order
  }

  /** What was due while its process stood still: all of it now, in its order. */
  addHeld(held: readonly Timer[]): void {
    for (const [index, timer] of held.entries()) {
      this.#push({ ...timer, atMs: this.#ms + index * HELD_APART_MS })
    }
  }

  #push(timer: Timer): void {
    const timers = this.#timers
    let index = timers.push(timer) - 1
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = timers[parent]
      if (above === undefined || isBefore(above, timer)) break
      timers[index] = above
      index = parent
    }
    timers[index] = timer
  }

  #pop(): Timer | undefined {
    const timers = this.#timers
    const first = timers[0]
    const last = timers.pop()
    if (last === undefined || timers.length === 0) return first
    let index = 0
    for (;;) {
      const left = timers[2 * index + 1]
      const right = timers[2 * index + 2]
      const least = right !== undefined && left !== undefined && isBefore(right, left) ? 2 : 1
      const child = least === 2 ? right : left
      if (child === undefined || isBefore(last, child)) break
      timers[index] = child
      index = 2 * index + least
    }
    timers[index] = last
    return first
  }
}

function isBefore(a: Timer, b: Timer): boolean {
  return a.atMs === b.atMs ? a.order < b.order : a.atMs < b.atMs
}

/** The clock of one process. After `die` none of its timers fires, and while it is paused none does yet. */
export class ProcessClock implements Clock {
  readonly #clock: SimulatedClock
  readonly #pending = new Set<number>()
  #dead = false
  /** what was due while the process stands still; undefined while it runs */
  #held: Timer[] | undefined

  constructor(clock: SimulatedClock) {
    this.#clock = clock
  }

  get isDead(): boolean {
    return this.#dead
  }

  die(): void {
    this.#dead = true
    this.#pending.clear()
    this.#held = undefined
  }

  get isPaused(): boolean {
    return this.#held !== undefined
  }

  /** SIGSTOP, or a machine that sleeps. */
  pause(): void {
    this.#held ??= []
  }

  resume(): void {
    const held = this.#held ?? []
    this.#held = undefined
    this.#clock.addHeld(held)
  }

  /** @returns whether the timer waits until the process goes on */
  holds(timer: Timer): boolean {
    this.#held?.push(timer)
    return this.#held !== undefined
  }

  nowMs(): number {
    return BEGIN_MS + Math.floor(this.#clock.nowMs)
  }

  monotonicMs(): number {
    return this.#clock.nowMs
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const done = (): void => {
        cancel()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const cancel = this.after(ms, done)
      signal?.addEventListener('abort', done, { once: true })
    })
  }

  after(ms: number, then: () => void): () => void {
    if (this.#dead) return () => {}
    const order = this.#clock.add(ms, then, this)
    this.#pending.add(order)
    return () => void this.#pending.delete(order)
  }

  isPending(order: number): boolean {
    return this.#pending.has(order)
  }

  forget(order: number): void {
    this.#pending.delete(order)
  }
}
