import { present } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { BinlogStore } from '../binlog-store.ts'
import type { Position } from '../record.ts'

/**
 * Where a replica that holds `held` begins: every transaction before the place, purged ones too, is
 * in `held`; after it there may be some that are. The file is the newest one before which nothing
 * is missing. Undefined when something that `held` lacks is gone from the files, or there is no
 * file.
 * @throws OperationalError E_STORE_DAMAGED
 */
export async function findGtidStart(
  store: Pick<BinlogStore, 'files' | 'previousGtids' | 'positionFor'>,
  held: GtidSet,
): Promise<Position | undefined> {
  const names = store.files().map((file) => file.name)
  // What is before a file only grows from file to file, so the newest one is found by halving.
  let low = -1
  let high = names.length - 1
  while (low < high) {
    const middle = (low + high + 1) >>> 1
    const before = await store.previousGtids(present(names[middle], 'file'))
    if (held.contains(before)) low = middle
    else high = middle - 1
  }
  const file = names[low]
  if (file === undefined) return undefined
  return { file, position: await store.positionFor(file, held) }
}
