import { checksumMatches, isGtidEvent } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import type { IndexDirectory } from '../index-file/index-directory.ts'
import type { Position } from '../record.ts'
import { EventWalk, type WalkedEvent } from '../walk/event-walk.ts'

export interface LastTransaction extends Position {
  /** the whole GTID event that begins at the position */
  readonly event: Buffer
}

/**
 * The GTID event of the last transaction that ends at or before `boundary`; undefined when there is
 * none.
 */
export async function findLastTransaction(
  name: string,
  file: DiskFile,
  directory: IndexDirectory,
  boundary: number,
): Promise<LastTransaction | undefined> {
  let limit = boundary
  for (const from of placesBefore(directory, boundary)) {
    // Only headers are looked at: the transaction may be many GiB long, and the source compares the
    // event.
    const walk = new EventWalk(file, { from, limit, verifyFrom: Infinity })
    let last: WalkedEvent | undefined
    while (await walk.load()) {
      for (let event = walk.next(); event !== undefined; event = walk.next()) {
        if (isGtidEvent(event.type)) last = event
      }
    }
    if (last !== undefined) {
      const event = walk.whole(last)
      // Otherwise the source would be blamed for bytes that are not ours.
      if (walk.checksum === 'CRC32' && !checksumMatches(event)) {
        throw damaged(name, last.position, 'the checksum of the GTID event there is wrong')
      }
      return { file: name, position: last.position, event }
    }
    limit = from
  }
  return undefined
}

/** Places between transactions that the index knows, the newest first, and the beginning. */
function* placesBefore(directory: IndexDirectory, boundary: number): Generator<number> {
  for (const place of directory.setPlaces()) {
    const { position } = place.load()
    if (position < boundary && position > 4) yield position
  }
  yield 4
}
