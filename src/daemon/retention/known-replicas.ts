import type { SeenReplica } from '../../serve/index.ts'
import { compareFileNames } from '../../store/index.ts'
import type { NodeNeeds } from './node-needs.ts'

/** Replicas that are remembered; of those that are away the one that is so longest goes at the bound. */
const REPLICAS_MOST = 1000

export interface KnownReplica extends SeenReplica {
  /** name of the node that saw it last */
  readonly node: string
  readonly isConnected: boolean
  /** for how long it has been away while a node was there that it could have come back to */
  readonly awayMs: number
  /** names how it left last, so that this counts once; null: it was not seen leaving */
  readonly leaving: string | null
  /** what it needs is not kept any more: it cannot go on where it was */
  readonly isGivenUp: boolean
}

/** All replicas that have a uuid and were seen at any node, with what they need. */
export class KnownReplicas {
  readonly #rows: Map<string, KnownReplica>

  constructor(kept: readonly KnownReplica[]) {
    this.#rows = new Map(kept.map((row) => [row.uuid, row]))
  }

  all(): KnownReplica[] {
    return [...this.#rows.values()]
  }

  absent(): KnownReplica[] {
    return this.all().filter(({ isConnected }) => !isConnected)
  }

  /** The oldest file that a replica needs which is away and not given up. */
  neededFrom(): string | undefined {
    return this.absent()
      .filter(({ isGivenUp }) => !isGivenUp)
      .map(({ needs }) => needs)
      .sort(compareFileNames)[0]
  }

  /**
   * Takes up what nodes say. Who is connected anywhere is not away; of those that have left, the newest counts.
   * @param answers by the name of the node, of those that have answered
   * @param passedMs since the last time
   */
  take(answers: ReadonlyMap<string, NodeNeeds>, passedMs: number): void {
    for (const row of this.absent()) this.#set({ ...row, awayMs: row.awayMs + passedMs })
    const connectedAt = new Map(
      this.all().flatMap(({ uuid, node, isConnected }) => (isConnected ? [[uuid, node]] : [])),
    )
    for (const row of this.all()) if (row.isConnected) this.#set({ ...row, isConnected: false })
    for (const [node, { process, left }] of answers) {
      for (const { id, ...replica } of left) {
        const known = this.#rows.get(replica.uuid)
        const leaving = `${process}/${id}`
        if (known?.leaving === leaving) continue
        const isNewer = known === undefined || replica.awayMs <= known.awayMs
        if (!isNewer && connectedAt.get(replica.uuid) !== node) continue
        this.#set({ ...replica, node, isConnected: false, leaving, isGivenUp: false })
      }
    }
    for (const [node, { connected }] of answers) {
      const state = { node, isConnected: true, awayMs: 0, leaving: null, isGivenUp: false }
      for (const replica of connected) this.#set({ ...replica, ...state })
    }
    const longest = this.absent().toSorted((one, other) => other.awayMs - one.awayMs)
    const tooMany = Math.max(0, this.#rows.size - REPLICAS_MOST)
    for (const { uuid } of longest.slice(0, tooMany)) this.#rows.delete(uuid)
  }

  /** Forgets who has been away for longer. */
  expire(keepMs: number): KnownReplica[] {
    const expired = this.absent().filter(({ awayMs }) => awayMs > keepMs)
    for (const { uuid } of expired) this.#rows.delete(uuid)
    return expired
  }

  /** The files before this one go: those who are away and need them cannot go on. @returns who else than before */
  giveUpBefore(upTo: string): KnownReplica[] {
    const lost = this.absent().filter(
      ({ needs, isGivenUp }) => !isGivenUp && compareFileNames(needs, upTo) < 0,
    )
    for (const row of lost) this.#set({ ...row, isGivenUp: true })
    return lost
  }

  /** One that is away. */
  forget(uuid: string): void {
    this.#rows.delete(uuid)
  }

  #set(row: KnownReplica): void {
    this.#rows.set(row.uuid, row)
  }
}
