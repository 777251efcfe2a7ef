/*
  One file into the journal: it is framed as a source frames it for a dump, and goes through the one pass over a dump
  (mysql/stream), so that its bytes are checked and cut into pieces as those of a source are.
*/
import type { Journal } from '../journal/index.ts'
import { messageOf, ProtocolError } from '../lib/index.ts'
import {
  DumpDecoder,
  DumpFramer,
  EVENT_HEADER_SIZE,
  EventFlag,
  type EventKernel,
  FIRST_EVENT_POSITION,
  framingBytesMax,
  type GtidSet,
  type Piece,
} from '../mysql/index.ts'
import type { DiskFile } from '../platform/index.ts'
import { refused } from './refusal.ts'

/** So much of a file is read at a time: with what framing adds it fits the kernel's memory. */
const READ_BYTES = 512 * 1024
const READ_OFFSET = framingBytesMax(READ_BYTES)
/** Of an event's header. */
const FLAGS_OFFSET = 17

export interface CopyOptions {
  readonly path: string
  readonly size: number
  readonly kernel: EventKernel
  readonly journal: Journal
  /** GTIDs in the journal; kept up to date */
  readonly held: GtidSet
  /** bytes of the file that were read */
  readonly progress: (doneBytes: number) => void
}

export class FileCopy {
  readonly #file: DiskFile
  readonly #options: CopyOptions
  readonly #decoder: DumpDecoder
  readonly #framer = new DumpFramer(1)

  constructor(file: DiskFile, options: CopyOptions) {
    this.#file = file
    this.#options = options
    this.#decoder = new DumpDecoder({
      kernel: options.kernel,
      checksum: 'CRC32',
      start: FIRST_EVENT_POSITION,
      semiSync: false,
      relocate: false,
    })
  }

  /**
   * Appends all whole events of the file, which the journal has begun. What stands behind the last transaction's end is
   * the caller's to give up. @throws OperationalError E_IMPORT_REFUSED, and as Journal.append
   */
  async run(): Promise<void> {
    const { path, size, kernel, progress } = this.#options
    const target = kernel.readTarget
    for (let position = FIRST_EVENT_POSITION; position < size; ) {
      const wanted = Math.min(READ_BYTES, size - position)
      const place = target.subarray(READ_OFFSET, READ_OFFSET + wanted)
      const count = await this.#file.readAsync(place, position)
      if (count === 0) throw refused(path, `it ends at ${position}, and had ${size} bytes before`)
      if (position === FIRST_EVENT_POSITION) clearInUse(place)
      try {
        await this.#take(READ_OFFSET, READ_OFFSET + count)
      } catch (thrown) {
        if (!(thrown instanceof ProtocolError)) throw thrown
        throw refused(path, `${messageOf(thrown)}; ${REMEDY}`, { cause: thrown })
      }
      position += count
      progress(position)
    }
  }

  async #take(start: number, end: number): Promise<void> {
    const target = this.#options.kernel.readTarget
    const framed = this.#framer.frame(target, start, end, 0)
    this.#decoder.feed(target.subarray(0, framed))
    for (let step = this.#decoder.next(); step !== undefined; step = this.#decoder.next()) {
      if (step.kind !== 'piece') {
        throw new ProtocolError(`it has an event near ${this.#decoder.position} that no binlog has`)
      }
      await this.#append(step.piece)
    }
  }

  async #append(piece: Piece): Promise<void> {
    const { held, journal } = this.#options
    if (piece.gtids?.repeats(held) === true) {
      throw new ProtocolError(
        `a transaction before position ${piece.boundary} is in the files before already`,
      )
    }
    if (piece.gtids !== undefined) held.addAll(piece.gtids)
    await journal.append(piece)
  }
}

const REMEDY = 'nothing was imported; give another copy of this file, or only the files behind it'

/** A server sets it in the file that it writes, and never sends it; the checksum counts it as not set. */
function clearInUse(head: Buffer): void {
  if (head.length < EVENT_HEADER_SIZE) return
  head.writeUInt16LE(head.readUInt16LE(FLAGS_OFFSET) & ~EventFlag.BINLOG_IN_USE, FLAGS_OFFSET)
}
