import { expect } from 'vitest'
import { Load } from '../load.ts'
import type { Mysqld } from '../mysqld.ts'
import { waitFor } from '../wait.ts'
import type { AckChecker } from './ack-checker.ts'

const CONNECTIONS = 4

/** A load of several connections, each with its own tables, and never without a look at the acknowledgements. */
export class CheckedLoad {
  readonly #loads: readonly Load[]
  readonly #checker: AckChecker

  static async start(source: Mysqld, seed: number, checker: AckChecker): Promise<CheckedLoad> {
    const starting = Array.from({ length: CONNECTIONS }, (_, index) =>
      Load.start(source, { seed: seed + index, schema: `load_${index}` }),
    )
    const watching = new AbortController()
    const violated = waitFor({ what: 'the tables' }, async () => {
      expect(checker.violations).toEqual([])
      return watching.signal.aborted
    })
    const loads = Promise.all(starting)
    // A commit that is never acknowledged would be waited for without end.
    await Promise.race([loads, violated])
    watching.abort()
    return new CheckedLoad(await loads, checker)
  }

  private constructor(loads: readonly Load[], checker: AckChecker) {
    this.#loads = loads
    this.#checker = checker
  }

  get #committed(): number {
    return this.#loads.reduce((sum, { committed }) => sum + committed, 0)
  }

  /** So many more commits are made, and nothing about their acknowledgements is wrong. */
  async more(commits: number, explain = (): string => ''): Promise<void> {
    const goal = this.#committed + commits
    await waitFor({ what: `${goal} commits`, timeoutMs: 60_000, explain }, async () => {
      expect(this.#checker.violations).toEqual([])
      return this.#committed >= goal
    })
  }

  async stop(): Promise<void> {
    await Promise.all(this.#loads.map((load) => load.stop()))
  }
}
