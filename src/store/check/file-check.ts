/*
  Comparing a file with its own index, piece by piece and as slowly as the caller likes: each entry of the index with
  those before it, each byte of the file with the CRC-32 of its record. It has handles of its own, so that a purge does
  not wait for it. A file that is written to is compared as far as it is shown and its index speaks of it.
*/

import { messageOf, OperationalError, systemCodeOf } from '../../lib/index.ts'
import { BINLOG_MAGIC, FIRST_EVENT_POSITION } from '../../mysql/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { readFailed } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { ExtentsCache } from '../index-file/extents.ts'
import { IndexDirectory } from '../index-file/index-directory.ts'
import { IndexWalk, type WalkedEntry } from '../index-file/index-walk.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import { findDamage, planRead, type Span } from '../verified-read.ts'
import { type DamagePlace, placeOf, startBefore } from './damage-place.ts'
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
  /** of a binlog file: what the bytes belong to, where that can be told */
  readonly place?: DamagePlace | undefined
  /** of a binlog file: a place between transactions at or before the range */
  readonly start?: number
}

/** How far a file that is written to can be checked. */
export interface GrowingFile {
  /** bytes of its index that are whole entries */
  readonly indexSize: number
  /** bytes of the file that are shown, and that those entries speak of */
  readonly limit: number
}

export interface CheckedFile {
  /** in the file's order; where the index is damaged the bytes of the file are not compared */
  readonly damages: readonly DamagedRange[]
  /** the running digest as the records make it; none when the index is damaged */
  readonly points: readonly DigestPoint[]
}

export interface FileCheckOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly name: string
  /** resolves when more may be read; told how much was */
  readonly pace: (bytes: number) => Promise<void>
  /** nothing more is read, and the check has no result, once it fires */
  readonly signal: AbortSignal
  /** undefined for a file that is closed */
  readonly growing?: GrowingFile | undefined
  /** the file and the index that are compared, where they are others than those in the folder */
  readonly paths?: { readonly data?: string; readonly index?: string | undefined } | undefined
  /** of the file's bytes only these are compared */
  readonly range?: { readonly from: number; readonly to: number } | undefined
}

/**
 * Undefined when the file is not there any more, or the signal has fired.
 * @throws OperationalError E_STORE_DAMAGED when it cannot be opened, or the disk gives nothing of it
 */
export async function checkFile(options: FileCheckOptions): Promise<CheckedFile | undefined> {
  try {
    return await checkOpened(options)
  } catch (thrown) {
    throw readFailed(options.name, 0, thrown)
  }
}

async function checkOpened(options: FileCheckOptions): Promise<CheckedFile | undefined> {
  const { disk, folder, name, paths, signal } = options
  const data = await openIfThere(disk, paths?.data ?? `${folder}/${name}`)
  if (data === undefined) return undefined
  try {
    const index = await openIfThere(disk, paths?.index ?? `${folder}/${indexNameOf(name)}`)
    if (index === undefined) return await withoutIndex(options)
    try {
      const check = new FileCheck(options, data, index)
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
async function withoutIndex(options: FileCheckOptions): Promise<CheckedFile | undefined> {
  const { disk, folder, name } = options
  if (!(await disk.exists(`${folder}/${name}`))) return undefined
  return {
    damages: [{ file: indexNameOf(name), from: 0, to: 0, what: 'it is missing' }],
    points: [],
  }
}

class FileCheck implements CheckedFile {
  readonly #damages: DamagedRange[] = []
  #points: DigestPoint[] = []
  /** up to where the index is in the page cache */
  #fetched = 0
  readonly #options: FileCheckOptions
  readonly #data: DiskFile
  readonly #index: DiskFile
  readonly #buffer = Buffer.allocUnsafe(RECORD_BYTES_MAX)

  constructor(options: FileCheckOptions, data: DiskFile, index: DiskFile) {
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
      const walked = await this.#checkIndex()
      if (walked === undefined || this.#options.signal.aborted) return
      await this.#checkBytes(walked)
    } catch (thrown) {
      // The index is another one than when it was walked, or the disk does not give it.
      if (!(thrown instanceof OperationalError) && systemCodeOf(thrown) === undefined) throw thrown
      this.#badIndex(0, this.#index.size(), messageOf(thrown))
    }
  }

  // ---- the index

  /** What the index speaks of; undefined when it is not whole. */
  async #checkIndex(): Promise<Indexed | undefined> {
    const { name, growing } = this.#options
    await this.#fetchBehind(0)
    const walk = IndexWalk.open(this.#index)
    if (walk === undefined) return this.#badIndex(0, this.#index.size(), 'its head is not true')
    this.#points.push(firstPoint(walk.head.firstSequence, walk.head.digest))
    const directory = new IndexDirectory(name, this.#index, new ExtentsCache(RECORDS_CACHED), {
      headSize: walk.offset,
      state: { ...walk.state },
    })
    let last: WalkedEntry['entry'] | undefined
    let told = 0
    const size = growing?.indexSize ?? this.#index.size()
    while (walk.offset < size) {
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
      directory.follow(entry, offset, walked.size)
      last = entry
      if (walk.offset - told < INDEX_PIECE_BYTES) continue
      await this.#options.pace(walk.offset - told)
      if (this.#options.signal.aborted) return undefined
      told = walk.offset
      await this.#fetchBehind(told)
    }
    await this.#options.pace(walk.offset - told)
    const isWhole = last?.kind === 'closed' || growing !== undefined
    if (isWhole && walk.offset === size) return { directory, end: walk.state.end }
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
    this.#note({ file: indexNameOf(this.#options.name), from, to, what })
  }

  // ---- the bytes

  async #checkBytes(indexed: Indexed): Promise<void> {
    const { range, growing } = this.#options
    const { directory } = indexed
    const end = growing === undefined ? indexed.end : lastWhole(indexed, growing.limit)
    const size = this.#data.size()
    if (range === undefined) await this.#checkMagic()
    const to = Math.min(size, end, range?.to ?? end)
    await this.#checkRecords(directory, range?.from ?? FIRST_EVENT_POSITION, to)
    if (this.#options.signal.aborted) return
    if (size < end) this.#bad(size, end, `the file ends at ${size}, and ${end} bytes were stored`)
    if (size > end && growing === undefined) {
      this.#bad(end, size, `the file has ${size} bytes, and ${end} were stored`)
    }
    await this.#placeDamages(directory)
  }

  async #checkRecords(directory: IndexDirectory, from: number, to: number): Promise<void> {
    const { pace, signal } = this.#options
    for (let at = from; at < to; ) {
      const span = planRead(directory, at, to, this.#buffer.length)
      at = await this.#checkSpan(directory, span)
      await pace(at - span.from)
      if (signal.aborted) return
    }
  }

  async #placeDamages(directory: IndexDirectory): Promise<void> {
    for (const [index, damage] of this.#damages.entries()) {
      const start = startBefore(directory, damage.from)
      const place = await placeOf(this.#data, start, damage)
      this.#damages[index] = { ...damage, place, start }
    }
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

/** What a walk through an index has found that it speaks of. */
interface Indexed {
  readonly directory: IndexDirectory
  readonly end: number
}

/** Where the last record ends that lies before the limit with all its bytes: a cut may still divide the one behind. */
function lastWhole({ directory, end }: Indexed, limit: number): number {
  if (limit >= end) return end
  const { extents, index } = directory.find(limit)
  return extents.startOf(index)
}

const NOT_STORED = 'the bytes are not those that were stored'
