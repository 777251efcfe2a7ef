/*
  How our files begin. A file that mirrors the source's has its bytes from the first one on and its name. Any other
  begins with a head of ours (file-head.ts), and takes the source's name where that comes after our last one:

    first contact inside a file         what follows in it
    another source, or the same again   what we do not hold yet, until a file of the source has nothing else
*/
import { type FileBegin, fileNameAfter, type Journal } from '../journal/index.ts'
import { crc32, type Logger, OperationalError, ProtocolError, present } from '../lib/index.ts'
import {
  checksumMatches,
  type DumpPlacement,
  decodePreviousGtids,
  FIRST_EVENT_POSITION,
  type GtidSet,
} from '../mysql/index.ts'
import type { FileHead, OpenDump, SourcePlace } from '../source/index.ts'
import { fileHead, restOfHead } from './file-head.ts'

export interface FileBeginnerOptions {
  readonly journal: Journal
  readonly logger: Logger
  /** does what gives the journal something, again until there is room for it */
  readonly give: <T>(give: () => Promise<T>, signal: AbortSignal) => Promise<T>
  /** told of each file how the one before began */
  readonly begun: (before: FileBegin | undefined) => void
}

/** The dump that files are begun from. */
export interface BeginningDump {
  readonly dump: Omit<OpenDump, 'stream'>
  readonly signal: AbortSignal
  /** GTIDs in the journal, kept up to date */
  readonly held: GtidSet
  /** the source's file that our newest one goes on with, where the source chooses what it sends */
  readonly openFile: string | undefined
}

type NewFile = Omit<FileBegin, 'sourceUuid'>

export class FileBeginner {
  readonly #options: FileBeginnerOptions

  constructor(options: FileBeginnerOptions) {
    this.#options = options
  }

  /** A file of which all bytes will come. */
  async mirror(
    from: BeginningDump,
    { file, position }: SourcePlace,
    purged: GtidSet | undefined,
  ): Promise<void> {
    const at = { sourcePosition: position, basePosition: position }
    await this.#begin(from, { name: file, sourceFile: file, ...at, purged })
  }

  /** Whether the first file of a dump is the one that our newest one goes on with. */
  isOpen({ dump, openFile }: BeginningDump, { file }: SourcePlace): boolean {
    if (dump.continues) return true
    const { origin } = this.#options.journal
    return dump.selects && openFile === file && origin?.sourceUuid === dump.profile.uuid
  }

  /** Goes on in our newest file, to which a crash may have left no head; says where what follows goes. */
  async goOn(from: BeginningDump, { format }: FileHead): Promise<DumpPlacement> {
    const { journal } = this.#options
    const end = present(journal.end, 'the file that goes on')
    const { basePosition, sourcePosition } = present(journal.origin, 'its origin')
    if (end.position >= basePosition) return this.#placement(end.position, false)
    const rest = restOfHead(format, from.held, end.position)
    const position = end.position + rest.length
    if (sourcePosition > FIRST_EVENT_POSITION && basePosition !== position) {
      throw new ProtocolError('the FORMAT_DESCRIPTION is not the one that the file was begun with')
    }
    await this.#append(rest, from.signal)
    return this.#placement(position, false)
  }

  /** Begins a file that need not mirror the source's; says where what follows its head goes. */
  async begin(
    from: BeginningDump,
    place: SourcePlace,
    { format, previous }: FileHead,
  ): Promise<DumpPlacement> {
    const { dump, held, signal } = from
    const { journal } = this.#options
    const { beginning } = dump
    if (beginning !== undefined && journal.origin === undefined) held.addAll(beginning.purged)
    const before = previous && gtidsBefore(previous)
    if (before !== undefined) refuseGap(before.subtract(held), place)
    await this.#completeHead(from, format)
    const name = this.#nameFor(place.file)
    const isMirror = before !== undefined && name === place.file && isWhole(from, before, place)
    const head = isMirror
      ? Buffer.concat([format, present(previous, 'the PREVIOUS_GTIDS')])
      : fileHead(format, held)
    const position = FIRST_EVENT_POSITION + head.length
    await this.#begin(from, {
      name,
      sourceFile: place.file,
      sourcePosition: place.position,
      basePosition: isMirror ? place.position : position,
      purged: journal.origin === undefined ? beginning?.purged : undefined,
    })
    await this.#append(head, signal)
    return this.#placement(position, isMirror)
  }

  /** A file that a crash has left without all of its head, and that another one follows, is whole with it. */
  async #completeHead({ held, signal }: BeginningDump, format: Buffer): Promise<void> {
    const { end, origin } = this.#options.journal
    if (end === undefined || origin === undefined) return
    const isWhole = end.position >= origin.basePosition && end.position > FIRST_EVENT_POSITION
    if (!isWhole) await this.#append(restOfHead(format, held, end.position), signal)
  }

  async #begin({ dump, signal }: BeginningDump, file: NewFile): Promise<void> {
    const { journal, logger, give, begun } = this.#options
    const before = journal.origin
    const begin = { ...file, sourceUuid: dump.profile.uuid }
    await give(() => journal.beginFile(begin), signal)
    begun(before)
    const { name, sourceFile } = file
    logger.info(
      { file: name, ...(name === sourceFile ? {} : { sourceFile }) },
      'a binlog file begins',
    )
  }

  #placement(position: number, mirrors: boolean): DumpPlacement {
    return { position, mirrors, nextName: (file) => this.#nameFor(file) }
  }

  #nameFor(sourceFile: string): string {
    const { origin } = this.#options.journal
    return origin === undefined ? sourceFile : fileNameAfter(origin.name, sourceFile)
  }

  async #append(head: Buffer, signal: AbortSignal): Promise<void> {
    const { journal, give } = this.#options
    const end = present(journal.end, 'the file that was begun')
    const whole = end.position + head.length
    for (let from = 0; from < head.length; from += HEAD_PIECE_BYTES) {
      const bytes = head.subarray(from, from + HEAD_PIECE_BYTES)
      const boundary = from + bytes.length === head.length ? whole : end.boundary
      const chunk = { bytes, crc: crc32(bytes), boundary, gtids: undefined, timestamp: 0 }
      await give(() => journal.append(chunk), signal)
    }
  }
}

const HEAD_PIECE_BYTES = 256 * 1024

function gtidsBefore(previous: Buffer): GtidSet {
  return decodePreviousGtids(previous, checksumMatches(previous) ? 'CRC32' : 'NONE')
}

/** What lies before a file and has not come would never come. */
function refuseGap(missing: GtidSet, { file }: SourcePlace): void {
  if (missing.isEmpty) return
  const gtids = missing.toLine()
  throw new OperationalError(
    'E_SOURCE_DIVERGED',
    `the source has transactions before its file ${file} that it did not send: ${gtids}; nothing behind them was ` +
      'taken: look into the error log of the source, and follow another one (kingbus source set)',
    { file, gtids },
  )
}

/** Nothing of what we hold comes in the source's file, or behind it. */
function isWhole(
  { dump, held }: BeginningDump,
  before: GtidSet,
  { position }: SourcePlace,
): boolean {
  if (position !== FIRST_EVENT_POSITION) return false
  return !dump.selects || held.subtract(before).subtract(dump.purged).isEmpty
}
