import type { Disk } from '../platform/index.ts'

const MIN_FREE_FLOOR_BYTES = 1024 ** 3
const MIN_FREE_FRACTION = 0.05

/** The default of `disk.min-free`: the larger of 1 GiB and 5 % of the disk, in bytes. */
export async function minFreeBytes(disk: Disk, folder: string): Promise<number> {
  const { totalBytes } = await disk.space(folder)
  return Math.max(MIN_FREE_FLOOR_BYTES, Math.ceil(totalBytes * MIN_FREE_FRACTION))
}
