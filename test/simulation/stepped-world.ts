/*
  What every simulated world has: a time that goes on by steps, chance of one seed, and the first thing that is wrong,
  at which it ends.
*/
import { messageOf, OperationalError } from '../../src/lib/index.ts'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { SimulatedClock } from '../../src/platform/testing/simulated-clock.ts'
import { ProcessDied } from '../../src/platform/testing/simulated-process.ts'
import { Trace } from './trace.ts'
import { type Checker, Violation } from './violation.ts'

export interface SeedOptions {
  readonly seed: number
  readonly say?: (line: string) => void
}

export interface Pace {
  /** more steps than this are a simulation that does not end */
  readonly stepsMax: number
  /** between two looks of `until`, in simulated time */
  readonly lookMs: number
  /** the check that fails when nothing goes on */
  readonly stuck: Checker
}

export class SteppedWorld {
  readonly time = new SimulatedClock()
  /** of the world itself, which never dies */
  readonly clock = this.time.process()
  readonly random: SeededRandom
  readonly trace: Trace
  readonly counts = new Map<string, number>()
  readonly #pace: Pace
  #violation: Violation | undefined

  constructor({ seed, say = () => {} }: SeedOptions, pace: Pace) {
    this.random = new SeededRandom(seed)
    this.trace = new Trace(() => this.time.nowMs, say)
    this.#pace = pace
  }

  get violation(): Violation | undefined {
    return this.#violation
  }

  count(what: string): void {
    this.counts.set(what, (this.counts.get(what) ?? 0) + 1)
  }

  note(text: string): void {
    this.trace.note(text)
  }

  fail(violation: Violation): void {
    if (this.#violation !== undefined) return
    this.#violation = violation
    this.note(`VIOLATION of '${violation.checker}': ${violation.message}`)
  }

  /** Runs a check where nothing may be thrown. */
  guard(check: () => void): void {
    try {
      check()
    } catch (thrown) {
      this.fail(asViolation(thrown))
    }
  }

  /** Something was thrown that nobody caught. */
  bug(thrown: unknown): void {
    if (!(thrown instanceof ProcessDied)) this.fail(asViolation(thrown))
  }

  /** Waits in simulated time until the condition holds; false when it does not in time. */
  async until(condition: () => boolean, withinMs: number): Promise<boolean> {
    const endMs = this.time.nowMs + withinMs
    while (!condition()) {
      if (this.time.nowMs > endMs) return false
      await this.clock.sleep(this.#pace.lookMs)
    }
    return true
  }

  /** Steps through everything that happens, with a look after each, until the script is over or something is wrong. */
  protected async play(script: Promise<void>, look: () => void): Promise<void> {
    const over = { is: false }
    const playing = script.then(
      () => {
        over.is = true
      },
      (thrown: unknown) => this.fail(asViolation(thrown)),
    )
    for (let step = 0; !over.is && this.#violation === undefined; step += 1) {
      await new Promise((resolve) => {
        setImmediate(resolve)
      })
      this.guard(look)
      if (this.#violation !== undefined || over.is) break
      if (!this.#step() || step > this.#pace.stepsMax) {
        this.fail(new Violation(this.#pace.stuck, `nothing goes on after ${step} steps`))
      }
    }
    if (over.is) await playing
  }

  #step(): boolean {
    try {
      return this.time.step()
    } catch (thrown) {
      this.bug(thrown)
      return true
    }
  }
}

function asViolation(thrown: unknown): Violation {
  if (thrown instanceof Violation) return thrown
  const text = thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown)
  const code = thrown instanceof OperationalError ? `${thrown.code}: ` : ''
  return new Violation('no promise of the code breaks', `${code}${text}`)
}
