import { assert } from '../lib/index.ts'
import type { DiskFile } from '../platform/index.ts'
import type { FileAlarms } from './check/file-alarms.ts'
import { readFailed } from './disk-error.ts'
import type { IndexDirectory } from './index-file/index-directory.ts'
import { RECORD_BYTES_MAX } from './record.ts'
import { checkSpan, findDamage, planRead, type Span, verifyRange } from './verified-read.ts'

export interface ReadResult {
  /**
   * part of the caller's buffer: true bytes of the file from the asked position; empty at the end
   */
  readonly bytes: Buffer
  /** the position in the file behind `bytes` */
  readonly end: number
}

/** What a reader has of its file; made by the store. */
export interface ReadAccess {
  readonly name: string
  file(): DiskFile
  /** learns of what is read and is not what was stored */
  readonly alarms: Pick<FileAlarms, 'ahead' | 'met'>
  directory(): IndexDirectory
  /** the visible end in this file, at the moment of the call */
  limit(): number
  close(): Promise<void>
}

/**
 * Reads one file up to the visible end; every byte it hands out was compared with the index just
 * then, and so were the other bytes of its record.
 */
export class FileReader {
  readonly #access: ReadAccess
  #closed = false

  constructor(access: ReadAccess) {
    this.#access = access
  }

  get name(): string {
    return this.#access.name
  }

  /** Up to which position the file can be read now. */
  get limit(): number {
    return this.#access.limit()
  }

  /**
   * Fills `target` with whole records from the one that holds `position` on, at most to the visible
   * end, and returns the part from `position`. Synchronous: for bytes that are likely in the page
   * cache.
   * @param target at least RECORD_BYTES_MAX bytes
   * @throws OperationalError E_STORE_DAMAGED, naming file and position, when the bytes are not
   * those that were stored or the disk does not give them
   */
  read(position: number, target: Buffer): ReadResult {
    try {
      return this.#readNow(position, target)
    } catch (thrown) {
      this.#access.alarms.met(thrown)
      throw thrown
    }
  }

  #readNow(position: number, target: Buffer): ReadResult {
    const limit = this.#limitFor(position, target)
    if (position >= limit) return { bytes: target.subarray(0, 0), end: position }
    const span = this.#plan(position, limit, target)
    const bytes = this.#read(target.subarray(0, span.to - span.from), span.from)
    checkSpan(this.name, span, bytes)
    return this.#part(position, limit, span, bytes)
  }

  /** The same, reading on the thread pool. */
  async readAsync(position: number, target: Buffer): Promise<ReadResult> {
    try {
      return await this.#readLater(position, target)
    } catch (thrown) {
      this.#access.alarms.met(thrown)
      throw thrown
    }
  }

  async #readLater(position: number, target: Buffer): Promise<ReadResult> {
    const limit = this.#limitFor(position, target)
    if (position >= limit) return { bytes: target.subarray(0, 0), end: position }
    const file = this.#access.file()
    const span = this.#plan(position, limit, target)
    const wanted = target.subarray(0, span.to - span.from)
    const read = await file.readAsync(wanted, span.from).catch((thrown: unknown) => {
      throw readFailed(this.name, span.from, thrown)
    })
    const bytes = wanted.subarray(0, read)
    // Meanwhile a cut may have taken away the end of the record that holds the visible end; then
    // the index and the file are compared once more, at one moment.
    if (findDamage(span, bytes) !== undefined) return this.#readNow(position, target)
    return this.#part(position, limit, span, bytes)
  }

  /** Lets the file go; it can be purged when its last reader is closed. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    await this.#access.close()
  }

  #limitFor(position: number, target: Buffer): number {
    assert(!this.#closed, `${this.name} is read after its reader was closed`)
    assert(target.length >= RECORD_BYTES_MAX, 'a buffer to read into holds a whole record')
    assert(position >= 4, `position ${position} lies before the first event`)
    return this.#readable(position)
  }

  /**
   * Up to where something can be handed out from the position on: an event that cannot be read to its end is not
   * begun, so that whoever sends it can still say why it stops there.
   */
  #readable(position: number): number {
    const { alarms } = this.#access
    const limit = this.#access.limit()
    const ahead = alarms.ahead(this.name, position)
    const to = Math.min(ahead.inside?.to ?? 0, limit)
    // It may have been repaired since.
    if (ahead.inside !== undefined && ahead.inside.from < to) {
      verifyRange(this.name, this.#access.file(), this.#access.directory(), {
        from: ahead.inside.from,
        to,
      })
    }
    return Math.min(limit, ahead.limit ?? limit)
  }

  #read(target: Buffer, position: number): Buffer {
    try {
      return target.subarray(0, this.#access.file().read(target, position))
    } catch (thrown) {
      throw readFailed(this.name, position, thrown)
    }
  }

  #plan(position: number, limit: number, target: Buffer): Span {
    return planRead(this.#access.directory(), position, limit, target.length)
  }

  #part(position: number, limit: number, span: Span, bytes: Buffer): ReadResult {
    const end = Math.min(span.to, limit)
    return { bytes: bytes.subarray(position - span.from, end - span.from), end }
  }
}
