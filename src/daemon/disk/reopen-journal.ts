import { JOURNAL_RETRY, JOURNAL_WELL_MS } from '../../config/index.ts'
import type { LocalJournal } from '../../journal/index.ts'
import { Backoff, OperationalError, waitUntil } from '../../lib/index.ts'
import type { Clock, Random } from '../../platform/index.ts'

/**
 * Reads a journal that has failed anew, again and again until the disk takes it or what is there is not what was shown.
 * A disk may take that and fail at the next piece, so the waits grow until all was well for a while. Until the signal
 * fires. Rejects with what is our own fault.
 */
export async function reopenJournal(
  journal: LocalJournal,
  { clock, random }: { readonly clock: Clock; readonly random: Random },
  signal: AbortSignal,
): Promise<void> {
  const backoff = new Backoff(JOURNAL_RETRY, () => random.fraction())
  let wellSinceMs = clock.monotonicMs()
  while (!signal.aborted) {
    const failure = await waitUntil(journal.failed, mayPass, signal)
    if (failure === undefined) return
    if (clock.monotonicMs() - wellSinceMs > JOURNAL_WELL_MS) backoff.reset()
    await clock.sleep(backoff.nextMs(), signal)
    if (signal.aborted) return
    try {
      await journal.reopen()
      wellSinceMs = clock.monotonicMs()
    } catch (thrown) {
      // `failed` says why.
      if (!(thrown instanceof OperationalError)) throw thrown
    }
  }
}

function mayPass(failure: Error | undefined): boolean {
  return failure instanceof OperationalError && failure.reaction === 'pause'
}
