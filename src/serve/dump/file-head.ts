import type { ChecksumAlgorithm } from '../../mysql/index.ts'
import {
  decodeFormatDescription,
  decodeGtidEvent,
  FIRST_EVENT_POSITION,
  isGtidEvent,
  isPreviousGtids,
} from '../../mysql/index.ts'
import type { VisibleEnd } from '../../store/index.ts'
import type { DumpEnd, DumpError, DumpRequest } from '../dump-request.ts'
import type { BinlogFile, BinlogReader } from './binlog-reader.ts'
import { CARRY_BYTES_MAX, type ChunkPool, READ_OFFSET } from './chunk-pool.ts'
import { BEYOND_THE_FILE, checksumUnaware, insideAnEvent } from './dump-errors.ts'
import { EventsAt } from './event-at.ts'
import type { DumpStart } from './find-start.ts'
import type { PacketSender } from './packet-sender.ts'
import type { SkipFilter } from './skip-filter.ts'
import { artificialRotate, sentFormatDescription } from './stream-events.ts'

/** The real ones have some 120 (MySQL) or 250 (MariaDB) bytes. */
const FORMAT_DESCRIPTION_BYTES_MAX = 4096

export interface FileHeadOptions {
  readonly reader: BinlogReader
  readonly pool: ChunkPool
  readonly serverId: number
  readonly request: DumpRequest
  readonly sender: PacketSender
  /** waits with heartbeats for more than `seen` to be visible */
  readonly idle: (seen: VisibleEnd | undefined) => Promise<DumpEnd | undefined>
}

/** `end`: the position in the file of what comes next. */
export type SentHead = { readonly end: number } | { readonly error: DumpError } | DumpEnd

/** Sends what stands before the events at the beginning of a dump and of each file in it. */
export class FileHead {
  readonly #options: FileHeadOptions
  #checksum: ChecksumAlgorithm

  constructor(options: FileHeadOptions) {
    this.#options = options
    this.#checksum = options.request.checksum === 'CRC32' ? 'CRC32' : 'NONE'
  }

  /**
   * Of the events being sent: until the first FORMAT_DESCRIPTION what the client asked for, then
   * what it says.
   */
  get checksum(): ChecksumAlgorithm {
    return this.#checksum
  }

  async send(start: DumpStart, file: BinlogFile, held: SkipFilter | undefined): Promise<SentHead> {
    const { sender, serverId, request } = this.#options
    const events = new EventsAt(this.#options.pool, file)
    await sender.room()
    // Between two files this still has the checksum of the one before, as MySQL's has.
    sender.event(artificialRotate(start, { serverId, checksum: this.#checksum }))
    const event = await this.#whenVisible(() =>
      events.read(FIRST_EVENT_POSITION, FORMAT_DESCRIPTION_BYTES_MAX),
    )
    if (!Buffer.isBuffer(event)) return event
    const { checksum } = decodeFormatDescription(event)
    if (checksum === 'CRC32' && request.checksum === undefined) {
      return { error: checksumUnaware(start, start) }
    }
    await sender.room()
    this.#checksum = checksum
    const end = FIRST_EVENT_POSITION + event.length
    const without = this.#leftOut(start, end, { events, held })
    sender.event(sentFormatDescription(event, without))
    if (start.position > FIRST_EVENT_POSITION) return await this.#checked(start, end, events)
    return start.jumpTo > end ? await this.#sendPreviousGtids(end, file, events) : { end }
  }

  #leftOut(
    start: DumpStart,
    end: number,
    { events, held }: { events: EventsAt; held: SkipFilter | undefined },
  ): 'nothing' | 'created' | 'log_pos and created' {
    if (start.head === 'no log_pos and created') return 'log_pos and created'
    if (start.head === 'no created') return 'created'
    if (start.head === 'as stored' || held === undefined) return 'nothing'
    const previous = isPreviousGtids(events.typeAt(end) ?? 0) ? (events.sizeAt(end) ?? 0) : 0
    const first = end + previous
    if (start.jumpTo > first) return 'created'
    const type = events.typeAt(first)
    if (type === undefined || !isGtidEvent(type)) return 'nothing'
    const event = events.read(first, CARRY_BYTES_MAX)
    const gtid = event && decodeGtidEvent(event, this.#checksum).gtid
    return gtid !== undefined && held.holds(gtid) ? 'created' : 'nothing'
  }

  /** The place asked for must be reached, and must lie between two events. */
  async #checked(start: DumpStart, headEnd: number, events: EventsAt): Promise<SentHead> {
    const { reader, request } = this.#options
    const { position } = start
    for (;;) {
      const seen = reader.visible.value
      const info = reader.files().find(({ name }) => name === start.file)
      const size = info?.size ?? 0
      if (position <= size) {
        const isBetween =
          position === size ||
          (position >= headEnd && events.beginsAt(position, size, this.#checksum))
        return isBetween ? { end: position } : { error: insideAnEvent(start, start) }
      }
      if (info?.active !== true || request.nonBlocking) return { error: BEYOND_THE_FILE }
      const end = await this.#options.idle(seen)
      if (end !== undefined) return end
    }
  }

  /** They go out by themselves unless the dump jumps over what follows them. */
  async #sendPreviousGtids(
    position: number,
    file: BinlogFile,
    events: EventsAt,
  ): Promise<SentHead> {
    const { pool, sender } = this.#options
    if (!isPreviousGtids(events.typeAt(position) ?? 0)) return { end: position }
    const end = position + (events.sizeAt(position) ?? 0)
    let at = position
    while (at < end) {
      await sender.room()
      const buffer = pool.take()
      const { bytes } = file.read(at, buffer.subarray(READ_OFFSET))
      const start = bytes.byteOffset - buffer.byteOffset
      const taken = Math.min(bytes.length, end - at)
      const size = sender.framer.frame(buffer, start, start + taken, 0)
      sender.write(buffer.subarray(0, size), () => pool.give(buffer))
      at += taken
    }
    return { end }
  }

  async #whenVisible(read: () => Buffer | undefined): Promise<Buffer | DumpEnd> {
    for (;;) {
      const seen = this.#options.reader.visible.value
      const found = read()
      if (found !== undefined) return found
      const end = await this.#options.idle(seen)
      if (end !== undefined) return end
    }
  }
}
