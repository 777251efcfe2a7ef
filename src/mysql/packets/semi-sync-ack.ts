import { ProtocolError, toSafeNumber } from '../../lib/index.ts'
import { decodeFileName } from '../binlog/file-name.ts'
import { Reader } from '../wire/reader.ts'
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

/** The place before which everything is safe. Older replicas end the name with a NUL. @throws ProtocolError */
export function decodeSemiSyncAck(payload: Buffer): { file: string; position: number } {
  const reader = new Reader(payload)
  const magic = reader.u8()
  if (magic !== SEMI_SYNC_MAGIC) {
    throw new ProtocolError(`an acknowledgement begins with 0x${magic.toString(16)}, not with 0xef`)
  }
  const position = toSafeNumber(reader.u64(), 'an acknowledged position')
  const name = payload.subarray(reader.offset)
  return { file: decodeFileName(name.at(-1) === 0 ? name.subarray(0, -1) : name), position }
}
