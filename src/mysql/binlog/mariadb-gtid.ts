import { ProtocolError } from '../../lib/index.ts'
import { checkGno, mariadbOrigin } from '../gtid/gtid.ts'
import type { GtidEvent } from './gtid-facts.ts'

/*
  MariaDB's GTID (162), the first event of a transaction; the server id of the GTID is the header's

    19  u64  seq_no
    27  u32  domain
    31  u8   flags       bit 0: standalone, one statement that no COMMIT follows
    32       more, by the flags: commit id, XID, what an ALTER in two phases needs

  Unless it is standalone it stands for the BEGIN too.
*/
const SERVER_ID_OFFSET = 5
const SEQ_NO_OFFSET = 19
const DOMAIN_OFFSET = 27
const FLAGS_OFFSET = 31
const FIXED_END = 32
const FLAG_STANDALONE = 1

/** @param end where the event's fields end: before its checksum. @throws ProtocolError */
export function decodeMariadbGtid(event: Buffer, end: number): GtidEvent {
  if (end < FIXED_END) {
    throw new ProtocolError(`a MariaDB GTID event ends at offset ${end}, inside its fixed fields`)
  }
  const domain = event.readUInt32LE(DOMAIN_OFFSET)
  const origin = mariadbOrigin(domain, event.readUInt32LE(SERVER_ID_OFFSET))
  return {
    gtid: { origin, gno: checkGno(event.readBigUInt64LE(SEQ_NO_OFFSET)) },
    transactionLength: 0,
    lastCommitted: 0n,
    sequenceNumber: 0n,
    immediateCommitMicros: 0n,
    originalCommitMicros: 0n,
  }
}

/** So many first bytes of the event tell whether it is standalone. */
export const STANDALONE_PREFIX_BYTES = FIXED_END

/** @param event the first bytes of a MariaDB GTID. @throws ProtocolError when they are too few */
export function isStandalone(event: Buffer): boolean {
  if (event.length < FIXED_END) {
    throw new ProtocolError(`${event.length} bytes of a MariaDB GTID event do not tell its flags`)
  }
  return (event.readUInt8(FLAGS_OFFSET) & FLAG_STANDALONE) !== 0
}
