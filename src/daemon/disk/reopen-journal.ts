import { JOURNAL_RETRY_MS } from '../../config/index.ts'
import type { LocalJournal } from '../../journal/index.ts'
import { OperationalError } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'

/**
 * Reads a journal that has failed anew, again and again until the disk takes it or what is there is not what was shown.
 * Until the signal fires. Rejects with what is our own fault.
 */
export async function reopenJournal(
  journal: LocalJournal,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const failure = journal.failed.value
    const mayTry = failure instanceof OperationalError && failure.reaction === 'pause'
    if (!mayTry) {
      await journal.failed.changed(signal)
      continue
    }
    await clock.sleep(JOURNAL_RETRY_MS, signal)
    if (signal.aborted) return
    try {
      await journal.reopen()
    } catch (thrown) {
      // `failed` says why.
      if (!(thrown instanceof OperationalError)) throw thrown
    }
  }
}
