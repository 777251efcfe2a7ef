import { isDeepStrictEqual } from 'node:util'

/*
  A value that others wait for: the committed end, the visible end, a state.
  Setting it wakes every waiter at once; waiters look at the value again themselves, so that
  a burst of changes costs them one wake-up.
*/
export interface Watched<T> {
  readonly value: T
  /** Resolves at the first change after this call, or when the signal fires; never rejects. */
  changed(signal?: AbortSignal): Promise<void>
  /**
   * Calls the listener within every later `set`, before any waiter wakes, until the function that is
   * returned is called: for the few that must not wait for a turn. The listener must not throw.
   */
  follow(listener: (value: T) => void): () => void
}

export class Watch<T> implements Watched<T> {
  #value: T
  readonly #waiters = new Set<() => void>()
  readonly #listeners = new Set<(value: T) => void>()

  constructor(initial: T) {
    this.#value = initial
  }

  get value(): T {
    return this.#value
  }

  set(value: T): void {
    this.#value = value
    for (const listener of this.#listeners) listener(value)
    if (this.#waiters.size === 0) return
    const waiting = [...this.#waiters]
    this.#waiters.clear()
    for (const wake of waiting) wake()
  }

  follow(listener: (value: T) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  changed(signal?: AbortSignal): Promise<void> {
    if (signal?.aborted) return Promise.resolve()
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiters.delete(wake)
        signal?.removeEventListener('abort', wake)
        resolve()
      }
      this.#waiters.add(wake)
      signal?.addEventListener('abort', wake, { once: true })
    })
  }
}

/** Waits until the watched value satisfies the condition, and returns it; undefined when the signal fired first. */
export async function waitUntil<T>(
  watched: Watched<T>,
  condition: (value: T) => boolean,
  signal?: AbortSignal,
): Promise<T | undefined> {
  while (!condition(watched.value)) {
    if (signal?.aborted) return undefined
    await watched.changed(signal)
  }
  return watched.value
}

/**
 * What `pick` makes of the watched value, set anew only when that is another, compared by structure. Follows the
 * value as long as that lives. `pick` must not throw.
 */
export function picked<T, P>(from: Watched<T>, pick: (value: T) => P): Watched<P> {
  const made = new Watch(pick(from.value))
  from.follow((value) => {
    const next = pick(value)
    if (!isDeepStrictEqual(next, made.value)) made.set(next)
  })
  return made
}
