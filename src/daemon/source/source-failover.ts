import { type Address, formatAddress, isSameAddress } from '../../config/index.ts'
import type { DesiredState } from '../../desired/index.ts'
import { Backoff, type Logger, OperationalError } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'
import type { SourceTrial } from '../../source/index.ts'
import { chooseCandidate } from './candidate-choice.ts'
import type { SourceParts, SourceRunner } from './source-runner.ts'
import type { SourceSwitch } from './source-switch.ts'
import { isUnreachable } from './unreachable.ts'

const LOOK_MS = 250
/** A candidate that has not answered everything by then counts as one that cannot be reached. */
const CANDIDATE_MS_MOST = 5000
const PAUSE = { firstMs: 1000, mostMs: 15_000 }

export interface SourceFailoverParts {
  /** empty: nothing is followed by itself */
  readonly candidates: readonly Address[]
  /** for so long the source must have been unreachable, in milliseconds */
  readonly afterMs: number
  readonly desired: DesiredState
  readonly runner: Pick<SourceRunner, 'current' | 'isHere'>
  readonly sourceSwitch: Pick<SourceSwitch, 'look' | 'run'>
  /** the name of another node that reaches the source; undefined where there is none */
  readonly reachedBy: () => Promise<string | undefined>
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** What people are told of it. */
export interface FailoverView {
  readonly candidates: readonly Address[]
  readonly afterMs: number
  /** why none is followed although the source has been unreachable for so long */
  readonly error: OperationalError | undefined
  /** how often one was followed since the start */
  readonly count: number
}

interface Loss {
  readonly link: SourceParts['link']
  /** dumps that it had begun: one that begins and ends between two looks is a source that was reached */
  readonly connects: number
  /** by the monotonic clock */
  readonly sinceMs: number
}

/**
 * Goes on with one of `source.candidates` when the source has been unreachable for a while, from this node and from the
 * others. Only the node that reads the source does it. Nothing is remembered of it but the source that is followed
 * then, as after the command.
 */
export class SourceFailover {
  readonly #parts: SourceFailoverParts
  readonly #backoff: Backoff
  /** since when the link has been without its source; undefined while it is not */
  #lost: Loss | undefined
  #error: OperationalError | undefined
  #count = 0

  constructor(parts: SourceFailoverParts) {
    this.#parts = parts
    this.#backoff = new Backoff(PAUSE, () => parts.random.fraction())
  }

  /** undefined where there are no candidates */
  get view(): FailoverView | undefined {
    const { candidates, afterMs } = this.#parts
    if (candidates.length === 0) return undefined
    return { candidates, afterMs, error: this.#error, count: this.#count }
  }

  /** Until the signal fires. Rejects only with what is our own fault. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock, candidates } = this.#parts
    while (candidates.length > 0 && !signal.aborted) {
      await clock.sleep(LOOK_MS, signal)
      if (signal.aborted || !this.#isOverdue()) continue
      await this.#follow(signal)
      await clock.sleep(this.#backoff.nextMs(), signal)
    }
  }

  #isOverdue(): boolean {
    const { runner, clock, afterMs } = this.#parts
    const current = runner.isHere ? runner.current : undefined
    const state = current?.link.state.value
    // An attempt that runs says nothing yet.
    if (state?.phase === 'connecting') return false
    if (current === undefined || state === undefined || !isUnreachable(state)) {
      this.#lost = undefined
      this.#error = undefined
      this.#backoff.reset()
      return false
    }
    const nowMs = clock.monotonicMs()
    if (!this.#isStillLost) {
      const { link, ingest } = current
      this.#lost = { link, connects: ingest.counters.connects, sinceMs: nowMs }
    }
    return nowMs - (this.#lost?.sinceMs ?? nowMs) >= afterMs
  }

  /** The same link, here, and no dump has begun. */
  get #isStillLost(): boolean {
    const { runner } = this.#parts
    const current = runner.isHere ? runner.current : undefined
    const lost = this.#lost
    if (current === undefined || lost === undefined) return false
    return current.link === lost.link && current.ingest.counters.connects === lost.connects
  }

  async #follow(signal: AbortSignal): Promise<void> {
    const { desired, logger, reachedBy } = this.#parts
    try {
      const { source } = desired.value.value
      if (source === undefined) return
      const others = this.#parts.candidates.filter((each) => !isSameAddress(each, source))
      const trials = await this.#look(others, source.password, signal)
      const chosen = chooseCandidate(trials)
      const address = others[trials.indexOf(chosen)]
      const node = await reachedBy()
      if (node !== undefined) throw elsewhere(node)
      // It may have come back while the candidates were looked at.
      if (address === undefined || signal.aborted || !this.#isStillLost) return
      const from = formatAddress(source)
      logger.warn(
        { source: from, candidate: chosen.address },
        'the source has been unreachable for too long: the candidate that takes writes is followed instead',
      )
      await this.#parts.sourceSwitch.run(
        { address, password: source.password, dryRun: false },
        signal,
      )
      this.#count += 1
      this.#error = undefined
      logger.warn({ source: chosen.address, before: from }, 'a candidate is the source from now on')
    } catch (thrown) {
      if (signal.aborted) return
      if (!(thrown instanceof OperationalError)) throw thrown
      if (thrown.message !== this.#error?.message) {
        logger.error({ code: thrown.code }, `the source is unreachable: ${thrown.message}`)
      }
      this.#error = thrown
    }
  }

  async #look(
    candidates: readonly Address[],
    password: string,
    signal: AbortSignal,
  ): Promise<SourceTrial[]> {
    const { clock, sourceSwitch } = this.#parts
    const late = new AbortController()
    const cancel = clock.after(CANDIDATE_MS_MOST, () => late.abort())
    const until = AbortSignal.any([signal, late.signal])
    try {
      return await Promise.all(
        candidates.map((address) => sourceSwitch.look({ address, password }, until)),
      )
    } finally {
      cancel()
    }
  }
}

function elsewhere(node: string): OperationalError {
  return new OperationalError(
    'E_SOURCE_NO_CANDIDATE',
    `no server of source.candidates is followed: node ${node} reaches the source, and shall lead`,
  )
}
