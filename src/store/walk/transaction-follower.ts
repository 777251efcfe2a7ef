import {
  decodeGtidEvent,
  decodePreviousGtids,
  type EventPlace,
  type GtidEvent,
  type GtidSet,
  isGtidEvent,
  isPreviousGtids,
  isStandalone,
  QUERY_PREFIX_BYTES,
  queryTextPrefix,
  STANDALONE_PREFIX_BYTES,
  TransactionTracker,
} from '../../mysql/index.ts'
import type { EventWalk, WalkedEvent } from './event-walk.ts'

/** A transaction that has begun by a GTID event. */
export interface OpenTransaction {
  readonly begin: number
  readonly facts: GtidEvent
  /** false: its GTID event is damaged, and so may be what it says */
  readonly isTrue: boolean
}

/**
 * Follows the events of a walk through their transactions, and adds the GTIDs that pass to a set.
 */
export class TransactionFollower {
  readonly #walk: EventWalk
  readonly #held: GtidSet
  readonly #tracker = new TransactionTracker()
  #transaction: OpenTransaction | undefined
  #previous: GtidSet | undefined
  #ended = false

  constructor(walk: EventWalk, held: GtidSet) {
    this.#walk = walk
    this.#held = held
  }

  /** the one that the event taken last is part of */
  get transaction(): OpenTransaction | undefined {
    return this.#transaction
  }

  get inTransaction(): boolean {
    return this.#tracker.inTransaction
  }

  /**
   * Takes the walk's next event. What it ends is in the set from the next call, or `settle`, on.
   * @param isTrue whether its bytes are those that were written; a GTID that may be wrong is not held
   * @throws ProtocolError when the event cannot stand there
   */
  take(event: WalkedEvent, isTrue = true): EventPlace {
    this.settle()
    const place = this.#place(event)
    if (isGtidEvent(event.type)) {
      const facts = decodeGtidEvent(this.#walk.whole(event), this.#walk.checksum)
      this.#transaction = { begin: event.position, facts, isTrue }
    }
    if (isPreviousGtids(event.type) && isTrue) {
      this.#previous = decodePreviousGtids(this.#walk.whole(event), this.#walk.checksum)
    }
    this.#ended = place === 'ended'
    return place
  }

  /** Adds to the set what the event taken last has ended. */
  settle(): void {
    if (this.#previous !== undefined) this.#held.addAll(this.#previous)
    this.#previous = undefined
    const gtid = this.#transaction?.isTrue === true ? this.#transaction.facts.gtid : undefined
    if (this.#ended && gtid !== undefined) this.#held.add(gtid)
    if (!this.#tracker.inTransaction) this.#transaction = undefined
    this.#ended = false
  }

  /** Forgets the transaction that has begun. */
  reset(): void {
    this.settle()
    this.#tracker.reset()
    this.#transaction = undefined
  }

  #place(event: WalkedEvent): EventPlace {
    const { type, flags } = event
    const standalone =
      TransactionTracker.needsStandalone(type) &&
      isStandalone(this.#walk.prefix(event, STANDALONE_PREFIX_BYTES))
    return this.#tracker.take(type, flags, this.#queryText(event), standalone)
  }

  #queryText(event: WalkedEvent): string {
    if (!TransactionTracker.needsQueryText(event.type)) return ''
    const prefix = this.#walk.prefix(event, QUERY_PREFIX_BYTES)
    return queryTextPrefix(prefix, event.size, this.#walk.checksum) ?? ''
  }
}
