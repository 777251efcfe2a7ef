import type { Disk } from '../../platform/index.ts'
import { writeRefused } from '../../store/index.ts'

/**
 * Replaces a small file of the node as a whole.
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function replaceKept(disk: Disk, path: string, content: unknown): Promise<void> {
  const text = `${JSON.stringify(content, null, 2)}\n`
  try {
    await disk.replaceFile(path, Buffer.from(text))
  } catch (thrown) {
    throw writeRefused(path, thrown)
  }
}
