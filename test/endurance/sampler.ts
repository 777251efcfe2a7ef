import { appendFileSync } from 'node:fs'
import { pause } from '../e2e/harness/wait.ts'
import type { Parties } from './parties.ts'
import { type ProcessSample, sampleProcess } from './process-sample.ts'

export interface Sample extends ProcessSample {
  /** which process of Kingbus, from 0 */
  readonly lifetime: number
  /** since it began */
  readonly minute: number
  readonly cycle: number
}

/** Looks at Kingbus every few seconds; each sample is a line of the file too. */
export class Sampler {
  readonly samples: Sample[] = []
  /** why Kingbus could not be looked at while it had to be up */
  readonly faults: string[] = []
  /** the cycle that runs */
  cycle = 0
  readonly #parties: Parties
  readonly #path: string
  readonly #intervalMs: number
  #stopping = false
  #ended: Promise<void> = Promise.resolve()

  static start(parties: Parties, path: string, intervalMs: number): Sampler {
    const sampler = new Sampler(parties, path, intervalMs)
    sampler.#ended = sampler.#run()
    return sampler
  }

  private constructor(parties: Parties, path: string, intervalMs: number) {
    this.#parties = parties
    this.#path = path
    this.#intervalMs = intervalMs
  }

  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
  }

  async #run(): Promise<void> {
    while (!this.#stopping) {
      const { lifetime } = this.#parties
      if (lifetime !== undefined) await this.#take(lifetime)
      await pause(this.#intervalMs)
    }
  }

  async #take(lifetime: number): Promise<void> {
    try {
      const taken = await sampleProcess(this.#parties.kingbus)
      // Of two processes in one sample nothing can be told.
      if (this.#parties.lifetime !== lifetime) return
      const sample = { lifetime, minute: this.#parties.minute, cycle: this.cycle, ...taken }
      this.samples.push(sample)
      appendFileSync(this.#path, `${JSON.stringify({ kind: 'process', ...sample })}\n`)
    } catch (thrown) {
      if (this.#parties.lifetime === lifetime) this.faults.push(`no sample: ${String(thrown)}`)
    }
  }
}
