import { Writer } from '../wire/writer.ts'

/** The first byte of an acknowledgement, and what marks an event whose acknowledgement may be wanted. */
export const SEMI_SYNC_MAGIC = 0xef

/**
 * What a semi-synchronous replica says, in a packet of sequence 0, when everything before a place in the
 * source's binlog is safe with it. There is no answer.
 *
 *   u8 0xef | u64 position | file name to the end of the packet
 */
export function encodeSemiSyncAck(file: string, position: number): Buffer {
  return new Writer().u8(SEMI_SYNC_MAGIC).u64(BigInt(position)).string(file).finish()
}
