import type { SourceStatus } from '../../admin/index.ts'
import { OperationalError } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'

/** So old may be what a follower of a cluster says of the source. */
const REFRESH_MS = 10_000

export interface MirroredVariablesOptions {
  /** as this node sees the source */
  readonly own: () => SourceStatus
  /** as the node sees it that reads it; @throws OperationalError while there is none */
  readonly show: () => Promise<SourceStatus>
  readonly clock: Clock
}

/** What the source said of itself when it was reached last, for clients that ask for it here. */
export class MirroredVariables {
  readonly #options: MirroredVariablesOptions
  #last: SourceStatus['variables'] = {}

  constructor(options: MirroredVariablesOptions) {
    this.#options = options
  }

  /** undefined for what is not mirrored, or not known yet */
  get(name: string): string | undefined {
    return (this.#options.own().variables ?? this.#last)?.[name]
  }

  /** Follows the node that reads the source, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { show, clock } = this.#options
    while (!signal.aborted) {
      try {
        this.#last = (await show()).variables ?? this.#last
      } catch (thrown) {
        if (!(thrown instanceof OperationalError)) throw thrown
      }
      await clock.sleep(REFRESH_MS, signal)
    }
  }
}
