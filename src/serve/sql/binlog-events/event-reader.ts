import { EVENT_HEADER_SIZE, type EventHeader, readEventHeader } from '../../../mysql/index.ts'
import { RECORD_BYTES_MAX } from '../../../store/index.ts'
import type { BinlogFile } from '../../dump/binlog-reader.ts'

/** So much of an event is looked at; of a longer one only so much of its text is shown. */
export const EVENT_BYTES_MOST = 1024 * 1024

const NOTHING = Buffer.alloc(0)

export interface ReadEvent extends EventHeader {
  readonly position: number
  /** its first bytes, all of them unless it has more than EVENT_BYTES_MOST; valid until the next one is read */
  readonly bytes: Buffer
}

/** Goes through a file event by event, from a place where one begins, in memory for some records. */
export class EventReader {
  readonly #file: BinlogFile
  readonly #target = Buffer.allocUnsafe(RECORD_BYTES_MAX)
  #position: number
  /** what was read from #position on */
  #ahead: Buffer = NOTHING

  constructor(file: BinlogFile, position: number) {
    this.#file = file
    this.#position = position
  }

  /** where the next event begins */
  get position(): number {
    return this.#position
  }

  /**
   * The next event; undefined where no further one is shown.
   * @throws OperationalError E_STORE_DAMAGED, ProtocolError
   */
  async next(): Promise<ReadEvent | undefined> {
    if (!(await this.#has(EVENT_HEADER_SIZE))) return undefined
    const header = readEventHeader(this.#ahead)
    if (!(await this.#has(Math.min(header.size, EVENT_BYTES_MOST)))) return undefined
    const event = {
      ...header,
      position: this.#position,
      bytes: this.#ahead.subarray(0, header.size),
    }
    this.#position += header.size
    this.#ahead = this.#ahead.subarray(header.size)
    return event
  }

  /** Whether so many bytes are ahead, once as many were read as there are. */
  async #has(size: number): Promise<boolean> {
    while (this.#ahead.length < size) {
      const at = this.#position + this.#ahead.length
      const { bytes } = await this.#file.readAsync(at, this.#target)
      if (bytes.length === 0) return false
      this.#ahead = Buffer.concat([this.#ahead, bytes])
    }
    return true
  }
}
