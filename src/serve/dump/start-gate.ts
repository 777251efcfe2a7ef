import { Watch, waitUntil } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'

/**
 * Between looking for its first file and opening it, a dump needs a file and nobody knows which. While it is
 * decided which files go, the gate is closed: no dump is in between, and one that comes waits until it is open.
 */
export class StartGate {
  readonly #clock: Clock
  readonly #between = new Watch(0)
  readonly #isOpen = new Watch(true)
  #stopTimer = (): void => {}

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** @returns to be called when the first file is open, or the dump has ended; more calls do nothing */
  async enter(signal: AbortSignal): Promise<() => void> {
    await waitUntil(this.#isOpen, (isOpen) => isOpen, signal)
    this.#between.set(this.#between.value + 1)
    let isIn = true
    return () => {
      if (isIn) this.#between.set(this.#between.value - 1)
      isIn = false
    }
  }

  /**
   * True when no dump is in between. The gate opens by itself after `openAfterMs`, so that dumps begin again
   * whatever becomes of who closed it; closed once more, it counts from then. False when that came first.
   */
  async close(openAfterMs: number): Promise<boolean> {
    const late = new AbortController()
    this.#stopTimer()
    this.#stopTimer = this.#clock.after(openAfterMs, () => {
      late.abort()
      this.#isOpen.set(true)
    })
    if (this.#isOpen.value) this.#isOpen.set(false)
    return (await waitUntil(this.#between, (count) => count === 0, late.signal)) !== undefined
  }

  open(): void {
    this.#stopTimer()
    if (!this.#isOpen.value) this.#isOpen.set(true)
  }
}
