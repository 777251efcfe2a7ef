import type { Logger } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import { ExtentsCache } from '../index-file/extents.ts'
import type { StoredFileFacts } from '../stored-file.ts'
import { recoverFile } from './file-recovery.ts'

/** Two stretches between checkpoints. */
const RECORDS_CACHED = 2 * 16_384

/**
 * Makes the index of a closed file anew from its events, which must all be true; durable when it resolves. Returns the
 * GTIDs that are held at its end.
 * @param folder where it is made; the file's is that of the context
 * @param heldBefore what the file's own PREVIOUS_GTIDS need not say
 * @throws OperationalError E_STORE_DAMAGED, naming the first event that is not
 */
export async function rebuildIndex(
  context: {
    readonly disk: Disk
    readonly folder: string
    readonly storeId: string
    readonly logger: Logger
  },
  facts: StoredFileFacts,
  folder: string,
  heldBefore: GtidSet = GtidSet.empty(),
): Promise<GtidSet> {
  const { data, index, appender, held } = await recoverFile(
    { ...context, cache: new ExtentsCache(RECORDS_CACHED) },
    {
      name: facts.origin.name,
      fallback: facts,
      heldBefore,
      last: false,
      indexFolder: folder,
    },
  )
  try {
    await appender.close(held)
    return held
  } finally {
    await data.close()
    await index.close()
  }
}
