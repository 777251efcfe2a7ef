import { BINLOG_MAGIC, GtidSet } from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import { IndexAppender } from './index-file/index-appender.ts'
import { createIndex, type NewIndex } from './index-file/index-create.ts'
import type { RecoveredFile, RecoveryContext } from './recovery/file-recovery.ts'
import { writeOriginCopy } from './recovery/origin-copy.ts'
import { StoredFile } from './stored-file.ts'

export type NewFile = NewIndex

/**
 * Makes a file with its index; both, and the folder, are durable when it resolves. The index comes
 * first: a file without one was never begun. When it rejects, nothing is left of them.
 */
export async function createFile(context: RecoveryContext, fresh: NewFile): Promise<RecoveredFile> {
  const { disk, folder, cache, checkpoints } = context
  const stored = new StoredFile(disk, folder, fresh, cache)
  let index: DiskFile | undefined
  let data: DiskFile | undefined
  try {
    await writeOriginCopy(disk, folder, stored.facts)
    const made = await createIndex(context, fresh)
    index = made.file
    data = await disk.open(stored.path, 'create')
    await data.write(BINLOG_MAGIC, 0)
    await data.sync()
    await disk.syncFolder(folder)
    const { directory } = made
    const appender = new IndexAppender(index, directory, made.end, checkpoints)
    const held = GtidSet.empty()
    return { stored, data, index, directory, appender, held, purgedUpTo: undefined }
  } catch (thrown) {
    await data?.close()
    await index?.close()
    await removeBoth(context, stored)
    throw thrown
  }
}

/** Takes a file back that nothing was written to. */
export async function removeFresh(context: RecoveryContext, fresh: RecoveredFile): Promise<void> {
  await fresh.data.close()
  await fresh.index.close()
  await removeBoth(context, fresh.stored)
}

async function removeBoth({ disk, folder }: RecoveryContext, stored: StoredFile): Promise<void> {
  for (const path of [stored.path, stored.indexPath]) {
    if (await disk.exists(path)) await disk.remove(path)
  }
  await disk.syncFolder(folder)
}
