/*
  A replica may hold transactions of our source that we lack. Mostly we are behind, and they will come. But a source
  that has lost its end gives the same GTIDs to other transactions, and the replica would be left without these and
  not know it. So the source is asked, as long as the replica is ahead of us. As in MySQL only the transactions with
  the source's own uuid count: nobody will give the GTIDs of others again.
*/
import type { GtidSet } from '../../mysql/index.ts'
import type { Clock } from '../../platform/index.ts'
import type { BinlogReader } from './binlog-reader.ts'

/** A source that cannot be asked, or has them, is asked again after so long. */
const ASK_AGAIN_MS = 10_000

export interface SourceGtids {
  readonly uuid: string
  /** all that it has at the moment, with what is about to be committed */
  readonly has: GtidSet
}

/** Has to look after it was called. Undefined where the source cannot be asked, or may be behind itself. */
export type AskSource = (signal: AbortSignal) => Promise<SourceGtids | undefined>

export interface AheadParts {
  readonly reader: Pick<BinlogReader, 'files' | 'executed'>
  readonly askSource: AskSource
  readonly clock: Clock
}

/** What the replica holds and the source has lost; undefined once we hold all of it, and when the signal fires. */
export async function lostBySource(
  held: GtidSet,
  { reader, askSource, clock }: AheadParts,
  signal: AbortSignal,
): Promise<GtidSet | undefined> {
  while (!signal.aborted) {
    const uuid = reader.files().at(-1)?.sourceUuid ?? ''
    if (uuid === '') return undefined
    const ahead = held.only(uuid).subtract(reader.executed())
    if (ahead.isEmpty) return undefined
    const source = await askSource(signal)
    if (source?.uuid === uuid) {
      const lost = ahead.subtract(source.has)
      if (!lost.isEmpty) return lost
    }
    await clock.sleep(ASK_AGAIN_MS, signal)
  }
  return undefined
}
