import { GtidSet } from '../gtid/gtid-set.ts'
import type { ChecksumAlgorithm } from './checksum.ts'
import { encodeEvent, eventBody } from './event.ts'
import { EventType } from './event-type.ts'
import { EventFlag } from './header.ts'

/*
  PREVIOUS_GTIDS, the second event of every file

    19  n  GTID set in binary form: all GTIDs of earlier files, those of purged files too
*/
export interface PreviousGtidsFields {
  readonly timestamp: number
  readonly serverId: number
  readonly logPos: number
  readonly checksum: ChecksumAlgorithm
}

/** @throws ProtocolError */
export function decodePreviousGtids(event: Buffer, checksum: ChecksumAlgorithm): GtidSet {
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
