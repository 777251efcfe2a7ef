import { compareFileNames, type FileInfo, type Position } from '../store/index.ts'

/**
 * So many bytes may be handed to a connection and never be read by the replica: the send buffer of this machine
 * and the receive buffer of that one (Linux lets them grow to 4 and 6 MiB, newer ones to 32).
 */
export const UNRECEIVED_BYTES_MOST = 40 * 1024 * 1024

/**
 * The oldest file that a replica may ask for when it is cut off at a place. It has everything before the place
 * where its dump began.
 * @param files oldest first
 */
export function neededFile(
  files: readonly FileInfo[],
  at: Position & { readonly begun: Position },
  unreceivedBytesMost: number,
): string {
  let index = files.findIndex(({ name }) => name === at.file)
  let unreceived = unreceivedBytesMost - at.position
  let needed = at.file
  while (index > 0 && unreceived > 0) {
    index -= 1
    const file = files[index]
    if (file === undefined || compareFileNames(file.name, at.begun.file) < 0) break
    needed = file.name
    unreceived -= file.size
  }
  return needed
}
