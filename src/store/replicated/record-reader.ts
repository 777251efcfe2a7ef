import { assert, crc32, present } from '../../lib/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged, readFailed } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import {
  firstState,
  type IndexState,
  isRecord,
  type RecordEntry,
} from '../index-file/index-entry.ts'
import { readHead } from '../index-file/index-scan.ts'
import { IndexWindow } from '../index-file/index-window.ts'
import type { RecoveryContext } from '../recovery/file-recovery.ts'
import type { StoredFile } from '../stored-file.ts'
import { readPreviousGtids } from '../walk/previous-gtids.ts'
import { readHeldAtEnd } from './gtid-learner.ts'
import type { LogGap } from './log-facts.ts'
import type { BeginFacts, LogBase, LogRecord } from './log-record.ts'
import type { LogCut } from './log-recovery.ts'

/** A record that was appended and has no entry in an index yet. */
export interface Unwritten {
  readonly record: LogRecord
  readonly start: number
}

/** What a reader asks of its log. */
export interface ReadableLog {
  readonly context: RecoveryContext
  readonly base: LogBase
  readonly end: number
  /** What a record is of which no file tells: one before the first file, or one without an entry yet. */
  unfiled(sequence: number): Unwritten | undefined
  /** The file that has the record, or is the newest. */
  fileOf(sequence: number): StoredFile | undefined
  /** The records that came without their bytes. */
  readonly gap: LogGap | undefined
  /** Where in the newest file cuts have taken bytes away; undefined for another file. */
  cutsOf(stored: StoredFile): readonly LogCut[] | undefined
  /** The last sequence before the file of this name; 0 when there is no such file any more. */
  floorOf(upTo: string): number
}

interface Opened {
  readonly stored: StoredFile
  readonly data: DiskFile
  readonly index: DiskFile
  readonly state: IndexState
  window: IndexWindow
  /** cuts of a file that is closed: all of them are done */
  readonly cuts: ReadonlyArray<Pick<LogCut, 'sequence' | 'to' | 'isDone'>>
}

interface Found {
  readonly record: LogRecord
  /** where its bytes begin */
  readonly start: number
}

/**
 * Reads the records of a log in their order, with their bytes, as far as these are there; one record in memory at a
 * time. Only of a log that is not cut back: a leader's.
 */
export class RecordReader {
  readonly #log: ReadableLog
  #next: number
  #opened: Opened | undefined

  constructor(log: ReadableLog, from: number) {
    this.#log = log
    this.#next = from
  }

  /**
   * The next record; undefined at the end of the log, durable or not.
   * @throws OperationalError E_STORE_DAMAGED, naming file and position
   */
  async next(): Promise<LogRecord | undefined> {
    const sequence = this.#next
    if (sequence > this.#log.end) return undefined
    assert(sequence > this.#log.base.sequence, `record ${sequence} is purged`)
    try {
      const record = await this.#read(sequence)
      this.#next = sequence + 1
      return record
    } catch (thrown) {
      throw readFailed(this.#log.fileOf(sequence)?.name ?? 'the log', 0, thrown)
    }
  }

  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    await opened?.data.close()
    await opened?.index.close()
  }

  // ---- inside

  async #read(sequence: number): Promise<LogRecord> {
    const unfiled = this.#log.unfiled(sequence)
    const found = unfiled ?? (await this.#find(sequence))
    const { stored, data } = unfiled === undefined ? this.#current() : await this.#openFor(unfiled)
    return await this.#filled(found, stored, data)
  }

  #current(): Opened {
    return present(this.#opened, 'the file that is read')
  }

  async #openFor({ record }: Unwritten): Promise<{ stored?: StoredFile; data?: DiskFile }> {
    return this.#log.fileOf(record.sequence) === undefined ? {} : await this.#open(record.sequence)
  }

  async #open(sequence: number): Promise<Opened> {
    const stored = present(this.#log.fileOf(sequence), 'the file of a record')
    if (this.#opened?.stored === stored) return this.#opened
    await this.close()
    const { disk } = this.#log.context
    const data = await disk.open(stored.path, 'read')
    let index: DiskFile | undefined
    try {
      index = await disk.open(stored.indexPath, 'read')
      const { state, window } = beginning(stored, index)
      const cuts = this.#log.cutsOf(stored) ?? readCuts(stored, index)
      const opened = { stored, data, index, state, window, cuts }
      this.#opened = opened
      return opened
    } catch (thrown) {
      await data.close()
      await index?.close()
      throw thrown
    }
  }

  async #find(sequence: number): Promise<Found> {
    const opened = await this.#open(sequence)
    const { state } = opened
    assert(state.sequence < sequence, `record ${sequence} is read a second time`)
    let isRenewed = false
    for (;;) {
      const start = state.end
      const decoded = opened.window.next(state)
      if (decoded === undefined) {
        const { name } = opened.stored
        if (isRenewed)
          throw damaged(indexNameOf(name), opened.window.offset, `no record ${sequence}`)
        // The index has grown.
        opened.window = new IndexWindow(opened.index, opened.window.offset)
        isRenewed = true
        continue
      }
      const { entry, recordCrc } = decoded
      if (!isRecord(entry) || state.sequence < sequence) continue
      return { record: await this.#describe(entry, state, recordCrc), start }
    }
  }

  async #describe(
    entry: RecordEntry,
    { sequence, epoch, end, boundary }: IndexState,
    crc: number,
  ): Promise<LogRecord> {
    const { kind } = entry
    const record = { sequence, epoch, kind, crc, end, boundary }
    if (entry.kind === 'bytes') return { ...record, timestamp: entry.timestamp }
    if (entry.kind === 'cut') return { ...record, divided: { start: entry.start, crc: entry.crc } }
    if (entry.kind === 'purge') {
      return { ...record, upTo: entry.upTo, floor: this.#log.floorOf(entry.upTo) }
    }
    if (entry.kind === 'epoch-start') return record
    return { ...record, fileBegin: await this.#beginFacts(sequence) }
  }

  async #beginFacts(sequence: number): Promise<BeginFacts> {
    const { stored, data } = this.#current()
    const { origin: begin, contact } = stored.facts
    const before = this.#log.fileOf(sequence - 1)
    const held = before && (await readHeldAtEnd(this.#log.context.disk, before))
    if (held !== undefined) return { begin, contact, held }
    const previous = await readPreviousGtids(data, data.size())
    return {
      begin,
      contact,
      held: typeof previous === 'string' ? contact : previous.union(contact),
    }
  }

  /** Adds the bytes that are there. */
  async #filled(
    { record, start }: Found,
    stored: StoredFile | undefined,
    data: DiskFile | undefined,
  ): Promise<LogRecord> {
    if (record.kind !== 'bytes') return record
    const { name } = present(stored, 'the file of bytes')
    const file = present(data, 'the file of bytes')
    const cuts = this.#opened?.cuts ?? []
    // Of the cuts behind a record the first one reaches back the furthest.
    const cut = (): number => {
      const next = cuts.find(({ sequence }) => sequence > record.sequence)
      const { gap } = this.#log
      const isInGap = gap?.file === name && gap.sequence <= record.sequence
      const to = next?.isDone === true ? next.to : isInGap ? gap.position : record.end
      return Math.max(start, Math.min(record.end, to))
    }
    const buffer = Buffer.allocUnsafe(cut() - start)
    const size = await file.readAsync(buffer, start).catch((thrown: unknown) => {
      throw readFailed(name, start, thrown)
    })
    // A cut may have been carried out meanwhile.
    const bytes = buffer.subarray(0, cut() - start)
    const isWhole = start + bytes.length === record.end
    if (size < bytes.length || (isWhole && crc32(bytes) !== record.crc)) {
      throw damaged(name, start, `the bytes up to ${record.end} are not those that were stored`)
    }
    return { ...record, bytes, ...(!isWhole && { isShort: true }) }
  }
}

function beginning(
  { name, facts }: StoredFile,
  index: DiskFile,
): { readonly state: IndexState; readonly window: IndexWindow } {
  const read = readHead(index)
  if (read === undefined) throw damaged(indexNameOf(name), 0, 'it lacks its head')
  return {
    state: firstState(read.check, facts.firstSequence),
    window: new IndexWindow(index, read.size),
  }
}

/** Of a file that is closed: a file begins only when every cut before it is done. */
function readCuts(stored: StoredFile, index: DiskFile): Opened['cuts'] {
  const { state, window } = beginning(stored, index)
  const cuts: Array<Opened['cuts'][number]> = []
  for (;;) {
    const decoded = window.next(state)
    if (decoded === undefined) return cuts
    if (decoded.entry.kind !== 'cut') continue
    cuts.push({ sequence: state.sequence, to: decoded.entry.to, isDone: true })
  }
}
