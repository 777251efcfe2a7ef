import { readFileSync } from 'node:fs'

/** Consecutive files of one real server, as one that was never restarted would have named them. */
export const REAL_FILE_NAMES = [
  'plain.000002',
  'tagged-gtids.000003',
  'compressed-trx.000004',
  'ddl-xa.000005',
  'large-trx.000006',
  'statement-rowsquery-partialjson.000007',
] as const

/** A captured file of test/fixtures. */
export function fixture(name: string): Buffer {
  return readFileSync(new URL(`./fixtures/${name}`, import.meta.url))
}

/** The events of a binlog file, as far as they are whole; the first one begins at `from`. */
export function eventsOf(file: Buffer, from = 4): Buffer[] {
  const events: Buffer[] = []
  for (let at = from; at + 19 <= file.length; ) {
    const size = file.readUInt32LE(at + 9)
    if (size < 19 || at + size > file.length) break
    events.push(file.subarray(at, at + size))
    at += size
  }
  return events
}
