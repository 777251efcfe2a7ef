import type { Disk } from '../../platform/index.ts'
import { replaceFile } from '../../store/index.ts'

/**
 * Replaces a small file of the node, as JSON that people can read.
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function replaceKept(disk: Disk, path: string, content: unknown): Promise<void> {
  await replaceFile(disk, path, Buffer.from(`${JSON.stringify(content, null, 2)}\n`))
}
