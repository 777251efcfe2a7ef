import { present } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { HeldAt, SetPlace } from '../index-file/index-directory.ts'

/**
 * The newest place, up to `limit`, whose set is contained in `held`; sets only grow, so it is found by halving.
 * @param places the newest first
 */
export function newestContained(
  places: readonly SetPlace[],
  held: GtidSet,
  limit: number,
): HeldAt | undefined {
  let low = 0
  let high = places.length
  while (low < high) {
    const middle = (low + high) >>> 1
    const place = present(places[middle], 'place').load()
    if (place.position <= limit && held.contains(place.held)) high = middle
    else low = middle + 1
  }
  return places[low]?.load()
}
