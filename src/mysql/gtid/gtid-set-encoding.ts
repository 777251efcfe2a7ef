import { ProtocolError } from '../../lib/index.ts'
import { Reader } from '../wire/reader.ts'
import { Writer } from '../wire/writer.ts'
import {
  isCanonicalTag,
  mariadbOrigin,
  mariadbOriginParts,
  originOf,
  TAG_SIZE_MOST,
  UUID_TEXT_SIZE,
} from './gtid.ts'
import { GtidIntervalsBuilder } from './gtid-intervals-builder.ts'
import type { Intervals } from './intervals.ts'
import { UUID_SIZE, uuidBytes, uuidText } from './uuid-bytes.ts'

/*
  A GTID set in COM_BINLOG_DUMP_GTID and PREVIOUS_GTIDS, all integers little-endian

    classic                                tagged
      u56     number of entries              u8      1
      u8      0                              u48     number of entries
                                             u8      1
    then for each entry                    then for each entry
      16      uuid                           16      uuid
                                             varint  size of the tag: one byte, size << 1
                                             n       tag, n = 0 for none
      u64     number of intervals            u64     number of intervals
      16*n    intervals: u64 start, u64 last + 1

  The intervals of an entry ascend, and neither overlap nor touch: the server refuses anything else,
  while it takes entries in any order and takes the same entry twice.

  Of MariaDB, in our own files and links only: the classic head with 2 in place of its last byte, then
  for each entry u32 domain, u32 server id and the intervals as above.
*/
/** 0 is the classic one. */
const FORMAT_TAGGED = 1n
const FORMAT_MARIADB = 2n
const CLASSIC_COUNT_MASK = 2n ** 56n - 1n
const TAGGED_COUNT_MASK = 2n ** 48n - 1n
const INTERVAL_SIZE = 16n
const END_MOST = 2n ** 63n - 1n

/** One entry's key is an origin; they come in the order of the text form. */
export type GtidSetEntry = readonly [key: string, intervals: Intervals]

export function encodeGtidSetEntries(entries: readonly GtidSetEntry[], tagged: boolean): Buffer {
  const writer = new Writer()
  const count = BigInt(entries.length)
  writer.u64(tagged ? (FORMAT_TAGGED << 56n) | (count << 8n) | FORMAT_TAGGED : count)
  for (const [key, intervals] of entries) {
    writer.bytes(uuidBytes(key.slice(0, UUID_TEXT_SIZE)))
    const tag = key.slice(UUID_TEXT_SIZE + 1)
    if (tagged) writer.u8(tag.length << 1).string(tag)
    writeIntervals(writer, intervals)
  }
  return writer.finish()
}

export function encodeMariadbEntries(entries: readonly GtidSetEntry[]): Buffer {
  const writer = new Writer()
  writer.u64((FORMAT_MARIADB << 56n) | BigInt(entries.length))
  for (const [origin, intervals] of entries) {
    const { domain, serverId } = mariadbOriginParts(origin)
    writer.u32(domain).u32(serverId)
    writeIntervals(writer, intervals)
  }
  return writer.finish()
}

function writeIntervals(writer: Writer, intervals: Intervals): void {
  writer.u64(BigInt(intervals.size))
  for (let index = 0; index < intervals.size; index += 1) {
    writer.u64(intervals.start(index)).u64(intervals.end(index))
  }
}

/** The intervals by key; ProtocolError for whatever the server answers with error 1773. */
export function decodeGtidSetEntries(bytes: Uint8Array): Map<string, Intervals> {
  const reader = new Reader(bytes)
  const head = reader.u64()
  const format = head >> 56n
  if (format > FORMAT_MARIADB) throw malformed(`format ${format} is unknown`)
  const tagged = format === FORMAT_TAGGED
  if (tagged && (head & 0xffn) !== FORMAT_TAGGED) throw malformed('its two format bytes differ')
  const count = tagged ? (head >> 8n) & TAGGED_COUNT_MASK : head & CLASSIC_COUNT_MASK
  const built = new GtidIntervalsBuilder()
  // A count beyond the bytes that are there ends at the first read past them.
  for (let entry = 0n; entry < count; entry += 1n) {
    const origin =
      format === FORMAT_MARIADB
        ? mariadbOrigin(reader.u32(), reader.u32())
        : originOf(uuidText(reader.bytes(UUID_SIZE), 0), tagged ? readTag(reader) : '')
    readIntervals(reader, built, origin)
  }
  if (reader.remaining > 0) throw malformed(`${reader.remaining} bytes follow its end`)
  return built.finish()
}

function readTag(reader: Reader): string {
  const size = reader.u8()
  if ((size & 1) !== 0 || size >> 1 > TAG_SIZE_MOST) throw malformed(`tag size byte ${size}`)
  const tag = reader
    .bytes(size >> 1)
    .toString('latin1')
    .toLowerCase()
  if (!isCanonicalTag(tag)) throw malformed('a tag has characters that no tag has')
  return tag
}

function readIntervals(reader: Reader, built: GtidIntervalsBuilder, key: string): void {
  const count = reader.u64()
  if (count * INTERVAL_SIZE > BigInt(reader.remaining)) {
    throw malformed(`${count} intervals do not fit in the ${reader.remaining} bytes left`)
  }
  let last = 0n
  for (let index = 0n; index < count; index += 1n) {
    const start = reader.u64()
    const end = reader.u64()
    if (start <= last || end <= start || end > END_MOST) {
      throw malformed(`interval ${start} to ${end} after ${last} is out of order`)
    }
    built.add(key, start, end)
    last = end
  }
}

function malformed(what: string): ProtocolError {
  return new ProtocolError(`malformed GTID set encoding: ${what}`)
}
