import type { Input } from '../../protocol/inputs.ts'
import type { DurableFacts } from '../../protocol/log/durable-facts.ts'

export interface FactsWorkOptions {
  readonly write: (facts: DurableFacts) => Promise<void>
  readonly answer: (input: Input) => void
  readonly failed: (error: unknown) => void
}

/**
 * Writes the facts beside the log, in a lane of their own: whatever must not overtake them waits for the answer. Of
 * several that wait only the newest is written, which says all that those before it said.
 */
export class FactsWork {
  readonly #options: FactsWorkOptions
  #waiting: DurableFacts | undefined
  #running: Promise<void> | undefined
  #isOver = false

  constructor(options: FactsWorkOptions) {
    this.#options = options
  }

  remember(facts: DurableFacts): void {
    if (this.#isOver) return
    this.#waiting = facts
    this.#running ??= this.#run()
  }

  async end(): Promise<void> {
    this.#isOver = true
    await this.#running
  }

  async #run(): Promise<void> {
    try {
      for (let facts = this.#take(); facts !== undefined; facts = this.#take()) {
        await this.#options.write(facts)
        if (!this.#isOver) this.#options.answer({ kind: 'remembered', facts })
      }
    } catch (thrown) {
      if (!this.#isOver) this.#options.failed(thrown)
    } finally {
      this.#running = undefined
    }
  }

  #take(): DurableFacts | undefined {
    const facts = this.#isOver ? undefined : this.#waiting
    this.#waiting = undefined
    return facts
  }
}
