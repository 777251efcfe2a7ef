import { BINLOG_MAGIC, EVENT_HEADER_SIZE, EventFlag, EventType } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'

/** An encrypted binlog of MySQL begins with this instead. */
const ENCRYPTED_MAGIC = Buffer.from('fd62696e', 'hex')

export type FileKind = 'binlog' | 'relay log' | 'encrypted' | 'empty' | 'something else'

/** What a file is by its first bytes. */
export async function kindOf(disk: Disk, path: string): Promise<FileKind> {
  const file = await disk.open(path, 'read')
  try {
    const head = Buffer.alloc(BINLOG_MAGIC.length + EVENT_HEADER_SIZE)
    const count = await file.readAsync(head, 0)
    const magic = head.subarray(0, BINLOG_MAGIC.length)
    if (magic.equals(ENCRYPTED_MAGIC)) return 'encrypted'
    if (!magic.equals(BINLOG_MAGIC)) return count === 0 ? 'empty' : 'something else'
    if (count < head.length) return 'empty'
    const event = head.subarray(BINLOG_MAGIC.length)
    if (event[4] !== EventType.FORMAT_DESCRIPTION) return 'something else'
    return (event.readUInt16LE(17) & EventFlag.RELAY_LOG) === 0 ? 'binlog' : 'relay log'
  } finally {
    await file.close()
  }
}
