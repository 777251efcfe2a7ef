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
  const { timestamp, serverId } = readEventHeader(format)
  const { checksum, flavor } = decodeFormatDescription(format)
  const formatEnd = FIRST_EVENT_POSITION + format.length
  const previous = (logPos: number): Buffer =>
    flavor === 'mariadb'
      ? encodeGtidList(before, { timestamp, serverId, logPos, flags: 0, checksum })
      : encodePreviousGtids(before, { timestamp, serverId, logPos, checksum })
  return Buffer.concat([
    rewriteFormatDescription(format, { logPos: formatEnd }),
    previous(formatEnd + previous(0).length),
  ])
}
