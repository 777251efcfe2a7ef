import { assert, type OperationalError, present } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import { ActiveFile } from '../active-file.ts'
import type { LogEnd } from '../binlog-store.ts'
import { damaged, diskFull } from '../disk-error.ts'
import { createFile } from '../file-create.ts'
import { type Divided, ExtentsCache } from '../index-file/extents.ts'
import type { LastTransaction } from '../lookup/last-transaction.ts'
import { readAnew } from '../read-anew.ts'
import { ReadableFiles, ReadableStore } from '../readable-files.ts'
import { type FileBegin, RECORD_BYTES_MAX } from '../record.ts'
import type { RecoveryContext } from '../recovery/file-recovery.ts'
import type { StoredFile } from '../stored-file.ts'
import { FailureLatch } from './failure-latch.ts'
import { LogContents } from './log-contents.ts'
import { prefaceDigest, readDigest } from './log-digest.ts'
import { type LogFacts, type LogGap, writeLogFacts } from './log-facts.ts'
import type { BeginFacts, LogBase, LogPoint, LogRecord, LogRemoval } from './log-record.ts'
import { floorOf, type LogCut, type LogOptions, recoverLog } from './log-recovery.ts'
import { truncateFiles } from './log-truncation.ts'
import { type ReadableLog, RecordReader, type Unwritten } from './record-reader.ts'
import { Showing } from './showing.ts'

const INDEX_RECORDS_CACHED = 1_000_000

/**
 * The binlog files of a channel as the log of a node in a cluster: the same files and indexes, but records carry the
 * epochs that leaders gave them, a record is durable when its entry is, bytes go in a second step, and the newest
 * records can be taken back. What readers see of it moves on by `show` alone.
 *
 * One of `append`, `sync`, `truncate`, ... at a time, except that bytes may be appended during a sync. `show` may be
 * called at any time.
 */
export class ReplicatedLog extends ReadableStore implements ReadableLog {
  readonly #context: RecoveryContext
  readonly #showing: Showing
  #contents!: LogContents
  readonly #latch: FailureLatch

  private constructor(options: LogOptions) {
    super(new ReadableFiles(options))
    const cache = new ExtentsCache(INDEX_RECORDS_CACHED)
    const known = () => {
      const shown = this.visible.value
      return shown && { ...shown, held: this.executed() }
    }
    const met = (damage: OperationalError): void => this.alarms.met(damage)
    this.#context = { ...options, cache, checkpoints: { known }, met }
    this.#latch = new FailureLatch(options.folder)
    this.#showing = new Showing({
      disk: options.disk,
      files: this.readable,
      fileOf: (sequence) => this.fileOf(sequence),
      isPurged: () => this.base.sequence > 0,
      limit: () => (this.gap?.sequence ?? Number.POSITIVE_INFINITY) - 1,
    })
  }

  /**
   * Everything that it finds is durable when it returns; nothing is shown yet.
   * @throws OperationalError E_STORE_DAMAGED (file and position in its context), E_STORE_FORMAT
   */
  static async open(options: LogOptions): Promise<ReplicatedLog> {
    const log = new ReplicatedLog(options)
    await log.#load()
    return log
  }

  /**
   * Goes on after a failure, from what was durable; whoever reads is not disturbed.
   * @throws OperationalError: it has failed still. Where its reaction is `pause`, this may be tried again
   */
  async reopen(): Promise<void> {
    this.#latch.release()
    await this.#latch.guard(() => readAnew(this.#context, this.readable, () => this.#load()))
  }

  // ---- what it holds

  get base(): LogBase {
    return this.#facts.base
  }

  /** for each epoch its last sequence, of purged records too */
  get lineage(): readonly LogPoint[] {
    return this.#contents.lineage
  }

  /** sequence of the last record; that of the base when there is none */
  get end(): number {
    return this.#contents.written
  }

  get durable(): number {
    return this.#contents.durable
  }

  /** how the newest file ends by the records, whether or not a cut's bytes are gone */
  get tail(): { readonly end: number; readonly boundary: number } {
    const { base } = this.#facts
    if (this.#active === undefined) return base.tail
    return { end: this.#active.end, boundary: this.#active.boundary }
  }

  /** cuts and purges whose bytes are still there, oldest first */
  get removals(): readonly LogRemoval[] {
    return this.#contents.removals
  }

  /** why nothing can be written any more; undefined while it can */
  get failure(): OperationalError | undefined {
    return this.#latch.failure
  }

  /** Oldest first, those too that are not shown yet. */
  filesHeld(): ReadonlyArray<{ readonly name: string; readonly firstSequence: number }> {
    return this.#all.map(({ name, facts }) => ({ name, firstSequence: facts.firstSequence }))
  }

  // ---- for who serves

  /**
   * Shows what lies outside transactions up to a durable record that is committed; never less than before. Where the
   * GTIDs of all records up to there are known, that is done when the call returns. While the bytes of a cut are to go
   * that came without them, no more is shown than what is before it.
   * @throws OperationalError E_STORE_DAMAGED: no more is shown; the next call tries again
   */
  show(sequence: number): Promise<void> {
    return this.#showing.show(sequence)
  }

  // ---- for the journal

  /** end of what was appended, durable or not; undefined before the first file */
  get appended(): LogEnd | undefined {
    return this.readable.end
  }

  /**
   * GTIDs of everything appended up to `appended.boundary`, the purged ones too; once all is shown that was appended
   * without its GTIDs. A fresh object.
   */
  heldGtids(): GtidSet {
    return this.#showing.heldGtids()
  }

  /** A disk that does not give it has failed. @throws OperationalError as `ReadableFiles.lastTransaction` */
  override lastTransaction(): Promise<LastTransaction | undefined> {
    return this.#latch.needing(() => super.lastTransaction())
  }

  // ---- for other nodes

  /** @throws OperationalError E_STORE_DAMAGED */
  async digestAt(sequence: number): Promise<string> {
    const { base, preface } = this.#facts
    assert(sequence >= base.sequence, `record ${sequence} is purged`)
    assert(sequence <= this.end, `record ${sequence} is not there`)
    if (sequence > this.durable) await this.sync()
    const inPreface = sequence - base.sequence
    if (inPreface <= preface.length) return prefaceDigest(this.#facts, inPreface).toString('hex')
    const stored = present(this.fileOf(sequence), 'the file of a record')
    const newest = sequence === this.end ? this.#active : undefined
    if (newest !== undefined) return newest.digest().toString('hex')
    const after = this.#all[this.#all.indexOf(stored) + 1]
    return (await readDigest(this.#context.disk, { stored, after }, sequence)).toString('hex')
  }

  /** The records from this sequence on, which must not be purged; ends where the log ends now, and goes on later. */
  read(from: number): RecordReader {
    return new RecordReader(this, from)
  }

  // ---- for the reader of records

  get context(): RecoveryContext {
    return this.#context
  }

  unfiled(sequence: number): Unwritten | undefined {
    return this.#contents.unfiled(sequence)
  }

  fileOf(sequence: number): StoredFile | undefined {
    return this.#all.findLast(({ facts }) => facts.firstSequence <= sequence)
  }

  cutsOf(stored: StoredFile): readonly LogCut[] | undefined {
    return this.#active?.stored === stored ? this.#contents.cuts : undefined
  }

  get gap(): LogGap | undefined {
    return this.#contents.gap
  }

  /** The last sequence before the file; 0 when it is the first, or not there. */
  floorOf(upTo: string): number {
    return floorOf(upTo, this.#all)
  }

  /** What a file-begin says, of a file that begins behind all that was appended. */
  beginFacts(begin: FileBegin): BeginFacts {
    const before = this.readable.held.newest?.facts.contact ?? GtidSet.empty()
    const contact = begin.purged === undefined ? before : before.union(begin.purged)
    return { begin, contact, held: this.heldGtids() }
  }

  // ---- writing

  /**
   * Writes records behind the log, in their order. Bytes go into the page cache at once; the other kinds may sync
   * what is before them.
   * @throws OperationalError E_STORE_WRITE, E_DISK_FULL: nothing more can be written until the next start
   */
  async append(records: readonly LogRecord[]): Promise<void> {
    for (const record of records) {
      if (record.kind !== 'bytes') await this.#latch.guard(() => this.#appendOther(record))
      else if (this.#sizeOf(record) === record.bytes?.length) await this.appendBytes(record)
      else await this.#latch.guard(() => this.#appendShort(record))
    }
  }

  /** A record with all its bytes. Where the disk does not answer at once, what is returned resolves when it has. */
  appendBytes(record: LogRecord): Promise<void> | undefined {
    this.#checkNext(record)
    const { sequence, bytes = Buffer.alloc(0) } = record
    assert(bytes.length === this.#sizeOf(record), `record ${sequence} has lost bytes`)
    assert(this.gap === undefined, `record ${sequence} has bytes behind one that has lost some`)
    return this.#writeBytes(record, bytes)
  }

  /** The gap is known before there is one. */
  async #appendShort(record: LogRecord): Promise<void> {
    this.#checkNext(record)
    const { sequence, bytes = Buffer.alloc(0) } = record
    const { end: start, stored } = present(this.#active, 'the current file')
    assert(bytes.length < this.#sizeOf(record), `record ${sequence} has too many bytes`)
    assert(this.gap === undefined || bytes.length === 0, `record ${sequence} has bytes in a gap`)
    if (this.gap === undefined) {
      await this.#syncAll()
      const gap = { file: stored.name, sequence, start, position: start + bytes.length }
      await this.#write({ ...this.#facts, gap })
    }
    await this.#writeBytes(record, bytes)
  }

  #sizeOf({ end }: LogRecord): number {
    return end - present(this.#active, 'the current file').end
  }

  #writeBytes(record: LogRecord, bytes: Uint8Array): Promise<void> | undefined {
    const active = present(this.#active, 'the current file')
    const { sequence, crc, boundary, epoch, timestamp = 0 } = record
    const size = this.#sizeOf(record)
    const start = active.end
    assert(size > 0 && size <= RECORD_BYTES_MAX, `record ${sequence} has ${size} bytes`)
    const facts = { crc, boundary, timestamp, epoch, size }
    const late = this.#latch.writing(() => active.write(bytes, facts))
    if (late !== undefined) return late.then(() => this.#noteAppended(record, start))
    this.#noteAppended(record, start)
    return undefined
  }

  async #appendOther(record: LogRecord): Promise<void> {
    this.#checkNext(record)
    const { kind, epoch } = record
    if (kind === 'file-begin') return await this.#beginFile(record)
    const active = this.#active
    if (active === undefined) {
      assert(kind === 'epoch-start', `a ${kind} before the first file`)
      this.#contents.facts = { ...this.#facts, preface: [...this.#facts.preface, epoch] }
      this.#contents.isPrefaceNew = true
    } else if (kind === 'cut') {
      return await this.#beginCut(active, record)
    } else if (kind === 'purge') {
      const upTo = present(record.upTo, 'the first file that stays')
      active.add({ kind, epoch, upTo })
      const floor = floorOf(upTo, this.#all)
      this.#addRemoval({ kind, sequence: record.sequence, floor })
      return this.#noteAppended({ ...record, floor }, active.end)
    } else {
      active.add({ kind: 'epoch-start', epoch })
    }
    this.#noteAppended(record, active?.end ?? 0)
  }

  /**
   * Makes what was appended before the call durable: bytes first, then the entries that name their epochs. Returns
   * the last durable sequence.
   * @throws OperationalError as append
   */
  async sync(): Promise<number> {
    return await this.#latch.guard(async () => {
      const upTo = this.end
      if (this.#contents.isPrefaceNew) {
        this.#contents.isPrefaceNew = false
        await this.#write(this.#facts)
      }
      const active = this.#active
      if (active?.unsynced === true) {
        // The CRC of a record that has lost bytes does not tell whether the rest is there.
        if (this.gap !== undefined) await active.syncBytes()
        await active.syncWithIndex()
      }
      this.#noteDurable(upTo)
      return this.durable
    })
  }

  // ---- taking records and bytes back

  /**
   * Takes every record behind `to` away, newest first; what their bytes were is kept in `lost+found/`, as far as
   * there is room. @throws OperationalError as append
   */
  async truncate(to: number): Promise<void> {
    const { base } = this.#facts
    assert(to >= base.sequence && to <= this.end, `the log is cut to ${to}`)
    assert(to >= this.#showing.wanted, `the log is cut to ${to}, before what is shown`)
    await this.#latch.guard(async () => {
      await this.#syncAll()
      await this.#active?.pause()
      const purges = this.#facts.purges.filter(({ sequence }) => sequence <= to)
      if (purges.length < this.#facts.purges.length) await this.#write({ ...this.#facts, purges })
      const keepDone = (cutDone: number) => this.#write({ ...this.#facts, cutDone })
      await truncateFiles(this.#context, { files: this.#all, to, keepDone })
      // The files name the record that they go on from, so those before them go last.
      const preface = this.#facts.preface.slice(0, to - base.sequence)
      if (preface.length < this.#facts.preface.length)
        await this.#write({ ...this.#facts, preface })
      await this.#load()
      assert(this.end === to, `the log was cut to ${to} and ends at ${this.end}`)
    })
  }

  /** Drops all records; the log begins anew behind `base`. @param lineage up to there. @throws as append */
  async startOver(base: LogBase, lineage: readonly LogPoint[]): Promise<void> {
    assert(base.sequence >= this.#showing.wanted, 'a log begins anew before what is shown')
    await this.#showing.settled()
    await this.#latch.guard(async () => {
      await this.#active?.pause()
      const version = this.#facts.version
      const nothing = { preface: [], closed: [], purges: [], isStartingOver: true }
      await this.#showing.leave(this.#all)
      await this.#write({ version, base, lineage, ...nothing })
      await this.#load()
      this.#showing.startedOver()
    })
  }

  /**
   * The bytes go that a committed cut or purge gives up; durable when it resolves. Done again, it does nothing.
   * @throws OperationalError as append
   */
  async remove({ kind, sequence }: LogRemoval): Promise<void> {
    const removal = this.removals.find((one) => one.sequence === sequence)
    if (removal === undefined) return
    // What stays is shown before what goes is gone.
    const isShown = kind === 'purge' && this.visible.value !== undefined
    await this.#latch.guard(() => this.#syncAll())
    if (isShown) await this.show(removal.floor + 1)
    await this.#latch.guard(async () => {
      if (kind === 'cut') await this.#finishCut(sequence)
      else await this.#removeFiles(removal.floor)
    })
    this.#contents.removals = this.removals.filter((one) => one.sequence !== sequence)
    // Whoever asks to show more is told of what goes wrong.
    if (kind === 'cut') await this.#showing.goOn().catch(() => {})
  }

  async #finishCut(sequence: number): Promise<void> {
    const cut = present(
      this.#contents.cuts.find((one) => one.sequence === sequence),
      'a cut that waits',
    )
    cut.isDone = true
    await present(this.#active, 'the current file').finishCut(cut.to, cut)
    if (this.gap !== undefined) await this.#write({ ...this.#facts, gap: undefined })
  }

  /** The base is durable before the first file goes, so that a crash in between goes on with it. */
  async #removeFiles(floor: number): Promise<void> {
    const { base } = this.#facts
    const first = this.#all.findIndex(({ facts }) => facts.firstSequence === floor + 1)
    const staying = this.#all[first]
    if (floor <= base.sequence || first < 1 || staying === undefined) return
    const leaving = this.#all.slice(0, first)
    const end = present(leaving.at(-1), 'the last file that goes').size
    await this.#write(this.#contents.purgedTo(floor, await this.digestAt(floor), end))
    await this.#showing.leave(leaving)
    if (this.visible.value !== undefined) {
      this.readable.addPurged(await this.readable.previousGtids(staying.name))
    }
    this.readable.held.hideOldest(first)
    await this.readable.held.removeHidden()
  }

  /** Closes the files; what was not synced may be lost. */
  async close(): Promise<void> {
    await this.#showing.close()
    const active = this.#active
    this.readable.active = undefined
    await active?.letGo()
  }

  // ---- inside

  get #facts(): LogFacts {
    return this.#contents.facts
  }

  get #all(): readonly StoredFile[] {
    return this.readable.held.all
  }

  get #active(): ActiveFile | undefined {
    return this.readable.active
  }

  /** Takes over what is on the disk; a file that was here before stays the one that its readers have. */
  async #load(): Promise<void> {
    const recovered = await recoverLog(this.#context)
    const { wanted } = this.#showing
    if (recovered.end < wanted) {
      throw damaged('log.json', 0, `the log ends at ${recovered.end}, and ${wanted} was shown`)
    }
    await this.readable.renew(recovered.files, recovered.last)
    this.#contents = new LogContents(recovered)
    this.#showing.opened(recovered.end)
  }

  async #beginFile(record: LogRecord): Promise<void> {
    const { begin, contact, held } = present(record.fileBegin, 'how the file begins')
    await this.#syncAll()
    const previous = this.#active
    assert(previous?.boundary === previous?.end, 'a file begins inside a transaction')
    // Of a file that is closed the next start looks for no purges, and may not find its epochs.
    const purges = this.#contents.purges(this.#all)
    if (previous !== undefined) await this.#write({ ...this.#facts, purges, closed: this.lineage })
    const digest = previous?.digest() ?? prefaceDigest(this.#facts)
    await previous?.close(held)
    const { sequence: firstSequence, epoch } = record
    const origin = begin
    const fresh = { origin, firstSequence, contact, rebuilt: false, digest, epoch }
    const made = await createFile(this.#context, fresh)
    this.readable.active = await ActiveFile.take(made)
    this.readable.held.add(made.stored)
    this.#contents.cuts = []
    this.#noteAppended(record, 4)
    this.#noteDurable(record.sequence)
  }

  async #beginCut(active: ActiveFile, record: LogRecord): Promise<void> {
    const { sequence, epoch, end: to } = record
    assert(!this.#contents.hasCutThatWaits, 'a cut while another waits')
    await this.#syncAll()
    const divided = await active.beginCut(to, epoch, record.divided ?? this.#dividedInGap(to))
    if (!active.isIndexWritten) throw diskFull(active.stored.indexPath, undefined)
    this.#contents.cuts.push({ sequence, to, ...divided, isDone: false })
    this.#addRemoval({ kind: 'cut', sequence, floor: 0 })
    this.#noteAppended(record, to)
    this.#noteDurable(sequence)
  }

  /** Of the record that has lost its end nobody else tells what is left. */
  #dividedInGap(to: number): Divided | undefined {
    const { gap } = this
    if (gap === undefined || to <= gap.start) return undefined
    return present(this.#active, 'the current file').measure(gap.start, to)
  }

  #addRemoval(removal: LogRemoval): void {
    this.#contents.removals = [...this.removals, removal]
  }

  async #syncAll(): Promise<void> {
    while (this.durable < this.end) await this.sync()
  }

  #checkNext(record: LogRecord): void {
    this.#latch.check()
    this.#contents.checkNext(record)
  }

  #noteAppended(record: LogRecord, start: number): void {
    this.#contents.appended(record, start)
    this.#showing.appended(record)
  }

  #noteDurable(sequence: number): void {
    this.#contents.madeDurable(sequence)
    this.#showing.madeDurable(sequence)
  }

  async #write(facts: LogFacts): Promise<void> {
    await writeLogFacts(this.#context.disk, this.#context.folder, facts)
    this.#contents.facts = facts
  }
}
