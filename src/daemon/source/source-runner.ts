import { ROOM_RETRY_MS } from '../../config/index.ts'
import { Ingest, type IngestOptions } from '../../ingest/index.ts'
import type { Journal } from '../../journal/index.ts'
import { type Logger, Watch, type Watched, waitUntil } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'
import { SOURCE_LIMITS, SourceLink, type SourceOptions } from '../../source/index.ts'

/** Which source, and how it is followed. */
export type SourceSettings = Pick<SourceOptions, 'address' | 'self' | 'startAt' | 'semiSync'>

export interface SourceRunnerOptions extends Pick<IngestOptions, 'heldByReplicas'> {
  /**
   * undefined: no source is configured. Settings count as changed when the object is another one, and then a
   * dump that runs begins anew.
   */
  readonly settings: Watched<SourceSettings | undefined>
  /** what the operator wants: running or stopped */
  readonly wanted: Watched<boolean>
  /** false while another node has the link; always true on a node that is alone */
  readonly mayRun: Watched<boolean>
  readonly journal: Journal
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
}

/** The link with the settings that it was made of, and what it fills the journal with. */
export interface SourceParts {
  readonly settings: SourceSettings
  readonly link: SourceLink
  readonly ingest: Ingest
}

/** Follows the source that is configured, while it is wanted and this node is the one to do it. */
export class SourceRunner {
  readonly #options: SourceRunnerOptions
  readonly #current = new Watch<SourceParts | undefined>(undefined)
  /** whether the present link was told to run */
  #runs = true
  /** by `whileStopped`, whatever is wanted */
  #isHeld = false

  constructor(options: SourceRunnerOptions) {
    this.#options = options
    this.#rebuild()
  }

  /**
   * Of the newest settings; while a link with older ones still ends, those. undefined where no source is
   * configured. A link that is not wanted, or not here, is in the phase `stopped`.
   */
  get current(): SourceParts | undefined {
    return this.#current.value
  }

  /** false while another node has the link */
  get isHere(): boolean {
    return this.#options.mayRun.value
  }

  /** The link with the settings that hold now, once there is no other; undefined where there is none, or too late. */
  async upToDate(signal: AbortSignal): Promise<SourceLink | undefined> {
    const { settings } = this.#options
    await waitUntil(this.#current, (current) => current?.settings === settings.value, signal)
    return this.current?.settings === settings.value ? this.current?.link : undefined
  }

  /**
   * Keeps the link stopped while `work` runs, whatever is wanted; half a transaction that was received is given up at
   * its next start. Not to be called again before it has resolved.
   * @throws what `work` throws, and the signal's reason when that fires before the link has stopped
   */
  async whileStopped<T>(work: () => Promise<T>, signal: AbortSignal): Promise<T> {
    this.#isHeld = true
    this.#steer()
    try {
      const link = this.current?.link
      if (link !== undefined) {
        await waitUntil(link.state, ({ phase }) => phase === 'stopped', signal)
      }
      signal.throwIfAborted()
      return await work()
    } finally {
      this.#isHeld = false
      this.#steer()
    }
  }

  /** Until the signal fires. Rejects only with what is our own fault. */
  async run(signal: AbortSignal): Promise<void> {
    const { settings, wanted, mayRun, logger } = this.#options
    const steer = (): void => this.#steer()
    const stopFollowing = [wanted.follow(steer), mayRun.follow(steer)]
    steer()
    try {
      while (!signal.aborted) {
        if (settings.value !== this.current?.settings) {
          this.#rebuild()
          logger.info({ source: this.current?.link.state.value.address }, SETTINGS_CHANGED)
        }
        await this.#runCurrent(signal)
      }
    } finally {
      for (const stop of stopFollowing) stop()
    }
  }

  /** Until the settings are others, or the signal fires. */
  async #runCurrent(signal: AbortSignal): Promise<void> {
    const { settings } = this.#options
    const changed = new AbortController()
    const until = AbortSignal.any([signal, changed.signal])
    const ingesting = this.current?.ingest.run(until).finally(() => changed.abort())
    while (settings.value === this.current?.settings && !until.aborted) {
      await settings.changed(until)
    }
    changed.abort()
    await ingesting
  }

  #rebuild(): void {
    const { settings: watched, journal, clock, random, logger } = this.#options
    const settings = watched.value
    this.#runs = true
    if (settings === undefined) return this.#current.set(undefined)
    const link = new SourceLink({ ...settings, limits: SOURCE_LIMITS, clock, random }, logger)
    const { heldByReplicas } = this.#options
    const roomRetryMs = ROOM_RETRY_MS
    const ingest = new Ingest({ link, journal, clock, logger, roomRetryMs, heldByReplicas })
    this.#current.set({ settings, link, ingest })
    this.#steer()
  }

  /** Only when it is new: a start of a link that runs would end its wait for the next attempt. */
  #steer(): void {
    const { wanted, mayRun } = this.#options
    const runs = wanted.value && mayRun.value && !this.#isHeld
    if (runs === this.#runs) return
    this.#runs = runs
    if (runs) this.current?.link.start()
    else this.current?.link.stop()
  }
}

const SETTINGS_CHANGED = 'the settings of the source have changed'
