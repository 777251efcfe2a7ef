/* Events as a MySQL 9.7 source writes them, from the project's own encoders and one captured file. */
import { readFileSync } from 'node:fs'
import { restamp } from '../../../src/mysql/binlog/checksum.ts'
import {
  EventFlag,
  EventType,
  encodeEvent,
  type Gtid,
  readEventHeader,
  rewriteFormatDescription,
} from '../../../src/mysql/index.ts'
import { encodeGtidEvent } from '../../../src/mysql/testing/gtid-events.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'

const CAPTURED = readFileSync(new URL('../../fixtures/plain.000002', import.meta.url))
const CAPTURED_DESCRIPTION = CAPTURED.subarray(4, 4 + CAPTURED.readUInt32LE(13))

export const SOURCE_SERVER_ID = 1

/** An event without its place: `placed` gives it one. */
export type Loose = (logPos: number) => Buffer

export function formatDescription(created: number): Buffer {
  return rewriteFormatDescription(CAPTURED_DESCRIPTION, {
    logPos: 4 + CAPTURED_DESCRIPTION.length,
    created,
    inUse: false,
  })
}

export function madeEvent(type: number, timestamp: number, body: Uint8Array, flags = 0): Loose {
  const fields = { type, timestamp, serverId: SOURCE_SERVER_ID, flags, body, checksum: true }
  return (logPos) => encodeEvent({ ...fields, logPos })
}

function query(timestamp: number, text: string): Loose {
  return madeEvent(
    EventType.QUERY,
    timestamp,
    Buffer.concat([Buffer.alloc(13), Buffer.of(0), Buffer.from(text)]),
  )
}

function rows(timestamp: number, size: number, random: SeededRandom): Loose[] {
  const body = size > 4096 ? Buffer.alloc(size, random.bytes(64)) : random.bytes(size)
  return [
    madeEvent(EventType.TABLE_MAP, timestamp, random.bytes(random.between(20, 60))),
    madeEvent(EventType.WRITE_ROWS, timestamp, body),
  ]
}

export type TransactionKind = 'rows' | 'ddl' | 'xa prepare' | 'xa end' | 'payload'

/** The events of a transaction behind its GTID event. */
function statements({ kind, timestamp, random, eventBytesMost }: NewTransaction): Loose[] {
  const size = Math.min(sizeOf(random), eventBytesMost)
  switch (kind) {
    case 'rows': {
      const all = Array.from({ length: random.between(1, 4) }, (_, index) =>
        rows(timestamp, index === 0 ? size : random.between(1, 300), random),
      )
      const xid = madeEvent(EventType.XID, timestamp, random.bytes(8))
      return [query(timestamp, 'BEGIN'), ...all.flat(), xid]
    }
    case 'ddl':
      return [query(timestamp, `CREATE TABLE t${random.text(8)} (a INT) /*${random.text(40)}*/`)]
    case 'xa prepare':
      return [
        query(timestamp, "XA START X'61',X'',1"),
        ...rows(timestamp, size, random),
        query(timestamp, "XA END X'61',X'',1"),
        madeEvent(EventType.XA_PREPARE, timestamp, random.bytes(15)),
      ]
    case 'xa end':
      return [query(timestamp, `XA ${random.pick(['COMMIT', 'ROLLBACK'])} X'61',X'',1`)]
    case 'payload':
      return [madeEvent(EventType.TRANSACTION_PAYLOAD, timestamp, random.bytes(size % 4000))]
  }
}

/** Mostly small; some pass the decoder in parts, and some do not fit into one record. */
function sizeOf(random: SeededRandom): number {
  const fraction = random.fraction()
  if (fraction < 0.98) return random.between(1, 800)
  return fraction < 0.9997 ? random.between(10_000, 200_000) : random.between(900_000, 2_300_000)
}

export interface NewTransaction {
  readonly kind: TransactionKind
  readonly gtid: Gtid
  readonly timestamp: number
  /** when it was committed, since the Unix epoch */
  readonly micros: bigint
  readonly random: SeededRandom
  /** of the rows of an event */
  readonly eventBytesMost: number
}

/** The events of a transaction that begins at the position. */
export function transactionAt(position: number, transaction: NewTransaction): Buffer[] {
  return placedAt(position, transaction, statements(transaction))
}

/**
 * The same transaction as another server writes it that has replicated it: elsewhere, and committed there later.
 * @param events without the GTID event
 */
export function replicatedAt(
  position: number,
  head: TransactionHead,
  events: readonly Buffer[],
): Buffer[] {
  const loose = events.map(
    (event): Loose =>
      (logPos) =>
        movedTo(event, logPos),
  )
  return placedAt(position, head, loose, REPLICATED_AFTER_MICROS)
}

const REPLICATED_AFTER_MICROS = 1234n

function placedAt(
  position: number,
  head: TransactionHead,
  loose: readonly Loose[],
  laterMicros = 0n,
): Buffer[] {
  const rest = loose.reduce((sum, event) => sum + event(0).length, 0)
  let first = gtidEvent(head, 0, laterMicros)
  // The length counts its own size, which may grow with it.
  for (let before = -1; before !== first.length; ) {
    before = first.length
    first = gtidEvent(head, first.length + rest, laterMicros)
  }
  let end = position + first.length
  first.writeUInt32LE(end, 13)
  restamp(first)
  const events = [first]
  for (const event of loose) {
    end += event(0).length
    events.push(event(end))
  }
  return events
}

/** What a transaction is told by, wherever it stands. */
type TransactionHead = Pick<NewTransaction, 'gtid' | 'timestamp' | 'micros'>

function gtidEvent(
  { gtid, timestamp, micros }: TransactionHead,
  transactionLength: number,
  laterMicros: bigint,
): Buffer {
  const event = encodeGtidEvent({
    gtid,
    transactionLength,
    lastCommitted: 0n,
    sequenceNumber: 1n,
    immediateCommitMicros: micros + laterMicros,
    originalCommitMicros: micros,
  })
  event.writeUInt32LE(timestamp, 0)
  restamp(event)
  return event
}

/** The event as it stands in a file where it ends elsewhere. */
export function movedTo(event: Buffer, logPos: number): Buffer {
  const copy = Buffer.from(event)
  copy.writeUInt32LE(logPos, 13)
  restamp(copy)
  return copy
}

/** The same event but for what a dump changes in a FORMAT_DESCRIPTION that it does not begin with. */
export function isSameDescription(found: Buffer, stored: Buffer): boolean {
  if (found.length !== stored.length || found[4] !== EventType.FORMAT_DESCRIPTION) return false
  const without = (event: Buffer): Buffer =>
    rewriteFormatDescription(event, { logPos: 0, created: 0 })
  return without(found).equals(without(stored))
}

export function isArtificial(event: Buffer): boolean {
  return (readEventHeader(event).flags & EventFlag.ARTIFICIAL) !== 0
}
