import type { BinlogStore } from '../binlog-store.ts'
import { RECORD_BYTES_MAX } from '../record.ts'

/** What is shown of a file from a position on. */
export async function readServed(store: BinlogStore, name: string, from = 4): Promise<Buffer> {
  const reader = await store.openFile(name)
  const target = Buffer.alloc(RECORD_BYTES_MAX)
  const parts: Buffer[] = []
  try {
    for (let position = from; ; ) {
      const { bytes, end } = reader.read(position, target)
      if (bytes.length === 0) return Buffer.concat(parts)
      parts.push(Buffer.from(bytes))
      position = end
    }
  } finally {
    await reader.close()
  }
}
