/*
  AssemblyScript: the loop over the plain events of a dump stream (src/mysql/stream/event-kernel.ts calls it
  and says why). It takes packet after packet, and stops *before* the first one that is not plain in every
  respect, so that it has no errors of its own: the TypeScript path looks at that packet again.

    memory   0       POWERS     x^(8n), x^(8*256n), x^(8*65536n) modulo the CRC's polynomial, 3 x 256 x u32
             4096    STATE      see below
             8192    RUNS       of GTIDs: uuid (16) | u64 first | u64 last
             65536   SHIFTS     512 slots of 512 bytes: what `shift` needs for one size of an event
             327680  SIZES      u32 per slot of SHIFTS: the size it is for

    STATE    0   u32 input offset         where it stopped
             4   u32 output offset        the same on the other side
             8   u32 newest timestamp
             12  u32 phase                in and out, see PHASE_*
             16  u32 crc                  in and out: CRC-32 of the output, if all its events are true
             20  u32 boundary             output offset behind the last transaction that ended; 0: none did
             24  u32 runs                 how many there are
             28  u32 sequence             in and out: the number that the next packet must have
             32  u32 awaited              output offset behind the last transaction that ended and whose
                                          acknowledgement the source waits for; 0: it waits for none
             40  f64 transaction end      in and out: where the open one must end; 0: it does not say
             48  16  uuid                 in and out: the open transaction's
             64  u64 gno
*/

const POWERS: usize = 0
const STATE: usize = 4096
const RUNS: usize = 8192
const SHIFTS: usize = 65536
const SIZES: usize = 327680

const SLOTS: u32 = 512
const RUN_BYTES: usize = 32
/** As many as fit before SHIFTS, and more than a piece needs where one server writes. */
const RUNS_MOST: u32 = 1024

/** Between transactions. */
const PHASE_OUTSIDE: u32 = 0
/** Behind a GTID event that this kernel has read. */
const PHASE_GTID: u32 = 1
/** Behind the BEGIN of such a transaction. */
const PHASE_STATEMENTS: u32 = 2
/** Behind a BEGIN of a transaction whose GTID only the caller knows: its end is the caller's, too. */
const PHASE_FOREIGN: u32 = 3

/** FORMAT: packet header 4, then the marker (1 byte, or 3), event header 19 */
const PACKET_HEADER: u32 = 4
const EVENT_HEADER: u32 = 19
const CHECKSUM: u32 = 4
const ARTIFICIAL: u32 = 0x20
const SEMI_SYNC_MAGIC: u32 = 0xef

const QUERY: u32 = 2
const XID: u32 = 16
const TABLE_MAP: u32 = 19
const ROWS_QUERY: u32 = 29
const DELETE_ROWS: u32 = 32
const GTID: u32 = 33
const PARTIAL_UPDATE_ROWS: u32 = 39

/** An XID event: header, u64, checksum. */
const XID_BYTES: u32 = EVENT_HEADER + 8 + CHECKSUM
const BEGIN_SIZE: u32 = 5

const POLYNOMIAL: u32 = 0xedb88320
/** x^0 and x^8: bit 31 is the lowest power. */
const ONE: u32 = 0x80000000
const X8: u32 = 0x00800000
/** The CRC-32 of any bytes with their own CRC-32 behind them. */
const CRC_OF_TRUE_EVENT: u32 = 0x2144df1c

// @ts-ignore: decorator of AssemblyScript
@inline
function timesX(a: u32): u32 {
  return a & 1 ? (a >>> 1) ^ POLYNOMIAL : a >>> 1
}

/** Product of two polynomials modulo the CRC's. */
function multiply(a: u32, b: u32): u32 {
  let product: u32 = 0
  let shifted = b
  for (let bit = ONE; bit != 0; bit >>>= 1) {
    if (a & bit) product ^= shifted
    shifted = timesX(shifted)
  }
  return product
}

function power(table: u32, index: u32): u32 {
  return load<u32>(POWERS + (<usize>((table << 8) + index) << 2))
}

/** Fills the tables that do not depend on what comes. */
export function prepare(): void {
  let step = X8
  for (let table: u32 = 0; table < 3; table++) {
    let value = ONE
    for (let i: u32 = 0; i < 256; i++) {
      store<u32>(POWERS + (<usize>((table << 8) + i) << 2), value)
      value = multiply(value, step)
    }
    step = value
  }
}

/** Fills the slot for events of `size` bytes: 8 x 16 products, one for each value of each 4 bits of a CRC. */
function fillSlot(slot: u32, size: u32): void {
  let factor = multiply(power(0, size & 255), power(1, (size >>> 8) & 255))
  factor = multiply(factor, power(2, size >>> 16))
  const table = SHIFTS + ((<usize>slot) << 9)
  // From the highest bit of the CRC, which is x^0, to the lowest.
  for (let four: i32 = 7; four >= 0; four--) {
    const row = table + ((<usize>four) << 6)
    store<u32>(row, 0)
    for (let bit: i32 = 3; bit >= 0; bit--) {
      store<u32>(row + ((<usize>1 << bit) << 2), factor)
      factor = timesX(factor)
    }
    for (let value: u32 = 3; value < 16; value++) {
      const low = value & (0 - value)
      if (low == value) continue
      const others = load<u32>(row + ((<usize>(value ^ low)) << 2))
      store<u32>(row + ((<usize>value) << 2), others ^ load<u32>(row + ((<usize>low) << 2)))
    }
  }
  store<u32>(SIZES + ((<usize>slot) << 2), size)
}

// @ts-ignore: decorator of AssemblyScript
@inline
function product(table: usize, four: u32, value: u32): u32 {
  return load<u32>(table + (<usize>((four << 4) + (value & 15)) << 2))
}

/** CRC-32 behind an event of `size` bytes that is true, from the one before it. */
function behind(crc: u32, size: u32): u32 {
  const slot = size & (SLOTS - 1)
  if (load<u32>(SIZES + ((<usize>slot) << 2)) != size) fillSlot(slot, size)
  const table = SHIFTS + ((<usize>slot) << 9)
  return (
    product(table, 0, crc) ^ product(table, 1, crc >>> 4) ^ product(table, 2, crc >>> 8) ^
    product(table, 3, crc >>> 12) ^ product(table, 4, crc >>> 16) ^ product(table, 5, crc >>> 20) ^
    product(table, 6, crc >>> 24) ^ product(table, 7, crc >>> 28) ^ CRC_OF_TRUE_EVENT
  )
}

// @ts-ignore: decorator of AssemblyScript
@inline
function isRowEvent(type: u32): bool {
  return type == TABLE_MAP || (type >= ROWS_QUERY && type <= DELETE_ROWS) || type == PARTIAL_UPDATE_ROWS
}

/** FORMAT: QUERY, see src/mysql/binlog/query.ts. */
function isBegin(event: u32, size: u32): bool {
  if (size < 32 + 1 + BEGIN_SIZE + CHECKSUM) return false
  const text = 32 + <u32>load<u16>(event, 30) + <u32>load<u8>(event, 27) + 1
  if (size != text + BEGIN_SIZE + CHECKSUM) return false
  const at = event + text
  return load<u32>(at) == 0x49474542 && load<u8>(at, 4) == 0x4e
}

/**
 * Reads a GTID event into STATE; false when it has anything unusual.
 * FORMAT: GTID, see src/mysql/binlog/gtid-event.ts
 */
function readGtid(event: u32, size: u32, position: u64): bool {
  const end = event + size - CHECKSUM
  // The fixed fields, 7 bytes of time, and a length of at least one byte.
  if (size < 61 + 7 + 1 + CHECKSUM || load<u8>(event, 44) != 2) return false
  const gno = load<i64>(event, 36)
  if (gno <= 0 || gno == i64.MAX_VALUE) return false
  let at = event + 61 + 7
  if (load<u8>(event, 67) & 0x80) at += 7
  if (at >= end) return false
  const first = <u32>load<u8>(at)
  let length: u64 = first
  if (first >= 0xfb) {
    const bytes: u32 = first == 0xfc ? 2 : first == 0xfd ? 3 : first == 0xfe ? 8 : 0
    if (bytes == 0 || at + 1 + bytes > end) return false
    length = 0
    for (let i = bytes; i > 0; i--) length = (length << 8) | <u64>load<u8>(at + i)
    if (length >>> 50 != 0) return false
  }
  memory.copy(STATE + 48, event + 20, 16)
  store<i64>(STATE, gno, 64)
  store<f64>(STATE, length == 0 ? 0 : <f64>(position + length), 40)
  return true
}

/** Adds the open transaction's GTID to the last run, or begins another; false when there is no room. */
function noteGtid(): bool {
  const gno = load<u64>(STATE, 64)
  const runs = load<u32>(STATE, 24)
  if (runs > 0) {
    const last = RUNS + <usize>(runs - 1) * RUN_BYTES
    const same = load<u64>(last) == load<u64>(STATE, 48) && load<u64>(last, 8) == load<u64>(STATE, 56)
    if (same && load<u64>(last, 24) + 1 == gno) {
      store<u64>(last, gno, 24)
      return true
    }
  }
  if (runs == RUNS_MOST) return false
  const run = RUNS + <usize>runs * RUN_BYTES
  memory.copy(run, STATE + 48, 16)
  store<u64>(run, gno, 16)
  store<u64>(run, gno, 24)
  store<u32>(STATE, runs + 1, 24)
  return true
}

/** The phase behind the event, or -1 when the caller has to look at it. */
// @ts-ignore: decorator of AssemblyScript
@inline
function step(phase: u32, event: u32, size: u32, position: u64): i32 {
  const type = <u32>load<u8>(event, 4)
  if (phase >= PHASE_STATEMENTS) {
    if (isRowEvent(type)) return phase
    if (type != XID || phase != PHASE_STATEMENTS || size != XID_BYTES) return -1
    const end = load<f64>(STATE, 40)
    if (end != 0 && end != <f64>(position + size)) return -1
    return noteGtid() ? PHASE_OUTSIDE : -1
  }
  if (phase == PHASE_OUTSIDE) {
    return type == GTID && readGtid(event, size, position) ? PHASE_GTID : -1
  }
  return type == QUERY && isBegin(event, size) ? PHASE_STATEMENTS : -1
}

/**
 * Takes events from [input, inputEnd) to [output, outputEnd) and returns how many.
 * @param start position of the first event in the file
 * @param marker bytes before each event: 1, or 3 with semi-synchronous replication
 */
export function take(
  input: u32, inputEnd: u32, output: u32, outputEnd: u32, start: f64, marker: u32,
): u32 {
  let count: u32 = 0
  let newest: u32 = 0
  let phase = load<u32>(STATE, 12)
  let crc = load<u32>(STATE, 16)
  let sequence = load<u32>(STATE, 28)
  let position = <u64>start
  store<u32>(STATE, 0, 20)
  store<u32>(STATE, 0, 24)
  store<u32>(STATE, 0, 32)
  while (inputEnd - input > PACKET_HEADER + marker + EVENT_HEADER) {
    const head = load<u32>(input)
    const size = (head & 0xffffff) - marker
    const event = input + PACKET_HEADER + marker
    if (head >>> 24 != sequence || load<u8>(input, PACKET_HEADER) != 0) break
    const awaited = marker > 1 ? <u32>load<u8>(input, PACKET_HEADER + 2) : 0
    if (marker > 1 && (load<u8>(input, PACKET_HEADER + 1) != SEMI_SYNC_MAGIC || awaited > 1)) break
    // A size that has wrapped is larger than any input.
    if (size > inputEnd - event || size > outputEnd - output || size < EVENT_HEADER + CHECKSUM) break
    if (load<u32>(event, 9) != size || load<u32>(event, 13) != <u32>(position + size)) break
    if (load<u16>(event, 17) & ARTIFICIAL) break
    const next = step(phase, event, size, position)
    if (next < 0) break
    phase = <u32>next
    crc = behind(crc, size)
    memory.copy(output, event, size)
    const timestamp = load<u32>(event)
    if (timestamp > newest) newest = timestamp
    input = event + size
    output += size
    position += size
    sequence = awaited ? 1 : (sequence + 1) & 255
    if (phase == PHASE_OUTSIDE) {
      store<u32>(STATE, output, 20)
      if (awaited) store<u32>(STATE, output, 32)
    }
    count++
  }
  store<u32>(STATE, input)
  store<u32>(STATE, output, 4)
  store<u32>(STATE, newest, 8)
  store<u32>(STATE, phase, 12)
  store<u32>(STATE, crc, 16)
  store<u32>(STATE, sequence, 28)
  return count
}
