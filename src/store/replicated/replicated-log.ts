import { assert, type Logger, OperationalError, present } from '../../lib/index.ts'
import { GtidSet } from '../../mysql/index.ts'
import type { Disk } from '../../platform/index.ts'
import { ActiveFile } from '../active-file.ts'
import { damaged, diskFull, isDiskFull, writeFailed } from '../disk-error.ts'
import { createFile } from '../file-create.ts'
import { ExtentsCache } from '../index-file/extents.ts'
import { IndexWalk } from '../index-file/index-walk.ts'
import { RECORD_BYTES_MAX } from '../record.ts'
import type { RecoveryContext } from '../recovery/file-recovery.ts'
import type { StoredFile } from '../stored-file.ts'
import { type LogFacts, writeLogFacts } from './log-facts.ts'
import type { LogBase, LogPoint, LogRecord, LogRemoval } from './log-record.ts'
import { type LogCut, recoverLog, removeFiles } from './log-recovery.ts'
import { truncateFiles } from './log-truncation.ts'
import { prefaceDigest } from './preface.ts'
import { type ReadableLog, RecordReader, type Unwritten } from './record-reader.ts'

const NO_ENTRY = 'no true entry is there'
const INDEX_RECORDS_CACHED = 1_000_000

export interface ReplicatedLogOptions {
  readonly disk: Disk
  /** DATA-DIR/binlogs */
  readonly folder: string
  readonly storeId: string
  readonly logger: Logger
}

/**
 * The binlog files of a channel as the log of a node in a cluster: the same files and indexes, but records carry the
 * epochs that leaders gave them, a record is durable when its entry is, bytes go in a second step, and the newest
 * records can be taken back.
 *
 * One of `append`, `sync`, `truncate`, ... at a time, except that bytes may be appended during a sync.
 */
export class ReplicatedLog implements ReadableLog {
  readonly #context: RecoveryContext
  #facts!: LogFacts
  #files: StoredFile[] = []
  #active: ActiveFile | undefined
  #cuts: LogCut[] = []
  #lineage: readonly LogPoint[] = []
  #removals: readonly LogRemoval[] = []
  #written = 0
  #durable = 0
  #unwritten: Unwritten[] = []
  #isPrefaceNew = false
  #failure: OperationalError | undefined

  private constructor(options: ReplicatedLogOptions) {
    const cache = new ExtentsCache(INDEX_RECORDS_CACHED)
    this.#context = { ...options, cache, checkpoints: 'by records' }
  }

  /**
   * Everything that it finds is durable when it returns.
   * @throws OperationalError E_STORE_DAMAGED (file and position in its context), E_STORE_FORMAT
   */
  static async open(options: ReplicatedLogOptions): Promise<ReplicatedLog> {
    const log = new ReplicatedLog(options)
    await log.#load()
    return log
  }

  // ---- what it holds

  get base(): LogBase {
    return this.#facts.base
  }

  /** for each epoch its last sequence, of purged records too */
  get lineage(): readonly LogPoint[] {
    return this.#lineage
  }

  /** sequence of the last record; that of the base when there is none */
  get end(): number {
    return this.#written
  }

  get durable(): number {
    return this.#durable
  }

  /** how the newest file ends by the records, whether or not a cut's bytes are gone */
  get tail(): { readonly end: number; readonly boundary: number } {
    const { base } = this.#facts
    if (this.#active === undefined) return base.tail
    return { end: this.#active.end, boundary: this.#active.boundary }
  }

  /** cuts and purges whose bytes are still there, oldest first */
  get removals(): readonly LogRemoval[] {
    return this.#removals
  }

  /** why nothing can be written any more; undefined while it can */
  get failure(): OperationalError | undefined {
    return this.#failure
  }

  /** oldest first */
  files(): ReadonlyArray<{ readonly name: string; readonly firstSequence: number }> {
    return this.#files.map(({ name, facts }) => ({ name, firstSequence: facts.firstSequence }))
  }

  /** @throws OperationalError E_STORE_DAMAGED */
  async digestAt(sequence: number): Promise<string> {
    const { base, preface } = this.#facts
    assert(sequence >= base.sequence, `record ${sequence} is purged`)
    assert(sequence <= this.#written, `record ${sequence} is not there`)
    if (sequence > this.#durable) await this.sync()
    const inPreface = sequence - base.sequence
    if (inPreface <= preface.length) return prefaceDigest(this.#facts, inPreface).toString('hex')
    const newest = present(this.#active, 'the newest file')
    if (sequence === this.#written) return newest.digest().toString('hex')
    const stored = present(this.#fileOf(sequence), 'the file of a record')
    const index = await this.#context.disk.open(stored.indexPath, 'read')
    try {
      const walk = present(IndexWalk.open(index), 'the head of an index')
      while (walk.state.sequence < sequence) {
        if (walk.next() === undefined) throw damaged(`${stored.name}.idx`, walk.offset, NO_ENTRY)
      }
      return walk.digest().toString('hex')
    } finally {
      await index.close()
    }
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
    const { base, preface } = this.#facts
    const epoch = preface[sequence - base.sequence - 1]
    if (epoch === undefined) {
      return this.#unwritten.find(({ record }) => record.sequence === sequence)
    }
    const { end, boundary } = base.tail
    return { record: { sequence, epoch, kind: 'epoch-start', crc: 0, end, boundary }, start: end }
  }

  fileOf(sequence: number): StoredFile | undefined {
    return this.#fileOf(sequence)
  }

  cutsOf(stored: StoredFile): readonly LogCut[] | undefined {
    return this.#active?.stored === stored ? this.#cuts : undefined
  }

  // ---- writing

  /**
   * Writes records behind the log, in their order. Bytes go into the page cache at once; the other kinds may sync
   * what is before them.
   * @throws OperationalError E_STORE_WRITE, E_DISK_FULL: nothing more can be written until the next start
   */
  async append(records: readonly LogRecord[]): Promise<void> {
    for (const record of records) {
      if (record.kind === 'bytes') this.appendBytes(record)
      else await this.#guard(() => this.#appendOther(record))
    }
  }

  appendBytes(record: LogRecord): void {
    this.#checkNext(record)
    const active = present(this.#active, 'the current file')
    const { sequence, bytes = Buffer.alloc(0), crc, end, boundary, epoch, timestamp = 0 } = record
    const start = active.end
    assert(end - start <= RECORD_BYTES_MAX, `record ${sequence} has ${end - start} bytes`)
    assert(bytes.length === end - start, `record ${sequence} has lost bytes`)
    try {
      active.write(bytes, { crc, boundary, timestamp, epoch })
    } catch (thrown) {
      throw this.#fail(thrown)
    }
    this.#noteAppended({ record, start })
  }

  async #appendOther(record: LogRecord): Promise<void> {
    this.#checkNext(record)
    const { kind, epoch } = record
    if (kind === 'file-begin') return await this.#beginFile(record)
    const active = this.#active
    if (active === undefined) {
      assert(kind === 'epoch-start', `a ${kind} before the first file`)
      this.#facts = { ...this.#facts, preface: [...this.#facts.preface, epoch] }
      this.#isPrefaceNew = true
    } else if (kind === 'cut') {
      return await this.#beginCut(active, record)
    } else if (kind === 'purge') {
      const upTo = present(record.upTo, 'the first file that stays')
      active.add({ kind, epoch, upTo })
      const floor = this.#floorOf(upTo)
      this.#removals = [...this.#removals, { kind, sequence: record.sequence, floor }]
    } else {
      active.add({ kind: 'epoch-start', epoch })
    }
    this.#noteAppended({ record, start: active?.end ?? 0 })
  }

  /**
   * Makes what was appended before the call durable: bytes first, then the entries that name their epochs. Returns
   * the last durable sequence.
   * @throws OperationalError as append
   */
  async sync(): Promise<number> {
    return await this.#guard(async () => {
      const upTo = this.#written
      if (this.#isPrefaceNew) {
        this.#isPrefaceNew = false
        await this.#write(this.#facts)
      }
      const active = this.#active
      if (active?.unsynced === true) {
        await active.sync()
        active.writeIndex(() => GtidSet.empty())
        if (!active.isIndexWritten) throw diskFull(active.stored.indexPath, undefined)
        await active.syncIndex()
      }
      this.#noteDurable(upTo)
      return this.#durable
    })
  }

  // ---- taking records and bytes back

  /**
   * Takes every record behind `to` away, newest first; what their bytes were is kept in `lost+found/`, as far as
   * there is room. @throws OperationalError as append
   */
  async truncate(to: number): Promise<void> {
    const { base } = this.#facts
    assert(to >= base.sequence && to <= this.#written, `the log is cut to ${to}`)
    await this.#guard(async () => {
      await this.#syncAll()
      await this.close()
      const purges = this.#facts.purges.filter(({ sequence }) => sequence <= to)
      if (purges.length < this.#facts.purges.length) await this.#write({ ...this.#facts, purges })
      await truncateFiles(this.#context, this.#files, to)
      // The files name the record that they go on from, so those before them go last.
      const preface = this.#facts.preface.slice(0, to - base.sequence)
      if (preface.length < this.#facts.preface.length || this.#isPrefaceNew) {
        await this.#write({ ...this.#facts, preface })
      }
      await this.#load()
      assert(this.#written === to, `the log was cut to ${to} and ends at ${this.#written}`)
    })
  }

  /** Drops all records; the log begins anew behind `base`. @param lineage up to there. @throws as append */
  async startOver(base: LogBase, lineage: readonly LogPoint[]): Promise<void> {
    await this.#guard(async () => {
      await this.close()
      const version = this.#facts.version
      const nothing = { preface: [], purges: [], isStartingOver: true }
      await this.#write({ version, base, lineage, ...nothing })
      await this.#load()
    })
  }

  /**
   * The bytes go that a committed cut or purge gives up; durable when it resolves. Done again, it does nothing.
   * @throws OperationalError as append
   */
  async remove({ kind, sequence }: LogRemoval): Promise<void> {
    const removal = this.#removals.find((one) => one.sequence === sequence)
    if (removal === undefined) return
    await this.#guard(async () => {
      await this.#syncAll()
      if (kind === 'cut') await this.#finishCut(sequence)
      else await this.#removeFiles(removal.floor)
    })
    this.#removals = this.#removals.filter((one) => one.sequence !== sequence)
  }

  async #finishCut(sequence: number): Promise<void> {
    const cut = present(
      this.#cuts.find((one) => one.sequence === sequence),
      'a cut that waits',
    )
    cut.isDone = true
    await present(this.#active, 'the current file').finishCut(cut.to, cut)
  }

  /** The base is durable before the first file goes, so that a crash in between goes on with it. */
  async #removeFiles(floor: number): Promise<void> {
    const { base } = this.#facts
    const first = this.#files.findIndex(({ facts }) => facts.firstSequence === floor + 1)
    if (floor <= base.sequence || first < 1) return
    const leaving = this.#files.slice(0, first)
    const end = present(leaving.at(-1), 'the last file that goes').size
    const digest = await this.digestAt(floor)
    const epoch = this.#lineage.find((point) => point.sequence >= floor)?.epoch ?? 0
    const before = this.#lineage.filter((point) => point.sequence < floor)
    await this.#write({
      ...this.#facts,
      base: { epoch, sequence: floor, digest, tail: { end, boundary: end } },
      lineage: [...before, { epoch, sequence: floor }],
      preface: [],
    })
    this.#files = this.#files.slice(first)
    await removeFiles(
      this.#context,
      leaving.map(({ name }) => name),
    )
  }

  /** Closes the files; what was not synced may be lost. */
  async close(): Promise<void> {
    const active = this.#active
    this.#active = undefined
    await active?.letGo()
  }

  // ---- inside

  async #load(): Promise<void> {
    const recovered = await recoverLog(this.#context)
    this.#facts = recovered.facts
    this.#files = recovered.files
    this.#active = recovered.last && new ActiveFile(recovered.last)
    this.#cuts = recovered.cuts
    this.#lineage = recovered.lineage
    this.#removals = recovered.removals
    this.#written = recovered.end
    this.#durable = recovered.end
    this.#unwritten = []
    this.#isPrefaceNew = false
  }

  async #beginFile(record: LogRecord): Promise<void> {
    const { begin, contact, held } = present(record.fileBegin, 'how the file begins')
    await this.#syncAll()
    const previous = this.#active
    assert(previous?.boundary === previous?.end, 'a file begins inside a transaction')
    // A purge in a file that is closed would not be found there by the next start.
    const purges = await this.#pendingPurges()
    if (purges.length > 0) await this.#write({ ...this.#facts, purges })
    const digest = previous?.digest() ?? prefaceDigest(this.#facts)
    await previous?.close(held)
    const { sequence: firstSequence, epoch } = record
    const origin = begin
    const fresh = { origin, firstSequence, contact, rebuilt: false, digest, epoch }
    const made = await createFile(this.#context, fresh)
    this.#active = new ActiveFile(made)
    this.#files = [...this.#files, made.stored]
    this.#cuts = []
    this.#noteAppended({ record, start: 4 })
    this.#noteDurable(record.sequence)
  }

  async #beginCut(active: ActiveFile, record: LogRecord): Promise<void> {
    const { sequence, epoch, end: to } = record
    assert(
      this.#cuts.every(({ isDone }) => isDone),
      'a cut while another waits',
    )
    await this.#syncAll()
    const divided = await active.beginCut(to, epoch, record.divided)
    if (!active.isIndexWritten) throw diskFull(active.stored.indexPath, undefined)
    this.#cuts.push({ sequence, to, ...divided, isDone: false })
    this.#removals = [...this.#removals, { kind: 'cut', sequence, floor: 0 }]
    this.#noteAppended({ record, start: to })
    this.#noteDurable(sequence)
  }

  async #syncAll(): Promise<void> {
    while (this.#durable < this.#written) await this.sync()
  }

  #checkNext({ sequence, epoch, kind, boundary, end }: LogRecord): void {
    if (this.#failure !== undefined) throw this.#failure
    assert(sequence === this.#written + 1, `record ${sequence} behind ${this.#written}`)
    assert(epoch >= (this.#lineage.at(-1)?.epoch ?? 0), `epoch ${epoch} goes back at ${sequence}`)
    assert(boundary <= end, `record ${sequence} has a boundary behind its end`)
    const hasBytes = kind === 'bytes' || kind === 'file-begin'
    const isCutDone = this.#cuts.every(({ isDone }) => isDone)
    assert(!hasBytes || isCutDone, `record ${sequence} behind a cut that waits`)
  }

  #noteAppended(appended: Unwritten): void {
    const { sequence, epoch } = appended.record
    this.#written = sequence
    const isSame = this.#lineage.at(-1)?.epoch === epoch
    this.#lineage = [...(isSame ? this.#lineage.slice(0, -1) : this.#lineage), { epoch, sequence }]
    // The bytes are in the file.
    const { bytes: _, ...record } = appended.record
    this.#unwritten.push({ record, start: appended.start })
  }

  #noteDurable(sequence: number): void {
    this.#durable = Math.max(this.#durable, sequence)
    this.#unwritten = this.#unwritten.filter(({ record }) => record.sequence > this.#durable)
  }

  async #pendingPurges(): Promise<LogFacts['purges']> {
    const { base } = this.#facts
    const purges = this.#removals.filter(({ floor }) => floor > base.sequence)
    return purges.map(({ sequence, floor }) => {
      const first = this.#files.find(({ facts }) => facts.firstSequence === floor + 1)
      return { sequence, upTo: present(first, 'the first file that stays').name }
    })
  }

  #floorOf(upTo: string): number {
    const first = this.#files.find(({ name }) => name === upTo)
    return Math.max(0, (first?.facts.firstSequence ?? 0) - 1)
  }

  #fileOf(sequence: number): StoredFile | undefined {
    return this.#files.findLast(({ facts }) => facts.firstSequence <= sequence)
  }

  async #write(facts: LogFacts): Promise<void> {
    await writeLogFacts(this.#context.disk, this.#context.folder, facts)
    this.#facts = facts
  }

  async #guard<T>(work: () => Promise<T>): Promise<T> {
    if (this.#failure !== undefined) throw this.#failure
    try {
      return await work()
    } catch (thrown) {
      throw this.#fail(thrown)
    }
  }

  #fail(thrown: unknown): Error {
    if (thrown instanceof OperationalError) this.#failure ??= thrown
    else if (!(thrown instanceof Error) || !('code' in thrown)) return thrown as Error
    const { folder, logger } = this.#context
    if (this.#failure === undefined) {
      this.#failure = isDiskFull(thrown) ? diskFull(folder, thrown) : writeFailed(folder, thrown)
      logger.error({ path: folder, error: thrown }, this.#failure.message)
    }
    return this.#failure
  }
}
