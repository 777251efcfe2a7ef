import { crc32 as native } from '@node-rs/crc32'

/**
 * CRC-32 as zlib and MySQL compute it (polynomial 0xEDB88320, reflected).
 * @param seed the CRC of what came before, so that a long run can be checked in parts
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  return native(bytes, seed)
}

/** The CRC-32 of a text in UTF-8, as 8 hexadecimal digits. */
export function crc32Text(text: string): string {
  return crc32(Buffer.from(text)).toString(16).padStart(8, '0')
}
