import { encodeCheckedJson } from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import { replaceFile } from '../../store/index.ts'

/**
 * Replaces a small file of the node.
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function replaceKept(disk: Disk, path: string, content: object): Promise<void> {
  await replaceFile(disk, path, encodeCheckedJson(content))
}
