import { Watch, type Watched } from '../lib/index.ts'
import { comparePositions, type Position } from '../store/index.ts'

/** Replicas whose newest acknowledgement is kept; the one that acknowledged longest ago is forgotten at the bound. */
const REPLICAS_MOST = 1000

/** A semi-sync replica, and the place before which it has said that everything is safe with it. */
export interface ReplicaAck extends Position {
  /** its uuid, or `server_id N` where it has none */
  readonly replica: string
}

/**
 * What semi-sync replicas have acknowledged. It stays true when they leave: what a replica has said to be safe
 * is, whether it is connected or not.
 */
export class ReplicaAcks {
  /** by replica, the one that acknowledged last at the end */
  readonly #newest = new Map<string, ReplicaAck>()
  readonly #count = new Watch(0)
  readonly #held = new Watch<Position | undefined>(undefined)
  /** serve.wait-for-replicas; 0: nobody is waited for */
  readonly needed: number

  constructor(needed = 0) {
    this.needed = needed
  }

  /** Everything before it is safe with as many replicas as are needed; undefined where none is needed. */
  get held(): Watched<Position | undefined> | undefined {
    return this.needed === 0 ? undefined : this.#held
  }

  /** acknowledgements that moved a replica on, since the start */
  get count(): Watched<number> {
    return this.#count
  }

  /** What lies before what the replica has acknowledged already says nothing new. */
  note(ack: ReplicaAck): void {
    const before = this.#newest.get(ack.replica)
    if (before !== undefined && comparePositions(ack, before) <= 0) return
    this.#newest.delete(ack.replica)
    this.#newest.set(ack.replica, ack)
    for (const oldest of this.#newest.keys()) {
      if (this.#newest.size <= REPLICAS_MOST) break
      this.#newest.delete(oldest)
    }
    this.#count.set(this.#count.value + 1)
    this.#moveHeld()
  }

  /** Never back: a replica that is forgotten has said what it has said. */
  #moveHeld(): void {
    if (this.needed === 0) return
    const newestFirst = this.all().sort((a, b) => comparePositions(b, a))
    const nth = newestFirst[this.needed - 1]
    const before = this.#held.value
    if (nth === undefined) return
    if (before !== undefined && comparePositions(nth, before) <= 0) return
    this.#held.set({ file: nth.file, position: nth.position })
  }

  /** The newest of each replica. */
  all(): ReplicaAck[] {
    return [...this.#newest.values()]
  }
}
