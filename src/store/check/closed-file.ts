/*
  Comparing a closed file with its own index, piece by piece and as slowly as the caller likes: each entry of the index
  with those before it, each byte of the file with the CRC-32 of its record. It has handles of its own, so that a purge
  does not wait for it.
*/
import { messageOf, OperationalError, systemCodeOf } from '../../lib/index.ts'
import { BINLOG_MAGIC, FIRST_EVENT_POSITION } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { ExtentsCache } from '../index-file/extents.ts'
import type { IndexDirectory } from '../index-file/index-directory.ts'
import { loadClosed } from '../index-file/index-scan.ts'
import { IndexWalk, type WalkedEntry } from '../index-file/index-walk.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import { findDamage, planRead, type Span } from '../verified-read.ts'
import { type DigestPoint, firstPoint, openIfThere } from './digest-points.ts'

/** So much of an index is decoded in one go. */
const INDEX_PIECE_BYTES = 64 * 1024
/** A walk through an index looks no further ahead. */
const INDEX_AHEAD_BYTES = 1024 * 1024 + 2 * INDEX_PIECE_BYTES
/** Two stretches between checkpoints. */
const RECORDS_CACHED = 2 * 16_384
/** More of one file are told as one, with what lies between them. */
const RANGES_MOST = 16

/** Bytes [from, to) of a file, or of its index, that are not what was stored. */
export interface DamagedRange {
  /** a name that ends in `.idx` is an index */
  readonly file: string
  readonly from: number
  readonly to: number
  /** a sentence without its end */
  readonly what: string
}

export interface CheckedFile {
  /** in the file's order; where the index is damaged the bytes of the file are not compared */
  readonly damages: readonly DamagedRange[]
  /** the running digest as the records make it; none when the index is damaged */
  readonly points: readonly DigestPoint[]
}

export interface ClosedFileOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly name: string
  /** resolves when more may be read; told how much was */
  readonly pace: (bytes: number) => Promise<void>
  /** nothing more is read, and the check has no result, once it fires */
  readonly signal: AbortSignal
}

/**
 * Undefined when the file is not there any more, or the signal has fired.
 * @throws OperationalError E_STORE_DAMAGED when it cannot be opened
 */
export async function checkClosedFile(
  options: ClosedFileOptions,
): Promise<CheckedFile | undefined> {
  const { disk, folder, name, signal } = options
  const data = await openIfThere(disk, `${folder}/${name}`)
  if (data === undefined) return undefined
  try {
    const index = await openIfThere(disk, `${folder}/${name}.idx`)
    if (index === undefined) return await withoutIndex(options)
    try {
      const check = new ClosedFileCheck(options, data, index)
      await check.run()
      return signal.aborted ? undefined : check
    } finally {
      await index.close()
    }
  } finally {
    await data.close()
  }
}

/** A purge removes the file first. */
async function withoutIndex(options: ClosedFileOptions): Promise<CheckedFile | undefined> {
  const { disk, folder, name } = options
  if (!(await disk.exists(`${folder}/${name}`))) return undefined
  return { damages: [{ file: `${name}.idx`, from: 0, to: 0, what: 'it is missing' }], points: [] }
}

class ClosedFileCheck implements CheckedFile {
  readonly #damages: DamagedRange[] = []
  #points: DigestPoint[] = []
  /** up to where the index is in the page cache */
  #fetched = 0
  readonly #options: ClosedFileOptions
  readonly #data: DiskFile
  readonly #index: DiskFile
  readonly #buffer = Buffer.allocUnsafe(RECORD_BYTES_MAX)

  constructor(options: ClosedFileOptions, data: DiskFile, index: DiskFile) {
    this.#options = options
    this.#data = data
    this.#index = index
  }

  get damages(): readonly DamagedRange[] {
    return this.#damages
  }

  get points(): readonly DigestPoint[] {
    return this.#points
  }

  async run(): Promise<void> {
    try {
      const end = await this.#checkIndex()
      if (end === undefined || this.#options.signal.aborted) return
      await this.#checkBytes(end)
    } catch (thrown) {
      // The index is another one than when it was walked, or the disk does not give it.
      if (!(thrown instanceof OperationalError) && systemCodeOf(thrown) === undefined) throw thrown
      this.#badIndex(0, this.#index.size(), messageOf(thrown))
    }
  }

  // ---- the index

  /** Where the file must end; undefined when the index is not whole. */
  async #checkIndex(): Promise<number | undefined> {
    const { name } = this.#options
    await this.#fetchBehind(0)
    const walk = IndexWalk.open(this.#index)
    if (walk === undefined) return this.#badIndex(0, this.#index.size(), 'its head is not true')
    this.#points.push(firstPoint(walk.head.firstSequence, walk.head.digest))
    let last: WalkedEntry['entry'] | undefined
    let told = 0
    for (;;) {
      const { offset } = walk
      const walked = walk.next()
      if (walked === undefined) break
      if (walked.wrong !== undefined) return this.#badIndex(offset, walk.offset, walked.wrong)
      const { entry, state } = walked
      if (last === undefined && !(entry.kind === 'file-begin' && entry.begin.name === name)) {
        return this.#badIndex(offset, walk.offset, `it is not the index of ${name}`)
      }
      if (entry.kind === 'checkpoint') {
        const { sequence, end: position } = state
        this.#points.push({ sequence, position, digest: entry.digest.toString('hex') })
      }
      last = entry
      if (walk.offset - told < INDEX_PIECE_BYTES) continue
      await this.#options.pace(walk.offset - told)
      if (this.#options.signal.aborted) return undefined
      told = walk.offset
      await this.#fetchBehind(told)
    }
    await this.#options.pace(walk.offset - told)
    const size = this.#index.size()
    if (last?.kind === 'closed' && walk.offset === size) return walk.state.end
    return this.#badIndex(walk.offset, size, 'no true entry is there')
  }

  /** The walk reads while the whole process waits: from the page cache, where the thread pool puts it first. */
  async #fetchBehind(position: number): Promise<void> {
    const to = Math.min(position + INDEX_AHEAD_BYTES, this.#index.size())
    for (; this.#fetched < to; this.#fetched += this.#buffer.length) {
      await this.#index.readAsync(this.#buffer, this.#fetched)
    }
  }

  #badIndex(from: number, to: number, what: string): undefined {
    this.#points = []
    this.#note({ file: `${this.#options.name}.idx`, from, to, what })
  }

  // ---- the bytes

  async #checkBytes(end: number): Promise<void> {
    const { name, pace, signal } = this.#options
    const size = this.#data.size()
    await this.#checkMagic()
    const directory = loadClosed(name, this.#index, new ExtentsCache(RECORDS_CACHED))
    for (let at = FIRST_EVENT_POSITION; at < Math.min(size, end); ) {
      const span = planRead(directory, at, end, this.#buffer.length)
      at = await this.#checkSpan(directory, span)
      await pace(at - span.from)
      if (signal.aborted) return
    }
    if (size < end) this.#bad(size, end, `the file ends at ${size}, and ${end} bytes were stored`)
    if (size > end) this.#bad(end, size, `the file has ${size} bytes, and ${end} were stored`)
  }

  async #checkMagic(): Promise<void> {
    const bytes = this.#buffer.subarray(0, BINLOG_MAGIC.length)
    await this.#data.readAsync(bytes, 0)
    if (!bytes.equals(BINLOG_MAGIC))
      this.#bad(0, bytes.length, 'it does not begin as a binlog file')
  }

  /** Returns up to where it is settled. */
  async #checkSpan(directory: IndexDirectory, span: Span): Promise<number> {
    const { from, to } = span
    const wanted = this.#buffer.subarray(0, to - from)
    let read: number
    try {
      read = await this.#data.readAsync(wanted, from)
    } catch (thrown) {
      if (systemCodeOf(thrown) === undefined) throw thrown
      this.#bad(from, to, `the disk does not give them (${messageOf(thrown)})`)
      return to
    }
    const position = findDamage(span, wanted.subarray(0, read))
    if (position === undefined) return to
    const { extents, index } = directory.find(position)
    const end = extents.endOf(index)
    this.#bad(position, end, NOT_STORED)
    return end
  }

  #bad(from: number, to: number, what: string): void {
    this.#note({ file: this.#options.name, from, to, what })
  }

  /** Records that follow each other are one range. */
  #note(range: DamagedRange): void {
    const last = this.#damages.at(-1)
    const joins = last !== undefined && last.file === range.file && last.to >= range.from
    if (last === undefined || !(joins || this.#damages.length >= RANGES_MOST)) {
      this.#damages.push(range)
      return
    }
    this.#damages[this.#damages.length - 1] = { ...last, to: range.to }
  }
}

const NOT_STORED = 'the bytes are not those that were stored'
