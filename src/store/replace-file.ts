import { systemCodeOf } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import { diskFull, isDiskFull, writeFailed } from './disk-error.ts'

/**
 * Replaces a small file as a whole; the old one stays when that fails.
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function replaceFile(disk: Disk, path: string, bytes: Buffer): Promise<void> {
  try {
    await disk.replaceFile(path, bytes)
  } catch (thrown) {
    if (systemCodeOf(thrown) === undefined) throw thrown
    throw isDiskFull(thrown) ? diskFull(path, thrown) : writeFailed(path, thrown)
  }
}
