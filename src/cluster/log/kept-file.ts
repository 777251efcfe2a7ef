import { encodeCheckedJson } from '../../lib/index.ts'
import type { Disk } from '../../platform/index.ts'
import { replaceFile, smallFileRefused } from '../../store/index.ts'

/**
 * Replaces a small file of the node.
 * @throws OperationalError E_DISK_FULL, E_STORE_WRITE
 */
export async function replaceKept(disk: Disk, path: string, content: object): Promise<void> {
  await replaceFile(disk, path, encodeCheckedJson(content))
}

/** Undefined when there is none. @throws OperationalError E_STORE_WRITE where the disk does not say */
export async function readKept(disk: Disk, path: string): Promise<string | undefined> {
  try {
    return (await disk.exists(path)) ? (await disk.readFile(path)).toString('utf8') : undefined
  } catch (thrown) {
    throw smallFileRefused(path, thrown)
  }
}
