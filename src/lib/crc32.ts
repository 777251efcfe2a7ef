import { crc32 as native } from '@node-rs/crc32'

/**
 * CRC-32 as zlib and MySQL compute it (polynomial 0xEDB88320, reflected).
 * @param seed the CRC of what came before, so that a long run can be checked in parts
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return native(bytes, seed)
}
