import type { Disk } from '../platform/index.ts'
import { writeRefused } from './disk-error.ts'

/**
 * Replaces a small file as a whole; the old one stays when that fails.
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function replaceFile(disk: Disk, path: string, bytes: Buffer): Promise<void> {
  try {
    await disk.replaceFile(path, bytes)
  } catch (thrown) {
    throw writeRefused(path, thrown)
  }
}
