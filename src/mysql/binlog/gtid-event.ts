import { checkGno, type Gtid } from '../gtid/gtid.ts'
import { UUID_SIZE, uuidText } from '../gtid/uuid-bytes.ts'
import { Reader } from '../wire/reader.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import type { GtidEvent } from './gtid-facts.ts'
import { decodeGtidTaggedBody } from './gtid-tagged.ts'
import { readEventHeader } from './header.ts'

/*
  GTID (33) and ANONYMOUS_GTID (34), the first event of a transaction; of 34 uuid and gno are zero

    19  u8      flags                 bit 0: may hold statements
    20  16      uuid
    36  i64     gno
    44  u8      2                     says that the next two fields are there
    45  i64     last_committed        logical clock, restarts in every file
    53  i64     sequence_number
    61  u56     immediate_commit      microseconds since 1970; bit 55 says that the next one is there
        [u56    original_commit]      else equal to immediate_commit
        lenenc  transaction_length    of all events of the transaction, this one included, in bytes
        u32     server version        nobody here needs it, nor what follows

  Old servers leave fields out at the end; what follows in an event of a newer one is not read.
*/
const TYPES: readonly number[] = [EventType.GTID, EventType.ANONYMOUS_GTID, EventType.GTID_TAGGED]
const CLOCK_TYPE = 2
const ORIGINAL_FOLLOWS = 1n << 55n

/** Whether an event of this type begins a transaction. */
export function isGtidEvent(type: number): boolean {
  return TYPES.includes(type)
}

/**
 * Reads GTID, ANONYMOUS_GTID and GTID_TAGGED; keeps nothing of `event`.
 * @throws ProtocolError
 */
export function decodeGtidEvent(event: Buffer, checksum: ChecksumAlgorithm): GtidEvent {
  const reader = new Reader(eventBody(event, checksum, TYPES))
  const { type } = readEventHeader(event)
  if (type === EventType.GTID_TAGGED) return decodeGtidTaggedBody(reader)
  reader.skip(1)
  const uuid = uuidText(reader.bytes(UUID_SIZE), 0)
  const gno = reader.u64()
  const gtid = type === EventType.GTID ? { uuid, tag: '', gno: checkGno(gno) } : undefined
  if (reader.remaining === 0 || reader.u8() !== CLOCK_TYPE) return withoutClock(gtid)
  const lastCommitted = BigInt.asIntN(64, reader.u64())
  const sequenceNumber = BigInt.asIntN(64, reader.u64())
  return { gtid, lastCommitted, sequenceNumber, ...readTail(reader) }
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

function readTail(reader: Reader): Tail {
  if (reader.remaining === 0) return NO_TAIL
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
