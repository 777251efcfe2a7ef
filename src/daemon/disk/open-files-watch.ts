import { OPEN_FILES_LOOK_MS } from '../../config/index.ts'
import type { Logger, OperationalError } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'

export interface OpenFilesOptions {
  /** why no file can be opened at the moment */
  readonly look: () => Promise<OperationalError | undefined>
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * Looks again and again whether a file can be opened: where none can, the system closes new connections without a word,
 * and this process is not told of them.
 */
export class OpenFilesWatch {
  readonly #options: OpenFilesOptions
  #trouble: OperationalError | undefined
  #sinceMs = 0

  constructor(options: OpenFilesOptions) {
    this.#options = options
  }

  /** undefined while files can be opened */
  get trouble(): OperationalError | undefined {
    return this.#trouble
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, look } = this.#options
    while (!signal.aborted) {
      this.#note(await look())
      await clock.sleep(OPEN_FILES_LOOK_MS, signal)
    }
  }

  #note(now: OperationalError | undefined): void {
    const { clock, logger } = this.#options
    const before = this.#trouble
    this.#trouble = now
    if (now !== undefined && before === undefined) {
      this.#sinceMs = clock.monotonicMs()
      const { code, message, context } = now
      logger.error({ code, ...context }, `new connections are closed: ${message}`)
    } else if (now === undefined && before !== undefined) {
      const lastedMs = Math.round(clock.monotonicMs() - this.#sinceMs)
      logger.info({ lastedMs }, 'files can be opened again, and connections are taken')
    }
  }
}
