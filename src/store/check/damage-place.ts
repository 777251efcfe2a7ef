/*
  What damaged bytes of a binlog file belong to: the event, and the transaction with its GTID. Told from the true events
  before them, from the last place between transactions on that the index knows, and, as far as checksums of their own
  show it, from the events among the damaged bytes that are whole.
*/
import { OperationalError, ProtocolError, systemCodeOf } from '../../lib/index.ts'
import {
  decodeGtidEvent,
  eventTypeSymbol,
  FIRST_EVENT_POSITION,
  formatGtid,
  GtidSet,
  isGtidEvent,
} from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import type { IndexDirectory } from '../index-file/index-directory.ts'
import { EventWalk, type WalkFault } from '../walk/event-walk.ts'
import { TransactionFollower } from '../walk/transaction-follower.ts'

export interface DamagePlace {
  /** where the first event begins that has bytes of the range; none of it can be sent */
  readonly event: number
  /** the event that is known to be damaged: where it begins, and its type as far as it can be read */
  readonly hit: { readonly position: number; readonly type: string | undefined } | undefined
  /** of the transaction of that event */
  readonly transaction: string | undefined
  /** false: its GTID event is the damaged one, and the GTID may be another */
  readonly isTransactionTrue: boolean
}

/**
 * Undefined where what is before it cannot be read either.
 * @param start a place between transactions at or before the range
 */
export async function placeOf(
  data: DiskFile,
  start: number,
  range: { readonly from: number; readonly to: number },
): Promise<DamagePlace | undefined> {
  try {
    return await walkTo(data, start, range)
  } catch (thrown) {
    const isExpected = thrown instanceof ProtocolError || thrown instanceof OperationalError
    if (!isExpected && systemCodeOf(thrown) === undefined) throw thrown
    return undefined
  }
}

/** The last place between transactions that the index knows at or before the position. */
export function startBefore(directory: IndexDirectory, position: number): number {
  for (const place of directory.setPlaces()) {
    const at = place.load().position
    if (at <= position) return at
  }
  return FIRST_EVENT_POSITION
}

async function walkTo(
  data: DiskFile,
  start: number,
  { from, to }: { readonly from: number; readonly to: number },
): Promise<DamagePlace | undefined> {
  if (from < FIRST_EVENT_POSITION) return undefined
  // What is before the range was compared with the index; checksums are looked at in the range alone.
  const walk = new EventWalk(data, { from: start, limit: data.size(), verifyFrom: from })
  const follower = new TransactionFollower(walk, GtidSet.empty())
  let event: number | undefined
  let last: string | undefined
  while (await walk.load()) {
    for (let passed = walk.next(); passed !== undefined; passed = walk.next()) {
      follower.take(passed)
      const { transaction } = follower
      last = transaction?.facts.gtid && formatGtid(transaction.facts.gtid)
      if (passed.end <= from) continue
      event ??= passed.position
      // All events of the range are whole: another byte than the one that was stored is in none of them.
      if (passed.end >= to) {
        return { event, hit: undefined, transaction: last, isTransactionTrue: true }
      }
    }
  }
  follower.settle()
  const { fault } = walk
  if (fault === undefined) return undefined
  const type = fault.event && eventTypeSymbol(fault.event.type)
  const place = { event: event ?? fault.position, hit: { position: fault.position, type } }
  const open = follower.transaction?.facts.gtid
  const transaction = open === undefined ? damagedGtid(walk, fault) : formatGtid(open)
  return { ...place, transaction, isTransactionTrue: open !== undefined }
}

/** What a GTID event whose checksum is wrong says; undefined for any other. */
function damagedGtid(walk: EventWalk, { kind, event }: WalkFault): string | undefined {
  if (kind !== 'checksum' || event === undefined || !isGtidEvent(event.type)) return undefined
  try {
    const { gtid } = decodeGtidEvent(walk.whole(event), walk.checksum)
    return gtid && formatGtid(gtid)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    return undefined
  }
}
