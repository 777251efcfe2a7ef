import { systemCodeOf } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { readFailed } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { readLandmarks } from '../index-file/index-scan.ts'

/** The running digest behind one record of a file: where two logs agree on it they agree up to there. */
export interface DigestPoint {
  readonly sequence: number
  /** where the bytes of the file end there */
  readonly position: number
  /** hexadecimal */
  readonly digest: string
}

/**
 * What the index of a closed file says of the running digest: before its first record, at each checkpoint, and, last,
 * behind its last record. A few small reads. Undefined when there is no such file any more.
 * @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT
 */
export async function readDigestPoints(
  disk: Disk,
  folder: string,
  name: string,
): Promise<DigestPoint[] | undefined> {
  const index = await openIfThere(disk, `${folder}/${indexNameOf(name)}`)
  if (index === undefined) return undefined
  try {
    const { head, checkpoints } = readLandmarks(name, index)
    const { firstSequence, digest } = head.head
    return [
      firstPoint(firstSequence, digest),
      ...checkpoints.map(({ checkpoint: { state, digest } }) => ({
        sequence: state.sequence,
        position: state.end,
        digest: digest.toString('hex'),
      })),
    ]
  } catch (thrown) {
    throw readFailed(indexNameOf(name), 0, thrown)
  } finally {
    await index.close()
  }
}

export function firstPoint(firstSequence: number, digest: Buffer): DigestPoint {
  return {
    sequence: firstSequence - 1,
    position: FIRST_EVENT_POSITION,
    digest: digest.toString('hex'),
  }
}

/** Undefined for a file that was purged. @throws OperationalError E_STORE_DAMAGED when it cannot be opened */
export async function openIfThere(disk: Disk, path: string): Promise<DiskFile | undefined> {
  try {
    return await disk.open(path, 'read')
  } catch (thrown) {
    if (systemCodeOf(thrown) === 'ENOENT') return undefined
    throw readFailed(path, 0, thrown)
  }
}
