/*
  For tests: a real binlog file as the chunks that a journal would be given, cut wherever the test
  wants. It reads the whole file at once, by its own small walk, so that it shares nothing with what
  it tests.
*/
import { crc32 } from '../../lib/index.ts'
import {
  decodeFormatDescription,
  decodeGtidEvent,
  EventType,
  encodeEvent,
  encodePreviousGtids,
  type Gtid,
  GtidSet,
  isGtidEvent,
  isStandalone,
  queryTextPrefix,
  readEventHeader,
  rewriteFormatDescription,
  TransactionTracker,
} from '../../mysql/index.ts'
import type { Chunk, FileBegin } from '../record.ts'

export interface Ending {
  readonly end: number
  readonly timestamp: number
  /** the file lies between transactions here */
  readonly boundary: boolean
  readonly gtid: Gtid | undefined
}

/** Where the events of a binlog file end. */
export function endingsOf(file: Buffer): Ending[] {
  const tracker = new TransactionTracker()
  const endings: Ending[] = []
  let checksum = decodeFormatDescription(file.subarray(4, 4 + file.readUInt32LE(13))).checksum
  let gtid: Gtid | undefined
  for (let position = 4; position < file.length; ) {
    const { type, size, flags, timestamp } = readEventHeader(file, position)
    const event = file.subarray(position, position + size)
    if (type === EventType.FORMAT_DESCRIPTION) checksum = decodeFormatDescription(event).checksum
    if (isGtidEvent(type)) gtid = decodeGtidEvent(event, checksum).gtid
    const text = type === EventType.QUERY ? queryTextPrefix(event, size, checksum) : ''
    const standalone = TransactionTracker.needsStandalone(type) && isStandalone(event)
    const place = tracker.take(type, flags, text ?? '', standalone)
    position += size
    const ended = place === 'ended' ? gtid : undefined
    endings.push({ end: position, timestamp, boundary: place !== 'inside', gtid: ended })
    if (place !== 'inside') gtid = undefined
  }
  return endings
}

/** The chunks of `file` from position `from` on, cut at `cuts`; the last one ends at `to`. */
export function chunksOf(file: Buffer, from: number, to: number, cuts: readonly number[]): Chunk[] {
  const endings = endingsOf(file)
  const inside = cuts.filter((cut) => cut > from && cut < to)
  const ends = [...new Set([...inside, to])].sort((a, b) => a - b)
  let start = from
  return ends.map((end) => {
    const part = endings.filter((ending) => ending.end > start && ending.end <= end)
    const gtids = GtidSet.empty()
    for (const { gtid } of part) if (gtid !== undefined) gtids.add(gtid)
    const bytes = file.subarray(start, end)
    start = end
    return {
      bytes,
      crc: crc32(bytes),
      boundary: endings.findLast((ending) => ending.boundary && ending.end <= end)?.end ?? 4,
      gtids: gtids.isEmpty ? undefined : gtids,
      timestamp: part.at(-1)?.timestamp ?? 0,
    }
  })
}

export function heldOf(file: Buffer, to: number): GtidSet {
  const held = GtidSet.empty()
  for (const { end, gtid } of endingsOf(file)) {
    if (end <= to && gtid !== undefined) held.add(gtid)
  }
  return held
}

export function beginOf(name: string, purged?: GtidSet): FileBegin {
  return {
    name,
    sourceUuid: '90b578d4-e6e1-11f1-82c0-02fc00000001',
    sourceFile: name,
    sourcePosition: 4,
    basePosition: 4,
    purged,
  }
}

/** The file with another PREVIOUS_GTIDS in place of its own, so that it can follow other files. */
export function withPreviousGtids(file: Buffer, set: GtidSet): Buffer {
  const descriptionSize = file.readUInt32LE(13)
  const description = rewriteFormatDescription(file.subarray(4, 4 + descriptionSize), {})
  const previousAt = 4 + descriptionSize
  const header = readEventHeader(file, previousAt)
  const previous = encodePreviousGtids(set, {
    timestamp: header.timestamp,
    serverId: header.serverId,
    logPos: 0,
    checksum: 'CRC32',
  })
  const rest = file.subarray(previousAt + header.size)
  return Buffer.concat([file.subarray(0, 4), description, previous, rest])
}

/** whose transactions a made file has */
export const UUID = '11111111-2222-3333-4444-555555555555'

function gtidEvent(gno: number): Buffer {
  const body = Buffer.alloc(25)
  Buffer.from(UUID.replaceAll('-', ''), 'hex').copy(body, 1)
  body.writeBigUInt64LE(BigInt(gno), 17)
  return madeEvent(EventType.GTID, body)
}

function queryEvent(text: string): Buffer {
  return madeEvent(EventType.QUERY, Buffer.concat([Buffer.alloc(14), Buffer.from(text)]))
}

function madeEvent(type: number, body: Buffer): Buffer {
  const fields = { timestamp: 1_700_000_000, serverId: 1, logPos: 0, flags: 0 }
  return encodeEvent({ ...fields, type, body, checksum: true })
}

export interface BigFile {
  /** transactions of one event of `size` bytes each */
  readonly count: number
  readonly size: number
  /** such events in a transaction behind them that does not end; 0: there is none */
  readonly open: number
  /** number of the first transaction; the file names those before it as its PREVIOUS_GTIDS */
  readonly first?: number
}

/** A file that begins as `real` does. */
export function bigFile(real: Buffer, { count, size, open, first = 1 }: BigFile): Buffer {
  const before = first === 1 ? GtidSet.empty() : GtidSet.parse(`${UUID}:1-${first - 1}`)
  const head = withPreviousGtids(real, before)
  const previousAt = 4 + head.readUInt32LE(13)
  const parts = [head.subarray(0, previousAt + head.readUInt32LE(previousAt + 9))]
  for (let gno = first; gno < first + count; gno += 1) {
    parts.push(gtidEvent(gno), queryEvent(`CREATE TABLE t${gno} /*${'x'.repeat(size)}*/`))
  }
  if (open > 0) parts.push(gtidEvent(first + count), queryEvent('BEGIN'))
  for (let row = 0; row < open; row += 1) {
    parts.push(madeEvent(EventType.WRITE_ROWS, Buffer.alloc(size, row)))
  }
  return Buffer.concat(parts)
}

/** The file with the end position in each event that a source writes there, and the checksum of that. */
export function withEndPositions(file: Buffer): Buffer {
  const made = Buffer.from(file)
  let from = 4
  for (const { end } of endingsOf(file)) {
    made.writeUInt32LE(end, from + 13)
    made.writeUInt32LE(crc32(made.subarray(from, end - 4)), end - 4)
    from = end
  }
  return made
}
