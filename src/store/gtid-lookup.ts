import { InvariantError } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type { Position } from './record.ts'
import type { Store } from './store.ts'

/**
 * Where a replica that has the set `held` begins: everything before the place is in `held`, and transactions after it
 * may be. Undefined when the oldest file begins after something that `held` lacks.
 */
export function findGtidStart(store: Store, held: GtidSet): Promise<Position | undefined> {
  throw new InvariantError(`not written yet: ${store.files().length} ${held.toString()}`)
}
