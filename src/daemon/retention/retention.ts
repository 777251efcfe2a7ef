import type { RetentionWish } from '../../desired/index.ts'
import type { Journal } from '../../journal/index.ts'
import { type Logger, OperationalError, type Watched } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import {
  type BinlogStore,
  bytesOverLimits,
  planRetention,
  RetentionClock,
  type RetentionPlan,
  type RetentionPolicy,
} from '../../store/index.ts'
import type { Needs } from './needs.ts'
import type { PurgeDesk } from './purge-desk.ts'
import type { ReplicaKeeper } from './replica-keeper.ts'
import { Tries } from './tries.ts'

export interface RetentionOptions {
  readonly store: Pick<BinlogStore, 'files'>
  readonly journal: Pick<Journal, 'failed'>
  /** only who leads purges: the others follow */
  readonly leads: Watched<boolean>
  readonly keeper: Pick<ReplicaKeeper, 'known' | 'needs' | 'changed'>
  readonly desk: Pick<PurgeDesk, 'remove'>
  readonly wish: () => RetentionWish
  readonly clock: Clock
  readonly logger: Logger
  /** how often it looks */
  readonly lookMs: number
}

/** Removes the oldest files as the operator wants it, for the replicas that there are. */
export class Retention {
  /** what stays for replicas that are away although a limit would let it go, as of the last look */
  keptBytes = 0
  readonly #options: RetentionOptions
  readonly #clock: RetentionClock
  readonly #tries: Tries

  constructor(options: RetentionOptions) {
    this.#options = options
    this.#clock = new RetentionClock(options.clock)
    this.#tries = new Tries((fields, message) => {
      options.logger.warn(fields, `retention waits: ${message}`)
    })
  }

  /** Looks again and again for files that are to go, until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { journal, leads, clock, lookMs } = this.#options
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal)
      if (signal.aborted || !leads.value || journal.failed.value !== undefined) continue
      await this.#look()
    }
  }

  async #look(): Promise<void> {
    const { store, keeper, desk } = this.#options
    const files = store.files()
    const newest = files.findLast(({ lastTimestamp }) => lastTimestamp > 0)
    const nowMs = this.#clock.nowMs((newest?.lastTimestamp ?? 0) * 1000)
    const { needs } = keeper
    this.keptBytes = 0
    if (needs === undefined) return
    const policy = this.#policy(needs)
    this.keptBytes = bytesOverLimits(files, policy, nowMs)
    const oldest = files[0]?.name
    if (oldest !== undefined && (keeper.known?.giveUpBefore(oldest).length ?? 0) > 0)
      keeper.changed()
    if (planRetention(files, policy, nowMs) === undefined) return
    // A file that is read since the look, a node that does not answer: the next look decides again.
    await this.#tries.once(async () => {
      let plan: RetentionPlan | undefined
      const done = await desk.remove((now, purgeableTo) => {
        this.#requireKnown(now)
        plan = planRetention(purgeableTo, this.#policy(now), nowMs)
        return plan?.upTo
      })
      if (done !== undefined && plan !== undefined) this.#say(plan, done.lost.length)
    })
  }

  #policy(needs: Needs): RetentionPolicy {
    const { maxSizeBytes, maxAgeMs, ceilingBytes } = this.#options.wish()
    return {
      maxSizeBytes,
      maxAgeMs,
      ceilingBytes,
      roomBytes: ceilingBytes === undefined ? needs.roomBytes : undefined,
      neededFrom: this.#options.keeper.known?.neededFrom(),
      readFrom: needs.askedFrom,
    }
  }

  #requireKnown({ silent }: Needs): void {
    if (silent.length === 0) return
    const message = `${silent.join(', ')} does not say what its replicas read`
    throw new OperationalError('E_PEER_UNREACHABLE', message)
  }

  #say({ upTo, reason }: RetentionPlan, lost: number): void {
    const { logger } = this.#options
    logger.info({ upTo, reason }, 'retention removed the files before this one')
    if (lost === 0) return
    const what = reason === 'ceiling' ? 'retention.ceiling is reached' : 'the disk has no more room'
    logger.error({ upTo, replicas: lost }, `${what}: replicas that are away were given up`)
  }
}
