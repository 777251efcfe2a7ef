import { messageOf, ProtocolError } from '../lib/index.ts'
import {
  decodeTransactionPayloadHeader,
  EventType,
  type Gtid,
  type GtidSet,
  QUERY_PREFIX_BYTES,
} from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import type { OpenTransaction } from '../store/index.ts'
import { CheckedWalk, type CheckedWalkOptions, type PassedEvent } from './checked-walk.ts'
import { type Damage, nameOf, type TransactionName } from './damage.ts'
import { type Details, describeEvent, timeOfMicros } from './describe-event.ts'
import { type InnerEvent, openPayload } from './payload.ts'

/** Tables of a transaction are named up to this number, and the others counted. */
const TABLES_MOST = 32
/** So many items are handed out at once: more would outlive the garbage collector's young generation. */
const BATCH_ITEMS = 512

export interface InspectedEvent {
  readonly kind: 'event'
  /** of an event inside a TRANSACTION_PAYLOAD that of the payload */
  readonly position: number
  readonly size: number
  readonly timestamp: number
  readonly serverId: number
  readonly type: number
  readonly flags: number
  readonly inPayload: boolean
  readonly isTrue: boolean
  readonly endsTransaction: boolean
  readonly transaction: TransactionName | undefined
  readonly details: Details
}

export interface InspectedTransaction {
  readonly kind: 'transaction'
  /** undefined for an anonymous one */
  readonly id: Gtid | undefined
  readonly gtid: string
  readonly begin: number
  readonly end: number
  /** events in the file, and in its payload */
  readonly events: number
  readonly eventsInPayload: number
  /** ISO 8601; '' when the GTID event does not say it */
  readonly commitTime: string
  readonly timestamp: number
  readonly tables: readonly string[]
  /** how many more tables there are, at most: one may be counted twice */
  readonly moreTables: number
}

export type Inspected =
  | InspectedEvent
  | InspectedTransaction
  | { readonly kind: 'damage'; readonly damage: Damage }

export interface InspectOptions extends CheckedWalkOptions {
  /** only what belongs to transactions of the set, and damage */
  readonly gtids: GtidSet | undefined
}

/** What is in a binlog file, piece by piece, in the file's order. */
export async function* inspectBinlog(
  file: DiskFile,
  options: InspectOptions,
): AsyncGenerator<readonly Inspected[]> {
  const walk = await CheckedWalk.start(file, options)
  const inspection = new Inspection(walk, options.gtids)
  while (await walk.load()) {
    for (let passed = walk.next(); passed !== undefined; passed = walk.next()) {
      inspection.add(passed)
      if (passed.event.type === EventType.TRANSACTION_PAYLOAD) {
        for await (const inner of payloadEvents(file, walk, passed)) {
          inspection.addInner(passed, inner)
          yield inspection.take()
        }
      }
      inspection.finish(passed)
      if (inspection.count >= BATCH_ITEMS) yield inspection.take()
    }
    yield inspection.take()
  }
  yield inspection.take()
}

async function* payloadEvents(
  file: DiskFile,
  walk: CheckedWalk,
  { event }: PassedEvent,
): AsyncGenerator<readonly InnerEvent[]> {
  try {
    const prefix = walk.prefix(event, QUERY_PREFIX_BYTES)
    const header = decodeTransactionPayloadHeader(prefix, walk.checksum)
    yield* openPayload(file, event.position, header)
  } catch (thrown) {
    if (!(thrown instanceof ProtocolError)) throw thrown
    walk.report(event.position, `the payload cannot be opened: ${messageOf(thrown)}`)
  }
}

class Inspection {
  readonly #walk: CheckedWalk
  readonly #gtids: GtidSet | undefined
  #found: Inspected[] = []
  #tables = new Set<string>()
  #moreTables = 0
  #events = 0
  #eventsInPayload = 0
  #open: OpenTransaction | undefined
  #name: TransactionName | undefined

  constructor(walk: CheckedWalk, gtids: GtidSet | undefined) {
    this.#walk = walk
    this.#gtids = gtids
  }

  /** how many items wait */
  get count(): number {
    return this.#found.length
  }

  take(): readonly Inspected[] {
    for (const damage of this.#walk.takeDamages()) this.#found.push({ kind: 'damage', damage })
    const found = this.#found
    this.#found = []
    return found
  }

  add({ event, place, isTrue, transaction }: PassedEvent): void {
    if (transaction !== this.#open) this.#begin(transaction)
    for (const damage of this.#walk.takeDamages()) this.#found.push({ kind: 'damage', damage })
    if (!this.#isWanted(transaction)) return
    const { position, size, timestamp, serverId, type, flags } = event
    const details = describeEvent({
      type,
      prefix: this.#walk.prefix(event, QUERY_PREFIX_BYTES),
      checksum: this.#walk.checksum,
      whole: () => this.#walk.whole(event),
      gtid: transaction?.facts,
    })
    this.#events += 1
    this.#noteTable(type, details)
    const inPayload = false
    const endsTransaction = place === 'ended'
    const header = { position, size, timestamp, serverId, type, flags }
    const more = { inPayload, isTrue, endsTransaction, transaction: this.#name, details }
    this.#found.push({ kind: 'event', ...header, ...more })
  }

  addInner({ event, isTrue, transaction }: PassedEvent, inner: readonly InnerEvent[]): void {
    if (!this.#isWanted(transaction)) return
    for (const { header, prefix } of inner) {
      const { size, timestamp, serverId, type, flags } = header
      const facts = { type, prefix, checksum: 'NONE', whole: undefined, gtid: undefined } as const
      const details = describeEvent(facts)
      this.#eventsInPayload += 1
      this.#noteTable(type, details)
      const fields = { position: event.position, size, timestamp, serverId, type, flags }
      const more = { inPayload: true, isTrue, endsTransaction: false, transaction: this.#name }
      this.#found.push({ kind: 'event', ...fields, ...more, details })
    }
  }

  /** Behind an event and what is in it. */
  finish({ event, place, transaction }: PassedEvent): void {
    if (place !== 'ended' || transaction === undefined || !this.#isWanted(transaction)) return
    const { gtid, begin } = nameOf(transaction)
    this.#found.push({
      kind: 'transaction',
      id: transaction.facts.gtid,
      gtid,
      begin,
      end: event.end,
      events: this.#events,
      eventsInPayload: this.#eventsInPayload,
      commitTime: timeOfMicros(transaction.facts.immediateCommitMicros),
      timestamp: event.timestamp,
      tables: [...this.#tables],
      moreTables: this.#moreTables,
    })
  }

  #begin(transaction: OpenTransaction | undefined): void {
    this.#open = transaction
    this.#name = transaction === undefined ? undefined : nameOf(transaction)
    this.#tables.clear()
    this.#moreTables = 0
    this.#events = 0
    this.#eventsInPayload = 0
  }

  #isWanted(transaction: OpenTransaction | undefined): boolean {
    if (this.#gtids === undefined) return true
    const gtid = transaction?.facts.gtid
    return gtid !== undefined && this.#gtids.has(gtid)
  }

  #noteTable(type: number, details: Details): void {
    if (type !== EventType.TABLE_MAP) return
    const name = `${details['database']}.${details['table']}`
    if (this.#tables.has(name)) return
    if (this.#tables.size < TABLES_MOST) this.#tables.add(name)
    else this.#moreTables += 1
  }
}
