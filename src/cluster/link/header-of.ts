import type { LogRecord } from '../../store/index.ts'
import type { RecordHeader } from '../protocol/log/record-header.ts'

/** What the protocol knows of a record. */
export function headerOf(record: LogRecord): RecordHeader {
  const { sequence, epoch, kind, crc, end, boundary, floor = 0, isShort = false } = record
  return {
    sequence,
    epoch,
    kind,
    crc,
    end,
    boundary,
    ...(kind === 'purge' && { floor }),
    ...(isShort && { isShort }),
  }
}
