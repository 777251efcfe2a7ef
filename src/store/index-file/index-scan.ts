/*
  Reading an index file: from its closing entry backwards, by the checkpoints, when the file is
  closed; from its head forwards, entry by entry, when it is the last one or its end is not what it
  should be.
*/

import { OperationalError } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import type { FileBegin } from '../record.ts'
import type { ExtentsCache } from './extents.ts'
import type { IndexEnd } from './index-appender.ts'
import { readOrNothing } from './index-bytes.ts'
import { type HeldAt, IndexDirectory } from './index-directory.ts'
import {
  CHECKPOINT_SIZE_MAX,
  type Checkpoint,
  CLOSED_SIZE,
  type Closed,
  type CutEntry,
  type Decoded,
  decodeDetached,
  firstState,
  type IndexState,
  isRecord,
  tagOf,
} from './index-entry.ts'
import {
  decodeHead,
  decodeHeadPrefix,
  decodeSet,
  HEAD_PREFIX_SIZE,
  INDEX_FORMAT_VERSION,
  type IndexHead,
  VERSION_OFFSET,
} from './index-header.ts'
import { IndexWindow, readAt } from './index-window.ts'
import { RunningDigest } from './running-digest.ts'

export interface ReadHead {
  readonly head: IndexHead
  readonly check: number
  readonly size: number
}

/**
 * Undefined when the file has no true head.
 * @throws OperationalError E_STORE_FORMAT when another version of Kingbus made it
 */
export function readHead(file: DiskFile): ReadHead | undefined {
  return readOrNothing(() => {
    const { version, size } = decodeHeadPrefix(readAt(file, 0, HEAD_PREFIX_SIZE))
    if (version !== INDEX_FORMAT_VERSION && !isOursDamaged(readAt(file, 0, size))) {
      const message = `${file.path} has format version ${version}; this program knows ${INDEX_FORMAT_VERSION}`
      throw new OperationalError('E_STORE_FORMAT', message, { file: file.path })
    }
    return { ...decodeHead(readAt(file, 0, size)), size }
  })
}

/** Whether a head of another version would be a true one of ours: then its version is what is damaged. */
function isOursDamaged(head: Buffer): boolean {
  // A size that is damaged, too, may be shorter than that.
  if (head.length < HEAD_PREFIX_SIZE) return false
  head.writeUInt8(INDEX_FORMAT_VERSION, VERSION_OFFSET)
  return readOrNothing(() => decodeHead(head)) !== undefined
}

/** How the file began, as the first entry says; undefined when that is not true. */
export function readBegin(file: DiskFile, head: ReadHead): FileBegin | undefined {
  const window = new IndexWindow(file, head.size)
  const { entry } = window.next(firstState(head.check, head.head.firstSequence)) ?? {}
  return entry?.kind === 'file-begin' ? entry.begin : undefined
}

/** The closing entry at the end of the index; undefined when there is none. */
export function readClosing(file: DiskFile): Closed | undefined {
  return readOrNothing(() => {
    const { entry } = decodeDetached(readAt(file, file.size() - CLOSED_SIZE, CLOSED_SIZE))
    return entry.kind === 'closed' ? entry : undefined
  })
}

/** The checkpoint before the closing entry; undefined when it is not true. */
export function readClosingCheckpoint(file: DiskFile, closing: Closed): Checkpoint | undefined {
  return readOrNothing(() => {
    const { entry } = decodeDetached(readAt(file, closing.lastCheckpoint, CHECKPOINT_SIZE_MAX))
    return entry.kind === 'checkpoint' ? entry : undefined
  })
}

/**
 * The GTIDs held at the end of a closed file; undefined when its last checkpoint has no true set.
 */
export function readClosingSet(file: DiskFile, closing: Closed): GtidSet | undefined {
  const at = closing.lastCheckpoint
  const entry = readClosingCheckpoint(file, closing)
  if (entry === undefined || entry.setDistance === 0) return undefined
  return readSet(file, at - entry.setDistance, entry.setDistance)?.held
}

/** The set that stands at `offset` of an index and is `size` bytes long; undefined when it is not true. */
export function readSet(file: DiskFile, offset: number, size: number): HeldAt | undefined {
  return readOrNothing(() => {
    const { entry } = decodeDetached(readAt(file, offset, size))
    if (entry.kind !== 'set') return undefined
    return { position: entry.position, held: decodeSet(entry.encoded) }
  })
}

/** The head and the checkpoints of the index of a closed file. */
interface Landmarks {
  readonly head: ReadHead
  readonly closing: Closed
  /** in the index's order */
  readonly checkpoints: ReadonlyArray<{
    readonly checkpoint: Checkpoint
    readonly offset: number
    readonly size: number
  }>
}

/**
 * From the closing entry backwards.
 * @throws OperationalError E_STORE_DAMAGED when the index of a closed file is not what was written
 */
export function readLandmarks(name: string, file: DiskFile): Landmarks {
  const head = readHead(file)
  const closing = readClosing(file)
  if (head === undefined || closing === undefined) {
    throw damaged(indexNameOf(name), 0, 'it lacks its head or its closing entry')
  }
  const found: Landmarks['checkpoints'][number][] = []
  for (let offset = closing.lastCheckpoint; offset > 0; ) {
    const read = readOrNothing(() => decodeDetached(readAt(file, offset, CHECKPOINT_SIZE_MAX)))
    if (read?.entry.kind !== 'checkpoint') {
      throw damaged(indexNameOf(name), offset, 'no checkpoint is there')
    }
    found.push({ checkpoint: read.entry, offset, size: read.next })
    offset = read.entry.previousDistance === 0 ? 0 : offset - read.entry.previousDistance
  }
  return { head, closing, checkpoints: found.reverse() }
}

/** @throws OperationalError as readLandmarks */
export function loadClosed(name: string, file: DiskFile, cache: ExtentsCache): IndexDirectory {
  const { head, checkpoints } = readLandmarks(name, file)
  const state = firstState(head.check, head.head.firstSequence)
  const directory = new IndexDirectory(name, file, cache, { headSize: head.size, state })
  for (const { checkpoint, offset, size } of checkpoints) {
    directory.addCheckpoint(checkpoint, offset, size)
  }
  return directory
}

export interface Scan {
  readonly head: IndexHead
  readonly begin: FileBegin
  readonly directory: IndexDirectory
  readonly end: IndexEnd
  /** a cut whose bytes may still be in the file */
  readonly cut: CutEntry | undefined
  /** the last purge: files before this one may still be there */
  readonly purgedUpTo: string | undefined
}

export interface ScanOptions {
  /** the last record that is read; what follows it is not, except that its cut is done */
  readonly upTo?: number
  /** is shown each entry that is read, with the state before and behind it */
  readonly sees?: (decoded: Decoded, before: IndexState, state: Readonly<IndexState>) => void
}

/** Reads all true entries; undefined when not even the head and the first entry are true. */
export function scanIndex(
  name: string,
  file: DiskFile,
  cache: ExtentsCache,
  options: ScanOptions = {},
): Scan | undefined {
  const head = readHead(file)
  if (head === undefined) return undefined
  const state = firstState(head.check, head.head.firstSequence)
  const directory = new IndexDirectory(name, file, cache, {
    headSize: head.size,
    state: { ...state },
  })
  const scan = new Scanner(new IndexWindow(file, head.size), state, directory, head.head.digest)
  scan.run(options)
  if (scan.begin?.name !== name) return undefined
  const { cut, purgedUpTo } = scan
  return { head: head.head, begin: scan.begin, directory, end: scan.end(), cut, purgedUpTo }
}

/** An entry that was read, with the state before it and its place. */
interface Passed {
  readonly decoded: Decoded
  readonly before: IndexState
  readonly offset: number
  readonly end: number
}

/** Behind a cut there is a checkpoint of another kind. */
function mayClose(entry: Decoded['entry']): boolean {
  return entry.kind === 'set' || (entry.kind === 'checkpoint' && entry.cut === undefined)
}

class Scanner {
  begin: FileBegin | undefined
  cut: CutEntry | undefined
  purgedUpTo: string | undefined
  readonly #window: IndexWindow
  readonly #state: IndexState
  readonly #directory: IndexDirectory
  readonly #digest: RunningDigest
  #checkpoint = 0
  #bytesSince = 0
  #recordsSince = 0
  #cutSince: CutEntry | undefined
  /** a set and the checkpoint behind it, which may be those of a file that was being closed */
  #closing: Passed[] = []

  constructor(window: IndexWindow, state: IndexState, directory: IndexDirectory, digest: Buffer) {
    this.#window = window
    this.#state = state
    this.#directory = directory
    this.#digest = new RunningDigest(digest)
  }

  run({ upTo = Number.POSITIVE_INFINITY, sees }: ScanOptions): void {
    for (;;) {
      const before = { ...this.#state }
      const offset = this.#window.offset
      const decoded = this.#window.next(this.#state)
      if (decoded === undefined) break
      const isBehind = before.sequence >= upTo && decoded.entry.kind !== 'cut-done'
      if (decoded.entry.kind === 'closed' || isBehind) {
        this.#endBefore({ before, offset })
        break
      }
      sees?.(decoded, before, this.#state)
      const passed = { decoded, before, offset, end: this.#window.offset }
      if (mayClose(decoded.entry)) {
        this.#closing.push(passed)
        continue
      }
      this.#takeClosing()
      this.#take(passed)
    }
    const [first] = this.#closing
    if (first !== undefined) this.#endBefore(first)
  }

  /**
   * A file that is to go on is open again: its closing entries are written over, also where the last of them is
   * missing: with a second checkpoint the running digest would be another than that which the next file goes on from.
   */
  #endBefore({ before, offset }: Pick<Passed, 'before' | 'offset'>): void {
    Object.assign(this.#state, before)
    this.#window.offset = offset
  }

  #takeClosing(): void {
    for (const passed of this.#closing) this.#take(passed)
    this.#closing = []
  }

  end(): IndexEnd {
    return {
      offset: this.#window.offset,
      state: this.#state,
      digest: this.#digest,
      checkpoint: this.#checkpoint,
      bytesSince: this.#bytesSince,
      recordsSince: this.#recordsSince,
      cut: this.#cutSince,
    }
  }

  #take({ decoded: { entry, recordCrc }, before, offset, end }: Passed): void {
    if (isRecord(entry)) {
      this.#digest.add(this.#state.sequence, this.#state.epoch, tagOf(entry.kind), recordCrc)
      this.#recordsSince += 1
    }
    this.#directory.follow(entry, offset, end - offset)
    switch (entry.kind) {
      case 'bytes':
        this.#bytesSince += entry.end - before.end
        return
      case 'file-begin':
        this.begin ??= entry.begin
        return
      case 'cut':
        this.cut = entry
        this.#cutSince = entry
        return
      case 'cut-done':
        this.cut = undefined
        return
      case 'purge':
        this.purgedUpTo = entry.upTo
        return
      case 'checkpoint':
        this.#digest.restart(entry.digest)
        this.#checkpoint = offset
        this.#bytesSince = 0
        this.#recordsSince = 0
        this.#cutSince = undefined
        return
      case 'epoch-start':
      case 'set':
      case 'closed':
        return
    }
  }
}
