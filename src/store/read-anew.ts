import type { Disk } from '../platform/index.ts'
import { reopenRefused } from './disk-error.ts'
import { compareFileNames, isFileName } from './file-name.ts'
import { removeFile } from './held-files.ts'
import type { ReadableFiles } from './readable-files.ts'

interface Where {
  readonly disk: Disk
  readonly folder: string
}

/**
 * Reads files anew behind a failure, without what was not durable.
 * @throws OperationalError: where its reaction is `pause`, it may be done again
 */
export async function readAnew(
  where: Where,
  readable: ReadableFiles,
  load: () => Promise<void>,
): Promise<void> {
  try {
    await dropUnsynced(where, readable)
    await load()
  } catch (thrown) {
    throw reopenRefused(where.folder, thrown)
  }
}

/**
 * Takes away what no sync has covered, behind a failure: of the newest file and its index, and a file that was just
 * beginning. What a failed fdatasync has left reads well, and is not on the disk; written again in its place it may
 * stay away from there (ext4 keeps the place marked as one that was never written), and the next
 * fdatasync says that all is well.
 */
async function dropUnsynced(
  { disk, folder }: Where,
  { active, held }: ReadableFiles,
): Promise<void> {
  if (active !== undefined) {
    await active.pause()
    const { stored, syncedSizes } = active
    await cutBack(disk, stored.path, syncedSizes.data)
    await cutBack(disk, stored.indexPath, syncedSizes.index)
  }
  const newest = held.newest?.name
  for (const name of (await disk.list(folder)).filter(isFileName)) {
    const isNew = newest === undefined || compareFileNames(name, newest) > 0
    if (isNew) await removeFile(disk, folder, name)
  }
}

async function cutBack(disk: Disk, path: string, size: number): Promise<void> {
  // A log that was taken back, and failed then, may have none of that name.
  if (!(await disk.exists(path))) return
  const file = await disk.open(path, 'write')
  try {
    if (file.size() > size) await file.truncate(size)
  } finally {
    await file.close()
  }
}
