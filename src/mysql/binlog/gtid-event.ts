import { ProtocolError } from '../../lib/index.ts'
import { checkGno, type Gtid } from '../gtid/gtid.ts'
import { uuidText } from '../gtid/uuid-bytes.ts'
import { Reader } from '../wire/reader.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { eventBodyEnd } from './event.ts'
import { EventType } from './event-type.ts'
import type { GtidEvent } from './gtid-facts.ts'
import { decodeGtidTaggedBody } from './gtid-tagged.ts'
import { EVENT_HEADER_SIZE } from './header.ts'
import { decodeMariadbGtid } from './mariadb-gtid.ts'

/*
  GTID (33) and ANONYMOUS_GTID (34), the first event of a transaction; of 34 uuid and gno are zero

    19  u8      flags                 bit 0: may hold statements
    20  16      uuid
    36  i64     gno
    44  u8      2                     says that the next two fields are there
    45  i64     last_committed        logical clock, restarts in every file
    53  i64     sequence_number
    61  u56     immediate_commit      microseconds since 1970; bit 55: the next one is there
        [u56    original_commit]      else equal to immediate_commit
        lenenc  transaction_length    of all events of the transaction, this one included, in bytes
        u32     server version        nobody here needs it, nor what follows

  Old servers leave fields out at the end; what follows in an event of a newer one is not read.
*/
const TYPES: readonly number[] = [
  EventType.GTID,
  EventType.ANONYMOUS_GTID,
  EventType.GTID_TAGGED,
  EventType.MARIADB_GTID,
]
const TYPE_OFFSET = 4
const UUID_OFFSET = 20
const GNO_OFFSET = 36
const CLOCK_TYPE_OFFSET = 44
const LAST_COMMITTED_OFFSET = 45
const SEQUENCE_NUMBER_OFFSET = 53
const TAIL_OFFSET = 61
const CLOCK_TYPE = 2
const ORIGINAL_FOLLOWS = 1n << 55n

/** Whether an event of this type begins a transaction. */
export function isGtidEvent(type: number): boolean {
  return TYPES.includes(type)
}

/**
 * Reads GTID, ANONYMOUS_GTID, GTID_TAGGED and MariaDB's GTID; keeps nothing of `event`.
 * @throws ProtocolError
 */
export function decodeGtidEvent(event: Buffer, checksum: ChecksumAlgorithm): GtidEvent {
  const end = eventBodyEnd(event, checksum, TYPES)
  const type = event.readUInt8(TYPE_OFFSET)
  if (type === EventType.GTID_TAGGED) {
    return decodeGtidTaggedBody(new Reader(event.subarray(EVENT_HEADER_SIZE, end)))
  }
  if (type === EventType.MARIADB_GTID) return decodeMariadbGtid(event, end)
  // Every transaction passes here: the fixed fields are read in place after one check of the end.
  if (end < CLOCK_TYPE_OFFSET) throw tooShort(end)
  const gtid = type === EventType.GTID ? readGtid(event) : undefined
  if (end === CLOCK_TYPE_OFFSET || event[CLOCK_TYPE_OFFSET] !== CLOCK_TYPE) {
    return withoutClock(gtid)
  }
  if (end < TAIL_OFFSET) throw tooShort(end)
  const lastCommitted = event.readBigInt64LE(LAST_COMMITTED_OFFSET)
  const sequenceNumber = event.readBigInt64LE(SEQUENCE_NUMBER_OFFSET)
  return { gtid, lastCommitted, sequenceNumber, ...readTail(event.subarray(TAIL_OFFSET, end)) }
}

function readGtid(event: Buffer): Gtid {
  const gno = checkGno(event.readBigUInt64LE(GNO_OFFSET))
  return { origin: uuidText(event, UUID_OFFSET), gno }
}

function tooShort(end: number): ProtocolError {
  return new ProtocolError(`a GTID event ends at offset ${end}, inside its fixed fields`)
}

type Tail = Omit<GtidEvent, 'gtid' | 'lastCommitted' | 'sequenceNumber'>

const NO_TAIL: Tail = {
  transactionLength: 0,
  immediateCommitMicros: 0n,
  originalCommitMicros: 0n,
}

function withoutClock(gtid: Gtid | undefined): GtidEvent {
  return { gtid, lastCommitted: 0n, sequenceNumber: 0n, ...NO_TAIL }
}

function readTail(bytes: Buffer): Tail {
  if (bytes.length === 0) return NO_TAIL
  const reader = new Reader(bytes)
  const first = readMicros(reader)
  const originalFollows = (first & ORIGINAL_FOLLOWS) !== 0n
  const immediateCommitMicros = first & ~ORIGINAL_FOLLOWS
  const originalCommitMicros = originalFollows ? readMicros(reader) : immediateCommitMicros
  const transactionLength = reader.remaining === 0 ? 0 : reader.lenenc()
  return { transactionLength, immediateCommitMicros, originalCommitMicros }
}

function readMicros(reader: Reader): bigint {
  const low = BigInt(reader.u32())
  return low | (BigInt(reader.u24()) << 32n)
}
