/*
  The link to one source as the rest of Kingbus sees it: what state it is in and why, and when it is tried
  again. It never gives up by itself, except where going on would corrupt or lose something.
*/
import {
  Backoff,
  type ErrorCode,
  type Logger,
  OperationalError,
  Watch,
  type Watched,
} from '../lib/index.ts'
import { compareFileNames } from '../mysql/index.ts'
import type { SourceVariables } from './flavor/source-variables.ts'
import type { Holdings, SourcePlace } from './holdings.ts'
import { type OpenDump, openDump, type SourceOptions } from './open-dump.ts'
import { readSemiSync } from './semi-sync/ask-semi-sync.ts'
import { SemiSync, type SemiSyncState } from './semi-sync/semi-sync.ts'
import { formatAddress } from './source-address.ts'
import { SourceConnection } from './source-connection.ts'
import { readEnd } from './source-end.ts'
import { explainFailure } from './source-error.ts'

export type SourcePhase =
  /** logging in, checking, looking for the place to go on */
  | 'connecting'
  /** the dump runs */
  | 'streaming'
  /** tries again after a while, for ever; `reason` says what happened */
  | 'waiting'
  /** by the disk or the journal; goes on by itself */
  | 'paused'
  /** by the operator */
  | 'stopped'
  /** needs the operator; `reason` says why and what to do */
  | 'failed'

export interface SourceState {
  readonly phase: SourcePhase
  /** wall clock, milliseconds since 1970 */
  readonly sinceMs: number
  readonly address: string
  /** why it is not streaming; both undefined where nothing is wrong */
  readonly code: ErrorCode | undefined
  readonly reason: string | undefined
  /** attempts without success so far */
  readonly attempts: number
  /** of the source that was reached last */
  readonly serverUuid: string | undefined
  readonly serverVersion: string | undefined
  readonly serverVariables: SourceVariables | undefined
}

/** Kept up to date while the dump runs; reading it costs nothing. */
export interface SourceProgress {
  /** the place in the source's files up to which everything was received; undefined before the first dump */
  place: SourcePlace | undefined
  /** seconds since 1970 of the newest event received; 0 before the first */
  newestTimestamp: number
  /** where the source's binlog ended when it was last asked; undefined while it cannot be asked */
  sourceEnd: SourcePlace | undefined
  /** wall clock at which something was last received, heartbeats included; 0 before the first */
  lastEventAtMs: number
}

export class SourceLink {
  readonly #options: SourceOptions
  readonly #logger: Logger
  readonly #state: Watch<SourceState>
  readonly #backoff: Backoff
  /** false while the operator has stopped the link */
  readonly #wanted = new Watch(true)
  /** ends the present attempt or the present wait */
  #attempt = new AbortController()
  readonly progress: SourceProgress = {
    place: undefined,
    newestTimestamp: 0,
    sourceEnd: undefined,
    lastEventAtMs: 0,
  }
  readonly #semiSync: SemiSync
  /** ends the wait for the next look at the source */
  #lookSoon = (): void => {}

  constructor(options: SourceOptions, logger: Logger) {
    this.#options = options
    this.#logger = logger
    this.#semiSync = new SemiSync(options.semiSync, logger)
    const { retryFirstMs, retryMostMs } = options.limits
    this.#backoff = new Backoff({ firstMs: retryFirstMs, mostMs: retryMostMs }, () =>
      options.random.fraction(),
    )
    this.#state = new Watch<SourceState>({
      phase: 'connecting',
      sinceMs: options.clock.nowMs(),
      address: formatAddress(options.address),
      code: undefined,
      reason: undefined,
      attempts: 0,
      serverUuid: undefined,
      serverVersion: undefined,
      serverVariables: undefined,
    })
  }

  get state(): Watched<SourceState> {
    return this.#state
  }

  get semiSync(): SemiSyncState {
    return this.#semiSync
  }

  /** By the operator: the dump ends, and nothing is tried until `start`. */
  stop(): void {
    this.#wanted.set(false)
    this.#attempt.abort()
  }

  start(): void {
    this.#wanted.set(true)
    this.retryNow()
  }

  /** Ends a wait, also the one of a failed link; a running dump goes on. */
  retryNow(): void {
    const { phase } = this.#state.value
    if (phase === 'waiting' || phase === 'failed') this.#attempt.abort()
  }

  /** Waits while the operator has stopped the link; then gives the signal that ends the attempt that follows. */
  async beginAttempt(signal: AbortSignal): Promise<AbortSignal> {
    while (!this.#wanted.value && !signal.aborted) {
      this.#enter('stopped')
      await this.#wanted.changed(signal)
    }
    this.#attempt = new AbortController()
    return AbortSignal.any([signal, this.#attempt.signal])
  }

  /**
   * Connects and begins the dump behind what is held. Rejects with what `recover` understands.
   * @param asynchronous why it must not be a semi-sync one, though that is wanted; undefined: it may
   */
  async open(
    holdings: Holdings | undefined,
    signal: AbortSignal,
    asynchronous?: string,
  ): Promise<OpenDump> {
    this.#enter('connecting')
    const semiSync = this.#options.semiSync && asynchronous === undefined
    const dump = await openDump({ ...this.#options, semiSync }, holdings, signal)
    const { profile, variables, findings, at, selects } = dump
    this.#state.set({
      ...this.#state.value,
      serverUuid: profile.uuid,
      serverVersion: profile.version,
      serverVariables: variables,
    })
    for (const { severity, id, found, remedy } of findings) {
      if (severity === 'warning')
        this.#logger.warn({ id, found, remedy }, 'the source works with less')
    }
    this.#semiSync.begun(profile.uuid, dump.semiSync, asynchronous)
    this.#lookSoon()
    this.#enter('streaming')
    this.progress.place = selects ? undefined : at
    const { active } = this.semiSync
    this.#logger.info(
      { ...(selects ? {} : at), version: profile.version, semiSync: active },
      'the dump from the source begins',
    )
    return dump
  }

  /** The source was told that everything before the place is safe, `waitedMs` after it had arrived. */
  acknowledged(place: SourcePlace, waitedMs: number): void {
    this.#semiSync.told(place, waitedMs)
    // A source that did not wait may do so now.
    if (!this.#semiSync.active) this.#lookSoon()
  }

  /**
   * Asks the source from time to time how far it is and whether its commits wait for us, on a connection of its own,
   * until the signal fires.
   */
  async watchEnd(signal: AbortSignal): Promise<void> {
    let asking: SourceConnection | undefined
    signal.addEventListener('abort', () => asking?.close(), { once: true })
    while (!signal.aborted) {
      const { phase } = this.#state.value
      if (phase !== 'streaming' && phase !== 'paused') {
        await this.#state.changed(signal)
        continue
      }
      try {
        asking ??= await SourceConnection.open(this.#options.address, this.#options.limits, signal)
        // First: the other question may have to wait for a commit that waits for us.
        if (this.#semiSync.wanted) this.#semiSync.seen(await readSemiSync(asking))
        this.progress.sourceEnd = await readEnd(asking)
      } catch (error) {
        if (!(error instanceof OperationalError)) throw error
        asking?.close()
        asking = undefined
        this.progress.sourceEnd = undefined
        this.#logger.debug({ code: error.code }, error.message)
      }
      await this.#untilNextLook(signal)
    }
    asking?.close()
  }

  async #untilNextLook(signal: AbortSignal): Promise<void> {
    const { clock, limits } = this.#options
    const early = new AbortController()
    this.#lookSoon = () => early.abort()
    await clock.sleep(limits.statusMs, AbortSignal.any([signal, early.signal]))
    if (early.signal.aborted) await clock.sleep(limits.settleMs, signal)
  }

  /**
   * Seconds that what was received last lies behind the present while the source has more; 0 when nothing is
   * missing, undefined when the source cannot be asked or nothing was received yet.
   */
  lagSeconds(): number | undefined {
    const { place, sourceEnd, newestTimestamp } = this.progress
    if (place === undefined || sourceEnd === undefined) return undefined
    const behind =
      place.file === sourceEnd.file
        ? place.position < sourceEnd.position
        : compareFileNames(place.file, sourceEnd.file) < 0
    if (!behind) return 0
    if (newestTimestamp === 0) return undefined
    return Math.max(0, Math.round(this.#options.clock.nowMs() / 1000 - newestTimestamp))
  }

  /** Something was received and kept: the next failure is a first one again. */
  succeeded(): void {
    this.#backoff.reset()
    if (this.#state.value.attempts > 0) this.#state.set({ ...this.#state.value, attempts: 0 })
  }

  /** The dump stands still because what was received cannot be stored at the moment. */
  pause(error: OperationalError): void {
    if (this.#state.value.code === error.code) return
    this.#enter('paused', error)
    this.#logger.warn({ code: error.code, ...error.context }, error.message)
  }

  resume(): void {
    if (this.#state.value.phase !== 'paused') return
    this.#enter('streaming')
    this.#logger.info({}, 'the dump goes on')
  }

  /**
   * What happens after an attempt has ended: waits for the next one as the error asks for, which may be for ever.
   * Rejects with an error that is nobody's fault but ours.
   */
  async recover(thrown: unknown, signal: AbortSignal): Promise<void> {
    const error = explainFailure(thrown, formatAddress(this.#options.address))
    // Resolves by the operator's start or stop too.
    this.#attempt = new AbortController()
    const until = AbortSignal.any([signal, this.#attempt.signal])
    if (error.reaction === 'operator' || error.reaction === 'refuse') {
      this.#enter('failed', error)
      this.#logger.error({ code: error.code, ...error.context }, error.message)
      await new Promise<void>((resolve) => {
        if (until.aborted) resolve()
        else until.addEventListener('abort', () => resolve(), { once: true })
      })
      return
    }
    const waitMs = this.#backoff.nextMs()
    this.#enter('waiting', error)
    this.#logger.warn({ code: error.code, waitMs, ...error.context }, error.message)
    await this.#options.clock.sleep(waitMs, until)
  }

  #enter(phase: SourcePhase, error?: OperationalError): void {
    const before = this.#state.value
    this.#state.set({
      ...before,
      phase,
      sinceMs: phase === before.phase ? before.sinceMs : this.#options.clock.nowMs(),
      code: error?.code,
      reason: error?.message,
      attempts: this.#backoff.attempts,
    })
  }
}
