import { BINLOG_MAGIC } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { ExtentsCache } from '../index-file/extents.ts'
import { scanIndex } from '../index-file/index-scan.ts'

/** Nobody reads by what the scan finds. */
const RECORDS_CACHED = 1

/**
 * True for a file that has no more than the magic bytes, and nobody was ever told of: a power cut may leave its
 * size and its index without its bytes. Opening removes it.
 * @throws OperationalError E_STORE_DAMAGED for one that has lost what its index speaks of
 */
export async function isUnborn(disk: Disk, folder: string, name: string): Promise<boolean> {
  const file = await disk.open(`${folder}/${name}`, 'read')
  const size = file.size()
  const hasMagic = size >= BINLOG_MAGIC.length && beginsWithMagic(file)
  await file.close()
  if (size > BINLOG_MAGIC.length) return false
  if (!(await disk.exists(`${folder}/${indexNameOf(name)}`))) return true
  const index = await disk.open(`${folder}/${indexNameOf(name)}`, 'read')
  try {
    const scan = scanIndex(name, index, new ExtentsCache(RECORDS_CACHED))
    if (scan === undefined) return true
    const stored = scan.end.state.end
    if (size < BINLOG_MAGIC.length && stored > BINLOG_MAGIC.length) {
      throw damaged(name, size, `the file ends there, and ${stored} bytes were stored`)
    }
    return !hasMagic
  } finally {
    await index.close()
  }
}

export const NO_BINLOG = 'it does not begin as a binlog file'

export function beginsWithMagic(file: DiskFile): boolean {
  const bytes = Buffer.alloc(BINLOG_MAGIC.length)
  file.read(bytes, 0)
  return bytes.equals(BINLOG_MAGIC)
}
