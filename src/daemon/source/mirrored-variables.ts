import type { SourceStatus } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { SourceRunner } from './source-runner.ts'

/** So old may be what a follower of a cluster says of the source. */
const REFRESH_MS = 10_000

export interface MirroredVariablesOptions {
  readonly source: Pick<SourceRunner, 'current' | 'isHere'>
  /** The source as the node sees it that reads it. @throws OperationalError while there is none */
  readonly show: () => Promise<Pick<SourceStatus, 'variables'>>
  readonly clock: Clock
}

/** What the source said of itself when it was reached last, for clients that ask for it here. */
export class MirroredVariables {
  readonly #options: MirroredVariablesOptions
  /** as the node said that reads the source */
  #told: Readonly<Record<string, string>> = {}

  constructor(options: MirroredVariablesOptions) {
    this.#options = options
  }

  /** undefined for what is not mirrored, or not known yet */
  get(name: string): string | undefined {
    const { source } = this.#options
    const own = source.isHere ? source.current?.link.state.value.serverVariables : undefined
    return (own ?? this.#told)[name]
  }

  /** Asks the node that reads the source now and then, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { show, clock } = this.#options
    while (!signal.aborted) {
      try {
        this.#told = (await show()).variables ?? this.#told
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown
      }
      await clock.sleep(REFRESH_MS, signal)
    }
  }
}
