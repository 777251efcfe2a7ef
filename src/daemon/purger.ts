import { RETENTION_LOOK_MS } from '../config/index.ts'
import type { Journal } from '../journal/index.ts'
import { type Logger, OperationalError, type Watched } from '../lib/index.ts'
import type { Clock } from '../platform/index.ts'
import {
  type BinlogStore,
  planRetention,
  RetentionClock,
  type RetentionPolicy,
} from '../store/index.ts'

export interface PurgerOptions {
  readonly store: Pick<BinlogStore, 'files'>
  readonly journal: Pick<Journal, 'purge' | 'failed'>
  /** only who leads purges: the others follow */
  readonly leads: Watched<boolean>
  readonly clock: Clock
  readonly logger: Logger
  /** asked before each look: who is away and still needs files changes all the time */
  readonly policy: () => RetentionPolicy
}

/** Removes the oldest files as retention says, one look at a time, until the signal fires. */
export async function runPurger(options: PurgerOptions, signal: AbortSignal): Promise<void> {
  const { store, journal, clock, logger } = options
  const retentionClock = new RetentionClock(clock)
  while (!signal.aborted) {
    await clock.sleep(RETENTION_LOOK_MS, signal)
    if (signal.aborted || !options.leads.value || journal.failed.value !== undefined) continue
    const plan = planRetention(store.files(), options.policy(), retentionClock.nowMs())
    if (plan === undefined) continue
    try {
      await journal.purge(plan.upTo)
      logger.info({ ...plan }, 'retention removed the files before this one')
    } catch (thrown) {
      // A file that is read since the look, or a store that has failed: the next look decides again.
      if (!(thrown instanceof OperationalError)) throw thrown
      logger.warn({ code: thrown.code }, thrown.message)
    }
  }
}
