/*
  The first bytes, behind the magic, of a file that begins inside the source's file:

    FORMAT_DESCRIPTION   the source's, with our log_pos
    PREVIOUS_GTIDS       ours: everything that the source has before the place; of MariaDB GTID_LIST
*/
import {
  decodeFormatDescription,
  encodeGtidList,
  encodePreviousGtids,
  FIRST_EVENT_POSITION,
  type GtidSet,
  readEventHeader,
  rewriteFormatDescription,
} from '../mysql/index.ts'

/** Events before a file's transactions have this time, and their maker. */
export function fileHead(format: Buffer, before: GtidSet): Buffer {
  const formatEnd = FIRST_EVENT_POSITION + format.length
  return Buffer.concat([
    rewriteFormatDescription(format, { logPos: formatEnd }),
    previousGtids(format, before, formatEnd),
  ])
}

/**
 * What a head lacks of which a crash has left the part before `position`: nothing behind the magic bytes, or the
 * FORMAT_DESCRIPTION.
 */
export function restOfHead(format: Buffer, before: GtidSet, position: number): Buffer {
  const isEmpty = position === FIRST_EVENT_POSITION
  return isEmpty ? fileHead(format, before) : previousGtids(format, before, position)
}

function previousGtids(format: Buffer, before: GtidSet, position: number): Buffer {
  const { timestamp, serverId } = readEventHeader(format)
  const { checksum, flavor } = decodeFormatDescription(format)
  const previous = (logPos: number): Buffer =>
    flavor === 'mariadb'
      ? encodeGtidList(before, { timestamp, serverId, logPos, flags: 0, checksum })
      : encodePreviousGtids(before, { timestamp, serverId, logPos, checksum })
  return previous(position + previous(0).length)
}
