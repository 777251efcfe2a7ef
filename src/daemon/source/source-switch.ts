import { isDeepStrictEqual } from 'node:util'
import type { SourceChange, SwitchRequest, SwitchResult } from '../../admin/index.ts'
import { SWITCH_CATCH_UP_MS, SWITCH_MS_MOST } from '../../config/index.ts'
import type { DesiredState } from '../../desired/index.ts'
import { holdingsOf } from '../../ingest/index.ts'
import type { Journal } from '../../journal/index.ts'
import { OperationalError, present } from '../../lib/index.ts'
import type { Clock, Disk, Random } from '../../platform/index.ts'
import { SOURCE_LIMITS, type SourceTrial, type trySource } from '../../source/index.ts'
import type { SourceRunner, SourceSettings } from './source-runner.ts'
import { settingsOf } from './source-settings.ts'
import { withSource } from './source-wish.ts'
import { switchResult } from './switch-result.ts'

/** A server that lacks something is looked at again after so long. */
const LOOK_MS = 250

export interface SourceSwitchParts {
  readonly desired: DesiredState
  readonly runner: SourceRunner
  readonly journal: Journal
  readonly disk: Disk
  readonly clock: Clock
  readonly random: Random
  /** looks at a server */
  readonly trial: typeof trySource
}

/**
 * Goes on with another source, on the node that reads it. Before the old link ends, the new server is looked at; then
 * nothing more is received, and the new server has a while to get what was received last: in a planned move it is a
 * replica of ours, and serving goes on. Only then is the source changed. What speaks against it starts the old link
 * again.
 */
export class SourceSwitch {
  readonly #parts: SourceSwitchParts
  #isRunning = false

  constructor(parts: SourceSwitchParts) {
    this.#parts = parts
  }

  /**
   * A source that the operator has stopped stays so, and is another one.
   * @param until ends it, with the signal's reason; nothing has changed then
   * @throws OperationalError E_SWITCH_REFUSED, E_CONFIG_INVALID, and what `DesiredState.change` throws
   */
  async run(request: SwitchRequest, until?: AbortSignal): Promise<SwitchResult> {
    if (this.#isRunning) throw refused('another switch is under way on this node: wait for its end')
    this.#isRunning = true
    const late = new AbortController()
    const cancel = this.#parts.clock.after(SWITCH_MS_MOST, () => late.abort())
    try {
      const signals = until === undefined ? [late.signal] : [late.signal, until]
      return await this.#run(request, AbortSignal.any(signals))
    } catch (thrown) {
      if (!late.signal.aborted || thrown instanceof OperationalError) throw thrown
      throw refused(`it took more than ${SWITCH_MS_MOST / 1000} s, and was given up`)
    } finally {
      cancel()
      this.#isRunning = false
    }
  }

  async #run({ dryRun, ...change }: SwitchRequest, signal: AbortSignal): Promise<SwitchResult> {
    const { desired, runner, journal } = this.#parts
    const before = desired.value.value
    const settings = this.#settingsOf(change)
    const first = await this.#look(settings, signal)
    signal.throwIfAborted()
    if (dryRun) return switchResult(first, journal.origin, { dryRun, switched: false })
    if (!mayCatchUp(first)) refuseTrial(first)
    return await runner.whileStopped(async () => {
      const trial = await this.#caughtUp(settings, signal)
      refuseTrial(trial)
      if (!runner.isHere) {
        throw new OperationalError('E_NOT_LEADER', 'another node leads by now: nothing was changed')
      }
      const result = switchResult(trial, journal.origin, { dryRun, switched: true })
      await desired.change((now) => {
        // In a cluster the one that led before may be at it still.
        if (isDeepStrictEqual(now.source, before.source)) return withSource(now, change)
        throw refused('the settings of the source have changed meanwhile')
      })
      // Or the old link would be started before the new one is there.
      await runner.upToDate(signal)
      return result
    }, signal)
  }

  /** Whether it could be gone on with this server, as things are now. @throws OperationalError E_CONFIG_INVALID */
  async look(change: SourceChange, signal: AbortSignal): Promise<SourceTrial> {
    return await this.#look(this.#settingsOf(change), signal)
  }

  #settingsOf(change: SourceChange): SourceSettings {
    const { desired, disk } = this.#parts
    const wish = withSource(desired.value.value, change)
    return present(settingsOf(wish, disk), 'the settings of the new source')
  }

  async #caughtUp(settings: SourceSettings, signal: AbortSignal): Promise<SourceTrial> {
    const { clock } = this.#parts
    const untilMs = clock.monotonicMs() + SWITCH_CATCH_UP_MS
    for (;;) {
      const trial = await this.#look(settings, signal)
      signal.throwIfAborted()
      if (!mayCatchUp(trial) || clock.monotonicMs() >= untilMs) return trial
      await clock.sleep(LOOK_MS, signal)
    }
  }

  async #look(settings: SourceSettings, signal: AbortSignal): Promise<SourceTrial> {
    const { journal, clock, random, trial: look } = this.#parts
    const holdings = await holdingsOf(journal)
    const options = { ...settings, limits: SOURCE_LIMITS, clock, random }
    return await look(options, holdings, signal)
  }
}

/** All that speaks against the server is that it does not have everything yet. */
function mayCatchUp({ refusal, lacking }: SourceTrial): boolean {
  const isOfHistory = refusal?.code === 'E_SOURCE_OTHER' || refusal?.code === 'E_SOURCE_DIVERGED'
  return isOfHistory && lacking?.isEmpty === false
}

function refuseTrial({ refusal }: SourceTrial): void {
  if (refusal !== undefined) throw refused(`${refusal.message} [${refusal.code}]`, refusal)
}

function refused(why: string, cause?: OperationalError): OperationalError {
  const message = `the source was not switched, and is followed as before: ${why}`
  return new OperationalError('E_SWITCH_REFUSED', message, cause?.context ?? {}, { cause })
}
