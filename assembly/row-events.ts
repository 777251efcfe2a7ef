/*
  AssemblyScript: the loop over small row events of a dump stream (src/mysql/stream/row-event-kernel.ts
  calls it and says why). It takes packet after packet, and stops *before* the first one that is not plain
  in every respect, so that it has no errors of its own: the TypeScript path looks at that packet again.

    memory   0      tables of the CRC-32, 16 x 256 x u32
             16384  result: u32 input offset | u32 output offset | u32 newest timestamp
             65536  input window, then output
*/

const TABLES: usize = 0
const RESULT: usize = 16384

/** FORMAT: packet header 4, then the marker (1 byte, or 3), event header 19 */
const PACKET_HEADER: u32 = 4
const EVENT_HEADER: u32 = 19
const CHECKSUM: u32 = 4
/** Above this the native CRC-32 is faster than this one. */
const EVENT_BYTES_MAX: u32 = 2048
const ARTIFICIAL: u32 = 0x20
/** What follows the first byte of a marker of 3: nobody waits for an acknowledgement of this event. */
const NOT_AWAITED: u16 = 0x00ef

/** Fills the tables: slicing by 16 of the reflected polynomial 0xEDB88320. */
export function prepare(): void {
  for (let i: u32 = 0; i < 256; i++) {
    let crc = i
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1
    store<u32>(TABLES + ((<usize>i) << 2), crc)
  }
  for (let i: u32 = 0; i < 256; i++) {
    let crc = load<u32>(TABLES + ((<usize>i) << 2))
    for (let slice: u32 = 1; slice < 16; slice++) {
      crc = load<u32>(TABLES + ((<usize>(crc & 255)) << 2)) ^ (crc >>> 8)
      store<u32>(TABLES + ((<usize>((slice << 8) + i)) << 2), crc)
    }
  }
}

// @ts-ignore: decorator of AssemblyScript
@inline
function at(slice: u32, index: u32): u32 {
  return load<u32>(TABLES + ((<usize>((slice << 8) + index)) << 2))
}

function crc32(start: u32, size: u32): u32 {
  let crc: u32 = 0xffffffff
  let p: usize = start
  const end: usize = start + size
  while (end - p >= 16) {
    const a = load<u32>(p) ^ crc
    const b = load<u32>(p, 4)
    const c = load<u32>(p, 8)
    const d = load<u32>(p, 12)
    crc =
      at(15, a & 255) ^ at(14, (a >>> 8) & 255) ^ at(13, (a >>> 16) & 255) ^ at(12, a >>> 24) ^
      at(11, b & 255) ^ at(10, (b >>> 8) & 255) ^ at(9, (b >>> 16) & 255) ^ at(8, b >>> 24) ^
      at(7, c & 255) ^ at(6, (c >>> 8) & 255) ^ at(5, (c >>> 16) & 255) ^ at(4, c >>> 24) ^
      at(3, d & 255) ^ at(2, (d >>> 8) & 255) ^ at(1, (d >>> 16) & 255) ^ at(0, d >>> 24)
    p += 16
  }
  while (p < end) {
    crc = (crc >>> 8) ^ at(0, (crc ^ load<u8>(p)) & 255)
    p++
  }
  return ~crc
}

// @ts-ignore: decorator of AssemblyScript
@inline
function isRowEvent(type: u32): bool {
  // TABLE_MAP 19, ROWS_QUERY 29, WRITE/UPDATE/DELETE_ROWS 30 to 32, PARTIAL_UPDATE_ROWS 39
  return type == 19 || (type >= 29 && type <= 32) || type == 39
}

/**
 * Takes row events from [input, inputEnd) to [output, outputEnd) and returns how many.
 * @param position of the first event in the file, its low 32 bits
 * @param sequence that the first packet must have
 * @param marker bytes before each event: 1, or 3 with semi-synchronous replication
 */
export function take(
  input: u32, inputEnd: u32, output: u32, outputEnd: u32, position: u32, sequence: u32, marker: u32,
): u32 {
  let count: u32 = 0
  let newest: u32 = 0
  while (inputEnd - input > PACKET_HEADER + EVENT_HEADER) {
    const head = load<u32>(input)
    const size = (head & 0xffffff) - marker
    const event = input + PACKET_HEADER + marker
    if (head >>> 24 != sequence || load<u8>(input, PACKET_HEADER) != 0) break
    if (marker > 1 && load<u16>(input, PACKET_HEADER + 1) != NOT_AWAITED) break
    if (size > EVENT_BYTES_MAX || size < EVENT_HEADER + CHECKSUM) break
    if (size > inputEnd - event || size > outputEnd - output) break
    if (!isRowEvent(load<u8>(event, 4)) || (load<u16>(event, 17) & ARTIFICIAL) != 0) break
    if (load<u32>(event, 9) != size || load<u32>(event, 13) != position + size) break
    const body = size - CHECKSUM
    if (crc32(event, body) != load<u32>(event + body)) break
    memory.copy(output, event, size)
    const timestamp = load<u32>(event)
    if (timestamp > newest) newest = timestamp
    input = event + size
    output += size
    position += size
    sequence = (sequence + 1) & 255
    count++
  }
  store<u32>(RESULT, input)
  store<u32>(RESULT, output, 4)
  store<u32>(RESULT, newest, 8)
  return count
}
