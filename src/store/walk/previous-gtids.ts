import { ProtocolError } from '../../lib/index.ts'
import {
  decodePreviousGtids,
  EventType,
  FIRST_EVENT_POSITION,
  type GtidSet,
  isPreviousGtids,
} from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { EventWalk } from './event-walk.ts'

/**
 * What the file's PREVIOUS_GTIDS or GTID_LIST says; 'not yet' when the file ends before there could be one,
 * 'none' when it has none in its place, 'damaged' when the bytes up to it are not true events.
 */
export async function readPreviousGtids(
  file: DiskFile,
  limit: number,
): Promise<GtidSet | 'not yet' | 'none' | 'damaged'> {
  const from = FIRST_EVENT_POSITION
  const walk = new EventWalk(file, { from, limit, verifyFrom: from })
  try {
    while (await walk.load()) {
      for (let event = walk.next(); event !== undefined; event = walk.next()) {
        if (isPreviousGtids(event.type)) {
          return decodePreviousGtids(walk.whole(event), walk.checksum)
        }
        if (event.type !== EventType.FORMAT_DESCRIPTION) return 'none'
      }
    }
  } catch (thrown) {
    if (thrown instanceof ProtocolError) return 'damaged'
    throw thrown
  }
  return walk.fault === undefined ? 'not yet' : 'damaged'
}
