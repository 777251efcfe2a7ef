import { SOURCE_COMMAND_WAIT_MS } from '../../config/index.ts'
import type { Desired, DesiredState, SourceWish } from '../../desired/index.ts'
import { OperationalError, waitUntil } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { SourceState } from '../../source/index.ts'
import type { SourceRunner } from './source-runner.ts'

export interface SourceCommandsOptions {
  readonly desired: DesiredState
  readonly runner: SourceRunner
  readonly clock: Clock
}

/**
 * What a command does to the source: it is wanted, so that it holds after a restart too, and in a cluster on
 * whichever node leads. Each resolves when this node has it so, unless that takes longer than anybody wants to wait,
 * or another node follows the source.
 */
export class SourceCommands {
  readonly #options: SourceCommandsOptions

  constructor(options: SourceCommandsOptions) {
    this.#options = options
  }

  /**
   * Follows the source again, also after a failure.
   * @param update to another source than before, or other settings of it
   * @throws OperationalError E_SOURCE_UNCONFIGURED, and what `DesiredState.change` throws
   */
  async start(update: (now: Desired) => Desired = (now) => now): Promise<void> {
    await this.#options.desired.change((now) => {
      const next = update(now)
      return { ...next, source: configured(next.source), isSourceRunning: true }
    })
    await this.settle(true)
  }

  /** @throws as `start` */
  async stop(): Promise<void> {
    await this.#options.desired.change((now) => ({
      ...now,
      source: configured(now.source),
      isSourceRunning: false,
    }))
    await this.settle(false)
  }

  /** Other settings; a source that is stopped stays so. @throws what `DesiredState.change` throws */
  async set(update: (now: Desired) => Desired): Promise<void> {
    await this.#options.desired.change(update)
    await this.settle(false)
  }

  /**
   * Resolves when this node has it as it is wanted.
   * @param retries a wait for the next attempt, also after a failure, is to end
   */
  async settle(retries: boolean): Promise<void> {
    const { desired, runner, clock } = this.#options
    if (!runner.isHere) return
    if (retries) runner.current?.link.retryNow()
    const { isSourceRunning } = desired.value.value
    const condition = ({ phase }: SourceState): boolean => (phase !== 'stopped') === isSourceRunning
    const late = new AbortController()
    const cancel = clock.after(SOURCE_COMMAND_WAIT_MS, () => late.abort())
    const link = await runner.upToDate(late.signal)
    if (link !== undefined) await waitUntil(link.state, condition, late.signal)
    cancel()
  }
}

function configured(source: SourceWish | undefined): SourceWish {
  if (source !== undefined) return source
  throw new OperationalError(
    'E_SOURCE_UNCONFIGURED',
    'there is no source: give one, with kingbus source set --url mysql://USER@HOST:PORT',
  )
}
