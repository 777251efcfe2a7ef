/*
  What a log shows moves on when the cluster says how far all is committed. Where the GTIDs of the records are known,
  as on the leader, it does so within the call; else they are learned from the files first.
*/

import { assert, present } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import { damaged, readFailed } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { firstState } from '../index-file/index-entry.ts'
import { readHead } from '../index-file/index-scan.ts'
import { IndexWindow } from '../index-file/index-window.ts'
import { PendingRecords } from '../pending-records.ts'
import type { ReadableFiles } from '../readable-files.ts'
import type { Position } from '../record.ts'
import type { StoredFile } from '../stored-file.ts'
import { GtidLearner, type Place } from './gtid-learner.ts'
import type { LogRecord } from './log-record.ts'

const DONE = Promise.resolve()

interface ShowingOptions {
  readonly disk: Disk
  readonly files: ReadableFiles
  /** the file that has the record */
  readonly fileOf: (sequence: number) => StoredFile | undefined
  /** whether records before the first that is held are gone */
  readonly isPurged: () => boolean
  /** nothing is shown behind this record for now, whatever is asked */
  readonly limit: () => number
}

export class Showing {
  readonly #options: ShowingOptions
  readonly #learner: GtidLearner
  /** records that were appended since the log was opened */
  #pending = new PendingRecords(0)
  /** all is shown up to this record, and is to be up to that one */
  #shown = 0
  #wanted = 0
  /** up to this record there are some of which nobody has said what GTIDs they hold */
  #unknownUpTo = 0
  #isPurgedKnown = true
  #work: Promise<void> | undefined

  constructor(options: ShowingOptions) {
    this.#options = options
    this.#learner = new GtidLearner(options.disk, options.files)
  }

  /** The last record that is shown, or was asked to be. */
  get wanted(): number {
    return this.#wanted
  }

  /** The log was read from the disk, and ends there. */
  opened(end: number): void {
    this.#pending = new PendingRecords(end)
    this.#unknownUpTo = end
    if (this.#wanted === 0) this.#isPurgedKnown = end === 0
  }

  appended({ kind, sequence, gtids, fileBegin }: LogRecord): void {
    const { end, held } = this.#options.files
    const file = held.newest?.name
    const boundary = end && file !== undefined ? { file, position: end.boundary } : undefined
    const known = kind === 'file-begin' ? fileBegin?.held.union(fileBegin.contact) : gtids
    if (kind === 'bytes' && gtids === undefined) this.#unknownUpTo = sequence
    this.#pending.add({ boundary, gtids: known })
  }

  madeDurable(sequence: number): void {
    if (sequence > this.#pending.durable) this.#pending.markDurable(sequence)
  }

  /** GTIDs of all that was appended. A fresh object. */
  heldGtids(): GtidSet {
    const isKnown = this.#unknownUpTo <= this.#shown
    assert(isKnown, `what is held is known when record ${this.#unknownUpTo} is shown`)
    return this.#pending.heldWith(this.#options.files.executed(), this.#pending.appended)
  }

  /**
   * Shows what lies outside transactions up to a durable record, at once where its GTIDs are known.
   * @throws OperationalError E_STORE_DAMAGED: it is tried again with the next call
   */
  show(sequence: number): Promise<void> {
    assert(sequence <= this.#pending.durable, `record ${sequence} is shown before it is durable`)
    this.#wanted = Math.max(this.#wanted, sequence)
    return this.goOn()
  }

  /** Shows what was asked for and could not be shown. */
  goOn(): Promise<void> {
    if (this.#work !== undefined) return this.#work
    if (this.#target <= this.#shown) return DONE
    if (this.#isKnown) {
      this.#showTo(this.#target)
      return DONE
    }
    this.#work = this.#run().finally(() => {
      this.#work = undefined
    })
    return this.#work
  }

  /** The log drops its files and begins anew behind what is shown. */
  startedOver(): void {
    const { files } = this.#options
    files.addPurged(files.executed())
    this.#isPurgedKnown = false
  }

  /** Resolves when nothing is being read any more. */
  async settled(): Promise<void> {
    await this.#work?.catch(() => {})
  }

  /** Lets go of files that leave. */
  async leave(files: readonly StoredFile[]): Promise<void> {
    await this.#learner.leave(files)
  }

  async close(): Promise<void> {
    this.#wanted = this.#shown
    await this.settled()
    await this.#learner.close()
  }

  // ---- inside

  get #target(): number {
    return Math.min(this.#wanted, this.#options.limit())
  }

  get #isKnown(): boolean {
    return this.#unknownUpTo <= this.#shown && this.#isPurgedKnown
  }

  async #run(): Promise<void> {
    while (this.#shown < this.#target) {
      const to = this.#target
      if (this.#isKnown) this.#showTo(to)
      else await this.#learn(to).catch((thrown: unknown) => this.#refused(to, thrown))
    }
  }

  #refused(sequence: number, thrown: unknown): never {
    throw readFailed(this.#options.fileOf(sequence)?.name ?? 'the newest file', 0, thrown)
  }

  async #learn(to: number): Promise<void> {
    const { files } = this.#options
    const place = await this.#placeOf(to)
    if (place === undefined) return this.#showTo(to)
    const held = await this.#learner.heldAt(place)
    const purged = this.#isPurgedKnown ? undefined : await this.#purgedAt(place)
    files.executed().addAll(held)
    this.#commit(to)
    if (!this.#isPurgedKnown) files.addPurged(purged ?? files.executed())
    this.#isPurgedKnown = true
    files.show({ file: place.stored.name, position: place.position, sequence: to })
  }

  #showTo(to: number): void {
    const boundary = this.#commit(to)
    if (boundary !== undefined) this.#options.files.show({ ...boundary, sequence: to })
  }

  #commit(to: number): Position | undefined {
    this.#shown = to
    if (to <= this.#pending.committed) return undefined
    return this.#pending.commit(to, this.#options.files.executed())
  }

  async #purgedAt({ stored, position }: Place): Promise<GtidSet | undefined> {
    const { files } = this.#options
    const oldest = present(files.held.oldest, 'the oldest file')
    return await files.purgedBefore(oldest, oldest === stored ? position : oldest.size)
  }

  /** Undefined when no file has come up to this record, or nobody tells yet what is held there. */
  async #placeOf(sequence: number): Promise<Place | undefined> {
    const { files, fileOf, disk, isPurged } = this.#options
    const waiting = this.#pending.boundaryAt(sequence)
    if (waiting !== undefined) {
      const { file, position } = waiting
      return { stored: present(files.held.named(file), 'the file of a record'), position }
    }
    const stored = fileOf(sequence)
    if (stored === undefined) return undefined
    const position = await readBoundary(disk, stored, sequence)
    // What was before the file is told by its first events once the files before it are purged.
    const isOldest = isPurged() && stored === files.held.oldest
    if (isOldest && (await files.readPrevious(stored, position)) === undefined) return undefined
    return { stored, position }
  }
}

/** The last place between transactions that a record of a file knows. */
async function readBoundary(disk: Disk, stored: StoredFile, sequence: number): Promise<number> {
  const index = await disk.open(stored.indexPath, 'read')
  try {
    const head = readHead(index)
    if (head === undefined) throw damaged(indexNameOf(stored.name), 0, 'it lacks its head')
    const state = firstState(head.check, head.head.firstSequence)
    const window = new IndexWindow(index, head.size)
    while (state.sequence < sequence) {
      if (window.next(state) !== undefined) continue
      throw damaged(indexNameOf(stored.name), window.offset, `record ${sequence} is not there`)
    }
    return state.boundary
  } finally {
    await index.close()
  }
}
