import { ProtocolError } from '../../lib/index.ts'
import {
  type ChecksumAlgorithm,
  checksumMatches,
  decodeRotate,
  EVENT_HEADER_SIZE,
  EventType,
  type Rotate,
  readEventHeader,
} from '../../mysql/index.ts'
import type { BinlogFile } from './binlog-reader.ts'
import { type ChunkPool, READ_OFFSET } from './chunk-pool.ts'

/** A larger event's checksum is not looked at to see whether an event begins at a place. */
const CHECKED_BYTES_MAX = 1024 * 1024
/** A file name has at most 255 bytes or so. */
const ROTATE_BYTES_MAX = 512

/** Single events of one file, copied out of it: what a dump looks at before it streams. */
export class EventsAt {
  readonly #pool: ChunkPool
  readonly #file: BinlogFile

  constructor(pool: ChunkPool, file: BinlogFile) {
    this.#pool = pool
    this.#file = file
  }

  /**
   * Undefined when not all of it is visible. @throws ProtocolError when it has more than `bytesMax`
   * bytes
   */
  read(position: number, bytesMax: number): Buffer | undefined {
    const size = this.sizeAt(position)
    if (size === undefined) return undefined
    if (size > bytesMax) {
      throw new ProtocolError(`the event at ${position} has ${size} bytes, more than ${bytesMax}`)
    }
    return this.#span(position, size)
  }

  /** Size of the event that begins at the position; undefined when it is not visible. */
  sizeAt(position: number): number | undefined {
    const header = this.#span(position, EVENT_HEADER_SIZE)
    return header === undefined ? undefined : readEventHeader(header).size
  }

  typeAt(position: number): number | undefined {
    return this.#span(position, EVENT_HEADER_SIZE)?.readUInt8(4)
  }

  /**
   * Whether an event begins at the position, which lies before the visible end `end`: its header
   * must name its own end, and its checksum must be right. Costs one read, however large the
   * transaction around it is.
   */
  beginsAt(position: number, end: number, checksum: ChecksumAlgorithm): boolean {
    const header = this.#span(position, EVENT_HEADER_SIZE)
    const size = header?.readUInt32LE(9)
    if (header === undefined || size === undefined) return false
    if (size < EVENT_HEADER_SIZE || position + size > end) return false
    if (header.readUInt32LE(13) !== (position + size) % 2 ** 32) return false
    if (checksum === 'NONE' || size > CHECKED_BYTES_MAX) return true
    const event = this.#span(position, size)
    return event !== undefined && checksumMatches(event)
  }

  /**
   * The ROTATE that ends at `end` and begins at `from` or later; undefined when another event ends
   * there. Looks for it from behind, since events can only be walked forwards.
   */
  rotateBefore(end: number, from: number, checksum: ChecksumAlgorithm): Rotate | undefined {
    const first = Math.max(from, end - ROTATE_BYTES_MAX)
    const tail = first < end ? this.#span(first, end - first) : undefined
    if (tail === undefined) return undefined
    for (let at = tail.length - EVENT_HEADER_SIZE; at >= 0; at -= 1) {
      const size = tail.length - at
      if (tail[at + 4] !== EventType.ROTATE || tail.readUInt32LE(at + 9) !== size) continue
      if (tail.readUInt32LE(at + 13) !== end % 2 ** 32) continue
      const event = tail.subarray(at)
      if (checksum === 'NONE' || checksumMatches(event)) return decodeRotate(event, checksum)
    }
    return undefined
  }

  #span(position: number, size: number): Buffer | undefined {
    const span = Buffer.allocUnsafe(size)
    const buffer = this.#pool.take()
    try {
      for (let done = 0; done < size; ) {
        const { bytes } = this.#file.read(position + done, buffer.subarray(READ_OFFSET))
        if (bytes.length === 0) return undefined
        done += bytes.copy(span, done)
      }
      return span
    } finally {
      this.#pool.give(buffer)
    }
  }
}
