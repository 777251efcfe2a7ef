import type { GtidSet } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { IndexWalk, readSet } from '../../store/index.ts'

interface SetEntry {
  /** in the binlog file, and of the entry in the index */
  readonly position: number
  readonly offset: number
  readonly size: number
}

/**
 * The GTID sets of an index in the order of the places that they are of. In the log of a cluster's node a set may stand
 * far behind the records of its place: it is that of the newest place that was shown, while a long transaction comes.
 */
export class IndexedSets {
  readonly #index: DiskFile
  /** the next one last */
  readonly #entries: SetEntry[]

  /** Reads the whole index once, and keeps where the sets are. */
  constructor(index: DiskFile) {
    this.#index = index
    const entries: SetEntry[] = []
    const walk = IndexWalk.open(index)
    for (let walked = walk?.next(); walked !== undefined; walked = walk?.next()) {
      const { entry, offset, size } = walked
      if (entry.kind === 'set') entries.push({ position: entry.position, offset, size })
    }
    this.#entries = entries.toSorted((one, other) => other.position - one.position)
  }

  /** where the next one is; undefined when there is none */
  get position(): number | undefined {
    return this.#entries.at(-1)?.position
  }

  /** The next one; undefined when it is not true, which a walk through the index tells. */
  take(): GtidSet | undefined {
    const entry = this.#entries.pop()
    return entry && readSet(this.#index, entry.offset, entry.size)?.held
  }
}
