import { readFileSync } from 'node:fs'
import {
  checksumMatches,
  decodeGtidEvent,
  EventType,
  formatGtid,
  isGtidEvent,
} from '../../../../src/mysql/index.ts'
import { mysqlbinlog } from '../mysqlbinlog.ts'

const magicBytes = 4
const checksumBytes = 4
const logPosAt = 13

/** What belongs to a file and not to a transaction. */
const ofFile: ReadonlySet<number> = new Set([
  EventType.ROTATE,
  EventType.STOP,
  EventType.FORMAT_DESCRIPTION,
  EventType.PREVIOUS_GTIDS,
])

/**
 * The bytes of each transaction in these files, by GTID, but for what depends on the place: log_pos and checksum.
 * Fails for a GTID that comes twice, an event that is not where its log_pos says, and a file that the real mysqlbinlog
 * does not read to its end.
 */
export async function transactionsIn(
  files: readonly { readonly path: string }[],
): Promise<Map<string, string>> {
  const found = new Map<string, string>()
  for (const { path } of files) {
    await mysqlbinlog('--verify-binlog-checksum', path)
    let open = ''
    for (const event of eventsOf(path)) {
      const type = event[4] ?? 0
      if (ofFile.has(type)) continue
      if (isGtidEvent(type)) {
        const { gtid } = decodeGtidEvent(event, checksumMatches(event) ? 'CRC32' : 'NONE')
        open = gtid === undefined ? 'anonymous' : formatGtid(gtid)
        if (found.has(open)) throw new Error(`transaction ${open} comes again in ${path}`)
      }
      const copy = Buffer.from(event.subarray(0, event.length - checksumBytes))
      copy.writeUInt32LE(0, logPosAt)
      found.set(open, (found.get(open) ?? '') + copy.toString('base64'))
    }
  }
  return found
}

function* eventsOf(path: string): Generator<Buffer> {
  const file = readFileSync(path)
  for (let at = magicBytes; at < file.length; ) {
    const size = file.readUInt32LE(at + 9)
    const event = file.subarray(at, at + size)
    at += size
    if (event.readUInt32LE(logPosAt) !== at) throw new Error(`an event of ${path} ends at ${at}`)
    yield event
  }
}

/** The GTIDs whose transactions differ in what both have. */
export function differingTransactions(
  one: ReadonlyMap<string, string>,
  other: ReadonlyMap<string, string>,
): string[] {
  return [...one].filter(([gtid, text]) => (other.get(gtid) ?? text) !== text).map(([gtid]) => gtid)
}
