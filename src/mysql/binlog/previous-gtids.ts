import { GtidSet } from '../gtid/gtid-set.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { encodeEvent, eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import { decodeGtidList } from './gtid-list.ts'
import { EventFlag } from './header.ts'

/*
  PREVIOUS_GTIDS, the second event of every file

    19  n  GTID set in binary form: all GTIDs of earlier files, those of purged files too

  In MariaDB's files GTID_LIST (gtid-list.ts) stands in its place and says the same.
*/
const TYPE_OFFSET = 4

export interface PreviousGtidsFields {
  readonly timestamp: number
  readonly serverId: number
  readonly logPos: number
  readonly checksum: ChecksumAlgorithm
}

/** Whether an event of this type says which GTIDs are before its file. */
export function isPreviousGtids(type: number): boolean {
  return type === EventType.PREVIOUS_GTIDS || type === EventType.MARIADB_GTID_LIST
}

/** Reads PREVIOUS_GTIDS and MariaDB's GTID_LIST. @throws ProtocolError */
export function decodePreviousGtids(event: Buffer, checksum: ChecksumAlgorithm): GtidSet {
  if (event[TYPE_OFFSET] === EventType.MARIADB_GTID_LIST) return decodeGtidList(event, checksum)
  return GtidSet.decode(eventBody(event, checksum, [EventType.PREVIOUS_GTIDS]))
}

export function encodePreviousGtids(set: GtidSet, fields: PreviousGtidsFields): Buffer {
  return encodeEvent({
    type: EventType.PREVIOUS_GTIDS,
    timestamp: fields.timestamp,
    serverId: fields.serverId,
    logPos: fields.logPos,
    flags: EventFlag.IGNORABLE,
    body: set.encode(),
    checksum: fields.checksum === 'CRC32',
  })
}
