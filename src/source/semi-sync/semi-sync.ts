import type { Logger } from '../../lib/index.ts'
import type { SourcePlace } from '../holdings.ts'
import type { SemiSyncAnswer, SemiSyncSeen } from './ask-semi-sync.ts'

/** As far as it is known; reading it costs nothing. */
export interface SemiSyncState {
  /** source.semi-sync */
  readonly wanted: boolean
  /** the source's commits wait for us */
  readonly active: boolean
  /** why they do not although it is wanted, and what to do */
  readonly reason: string | undefined
  /** in the source's names: everything before it was acknowledged; undefined before the first time */
  readonly acknowledged: SourcePlace | undefined
  /** acknowledgements since the start of the process, and seconds from an arrival until it was acknowledged */
  readonly acks: number
  readonly waitSeconds: number
  /** commits that the source has gone on with unacknowledged, since it was first asked */
  readonly unacknowledged: number
}

/** What is known of it: from the beginning of a dump, and from what the source says of itself meanwhile. */
export class SemiSync implements SemiSyncState {
  readonly #logger: Logger
  readonly wanted: boolean
  active = false
  reason: string | undefined
  acknowledged: SourcePlace | undefined
  acks = 0
  waitSeconds = 0
  unacknowledged = 0
  /** the present dump is a semi-sync one */
  #isMarked = false
  /** the server that counts, and how far it had */
  #counting = ''
  #counted: number | undefined

  constructor(wanted: boolean, logger: Logger) {
    this.wanted = wanted
    this.#logger = logger
  }

  /**
   * A dump begins.
   * @param asynchronous why it is no semi-sync one, though that is wanted; undefined: it is as the source answers
   */
  begun(
    serverUuid: string,
    answer: SemiSyncAnswer | undefined,
    asynchronous: string | undefined,
  ): void {
    this.#isMarked = answer?.marked === true
    this.active = this.#isMarked && answer?.reason === undefined
    const isSaid = asynchronous !== undefined && asynchronous === this.reason
    this.reason = asynchronous ?? answer?.reason
    if (this.reason !== undefined && !isSaid) this.#logger.warn({}, this.reason)
    if (serverUuid !== this.#counting) this.#counted = undefined
    this.#counting = serverUuid
  }

  /** The source was told that everything before the place is safe, `waitedMs` after it had arrived. */
  told(place: SourcePlace, waitedMs: number): void {
    this.acknowledged = place
    this.acks += 1
    this.waitSeconds += waitedMs / 1000
  }

  /** What the source says while a dump runs; undefined: it has no plugin. */
  seen(found: SemiSyncSeen | undefined): void {
    if (found === undefined) return
    const commits = this.#count(found.unacknowledged)
    if (!this.#isMarked) return
    const { waits, reason } = found
    if (waits === this.active && reason === this.reason) {
      // It had stopped, and waits again.
      if (waits && commits > 0) this.#logger.warn({ commits }, GONE_ON_MEANWHILE)
      return
    }
    this.active = waits
    this.reason = reason
    if (reason === undefined) this.#logger.info({ commits }, 'commits on the source wait for us')
    else this.#logger.warn({ commits }, reason)
  }

  /** How many there are since the last look. */
  #count(now: number): number {
    const before = this.#counted
    this.#counted = now
    if (before === undefined) return 0
    // It counts anew after its start, and after FLUSH STATUS.
    const more = now < before ? now : now - before
    this.unacknowledged += more
    return more
  }
}

const GONE_ON_MEANWHILE =
  'commits on the source went on without an acknowledgement: rpl_semi_sync_source_timeout had passed meanwhile'
