import { EventType, eventTypeSymbol, GtidSet, isPreviousGtids } from '../mysql/index.ts'
import { type Damage, damageText } from './damage.ts'
import type { Inspected, InspectedEvent, InspectedTransaction } from './inspect-binlog.ts'
import type { InspectedFile } from './inspect-file.ts'

const LARGEST_MOST = 5
/** So many are named; more are counted. */
const DAMAGES_MOST = 1000

export interface TypeCount {
  readonly type: string
  events: number
  bytes: number
  eventsInPayload: number
  bytesInPayload: number
}

export interface LargeTransaction {
  readonly gtid: string
  readonly position: number
  readonly bytes: number
  readonly events: number
}

/** Facts of a whole file; what `inspect --summary --json` prints. */
export interface FileSummary {
  readonly file: string
  readonly size: number
  readonly serverVersion: string | null
  readonly checksum: string | null
  /** seconds since 1970, 0 in every file but a server's first */
  readonly created: number | null
  readonly inUse: boolean
  readonly relayLog: boolean
  readonly previousGtids: string | null
  readonly gtids: string
  readonly transactions: number
  readonly anonymousTransactions: number
  readonly firstTimestamp: number | null
  readonly lastTimestamp: number | null
  /** `ROTATE to binlog.000008`, `STOP`; null for a file that was not closed */
  readonly closedBy: string | null
  readonly largest: readonly LargeTransaction[]
  readonly types: readonly TypeCount[]
  readonly damageCount: number
  /** the first of them, in words */
  readonly damages: readonly string[]
}

export class Summary {
  readonly #file: InspectedFile
  readonly #types = new Map<number, TypeCount>()
  readonly #gtids = GtidSet.empty()
  readonly #damages: string[] = []
  #damageCount = 0
  #previousGtids: string | null = null
  #transactions = 0
  #anonymous = 0
  #firstTimestamp: number | null = null
  #lastTimestamp: number | null = null
  #closedBy: string | null = null
  #largest: LargeTransaction[] = []

  constructor(file: InspectedFile) {
    this.#file = file
  }

  add(item: Inspected): void {
    if (item.kind === 'event') this.#addEvent(item)
    else if (item.kind === 'transaction') this.#addTransaction(item)
    else this.#addDamage(item.damage)
  }

  result(): FileSummary {
    const { name, size, description, isInUse, isRelayLog } = this.#file
    return {
      file: name,
      size,
      serverVersion: description?.serverVersion ?? null,
      checksum: description?.checksum ?? null,
      created: description?.created ?? null,
      inUse: isInUse,
      relayLog: isRelayLog,
      previousGtids: this.#previousGtids,
      gtids: this.#gtids.toString(),
      transactions: this.#transactions,
      anonymousTransactions: this.#anonymous,
      firstTimestamp: this.#firstTimestamp,
      lastTimestamp: this.#lastTimestamp,
      closedBy: this.#closedBy,
      largest: this.#largest,
      types: [...this.#types.values()].sort((one, other) => other.bytes - one.bytes),
      damageCount: this.#damageCount,
      damages: this.#damages,
    }
  }

  #addDamage(damage: Damage): void {
    this.#damageCount += 1
    if (this.#damages.length < DAMAGES_MOST) this.#damages.push(damageText(damage))
  }

  #addEvent({ type, size, timestamp, inPayload, details }: InspectedEvent): void {
    const count = this.#typeCount(type)
    if (inPayload) {
      count.eventsInPayload += 1
      count.bytesInPayload += size
      return
    }
    count.events += 1
    count.bytes += size
    if (timestamp !== 0) {
      this.#firstTimestamp ??= timestamp
      this.#lastTimestamp = timestamp
    }
    if (isPreviousGtids(type)) this.#previousGtids = String(details['gtids'] ?? '')
    this.#closedBy = closingOf(type, details['nextFile'])
  }

  #typeCount(type: number): TypeCount {
    const known = this.#types.get(type)
    if (known !== undefined) return known
    const none = { events: 0, bytes: 0, eventsInPayload: 0, bytesInPayload: 0 }
    const count = { type: eventTypeSymbol(type), ...none }
    this.#types.set(type, count)
    return count
  }

  #addTransaction({ id, gtid, begin, end, events }: InspectedTransaction): void {
    this.#transactions += 1
    if (id === undefined) this.#anonymous += 1
    else this.#gtids.add(id)
    const bytes = end - begin
    const least = this.#largest.at(-1)
    if (this.#largest.length === LARGEST_MOST && bytes <= (least?.bytes ?? 0)) return
    this.#largest = [...this.#largest, { gtid, position: begin, bytes, events }]
      .sort((one, other) => other.bytes - one.bytes)
      .slice(0, LARGEST_MOST)
  }
}

/** What the last event of a file says of its end. */
function closingOf(type: number, nextFile: unknown): string | null {
  if (type === EventType.STOP) return 'STOP'
  return type === EventType.ROTATE ? `ROTATE to ${String(nextFile)}` : null
}
