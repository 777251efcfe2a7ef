import { ProtocolError } from '../../lib/index.ts'
import { checkGno, mariadbOrigin, mariadbOriginParts } from '../gtid/gtid.ts'
import { GtidSet } from '../gtid/gtid-set.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { encodeEvent, eventBody } from './event.ts'
import { EventType } from './event-type.ts'

/*
  MariaDB's GTID_LIST (163), the second event of every file: the last transaction of each domain and
  server before the file, of each domain the newest one last

    19  u32  how many, in the low 28 bits; flags above
        n *  u32 domain, u32 server id, u64 seq_no
        2    zeros, only where there are none
*/
const COUNT_MASK = 0x0fff_ffff
const ENTRY_BYTES = 16
const PADDING_BYTES = 2

export interface GtidListFields {
  readonly timestamp: number
  readonly serverId: number
  readonly logPos: number
  readonly flags: number
  readonly checksum: ChecksumAlgorithm
}

/** @throws ProtocolError */
export function decodeGtidList(event: Buffer, checksum: ChecksumAlgorithm): GtidSet {
  const reader = new Reader(eventBody(event, checksum, [EventType.MARIADB_GTID_LIST]))
  const count = reader.u32() & COUNT_MASK
  if (count * ENTRY_BYTES > reader.remaining) {
    throw new ProtocolError(`${count} GTIDs do not fit in the ${reader.remaining} bytes of a list`)
  }
  const set = GtidSet.empty()
  for (let index = 0; index < count; index += 1) {
    const origin = mariadbOrigin(reader.u32(), reader.u32())
    set.add({ origin, gno: checkGno(reader.u64()) })
  }
  return set
}

/** @param set of MariaDB's GTIDs */
export function encodeGtidList(set: GtidSet, fields: GtidListFields): Buffer {
  const origins = set.origins()
  const writer = new Writer().u32(origins.length)
  for (const origin of origins) {
    const { domain, serverId } = mariadbOriginParts(origin)
    writer.u32(domain).u32(serverId).u64(set.lastOf(origin))
  }
  if (origins.length === 0) writer.bytes(Buffer.alloc(PADDING_BYTES))
  return encodeEvent({
    type: EventType.MARIADB_GTID_LIST,
    timestamp: fields.timestamp,
    serverId: fields.serverId,
    logPos: fields.logPos,
    flags: fields.flags,
    body: writer.finish(),
    checksum: fields.checksum === 'CRC32',
  })
}
