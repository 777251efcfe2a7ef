import {
  decodeGtidEvent,
  decodePreviousGtids,
  EventType,
  type Gtid,
  type GtidSet,
  QUERY_PREFIX_BYTES,
  queryTextPrefix,
  TransactionTracker,
} from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { EventWalk, type WalkBounds, type WalkedEvent } from './event-walk.ts'

export interface TransactionStep {
  readonly event: WalkedEvent
  /** whether the file lies between transactions behind the event */
  readonly boundary: boolean
}

export function isGtidEvent(type: number): boolean {
  return (
    type === EventType.GTID || type === EventType.GTID_TAGGED || type === EventType.ANONYMOUS_GTID
  )
}

/**
 * Goes through a file from a place between transactions and adds the GTIDs that it passes to a set.
 */
export class TransactionWalk {
  readonly #walk: EventWalk
  readonly #held: GtidSet
  readonly #tracker = new TransactionTracker()
  #gtid: Gtid | undefined

  constructor(file: DiskFile, bounds: WalkBounds, held: GtidSet) {
    this.#walk = new EventWalk(file, bounds)
    this.#held = held
  }

  get torn(): boolean {
    return this.#walk.torn
  }

  get position(): number {
    return this.#walk.position
  }

  /**
   * The next event, whose transaction, if it ends one, is not in the set yet: the call after adds
   * it.
   * @throws ProtocolError when the event cannot stand there
   */
  *steps(): Generator<TransactionStep> {
    for (let event = this.#walk.next(); event !== undefined; event = this.#walk.next()) {
      const place = this.#tracker.take(event.type, event.flags, this.#queryText(event))
      if (isGtidEvent(event.type)) {
        this.#gtid = decodeGtidEvent(this.#walk.whole(event), this.#walk.checksum).gtid
      }
      const previous = this.#previousGtids(event)
      yield { event, boundary: place !== 'inside' }
      if (previous !== undefined) this.#held.addAll(previous)
      if (place === 'inside' || this.#gtid === undefined) continue
      if (place === 'ended') this.#held.add(this.#gtid.uuid, this.#gtid.tag, this.#gtid.gno)
      this.#gtid = undefined
    }
  }

  #queryText(event: WalkedEvent): string {
    if (!TransactionTracker.needsQueryText(event.type)) return ''
    const prefix = this.#walk.prefix(event, QUERY_PREFIX_BYTES)
    return queryTextPrefix(prefix, event.size, this.#walk.checksum) ?? ''
  }

  #previousGtids(event: WalkedEvent): GtidSet | undefined {
    if (event.type !== EventType.PREVIOUS_GTIDS) return undefined
    return decodePreviousGtids(this.#walk.whole(event), this.#walk.checksum)
  }
}
