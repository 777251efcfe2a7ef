import { type Logger, OperationalError, Watch, type Watched } from '../lib/index.ts'
import { BINLOG_MAGIC, FIRST_EVENT_POSITION, type Gtid, GtidSet } from '../mysql/index.ts'
import type { Disk } from '../platform/index.ts'
import { ActiveFile } from './active-file.ts'
import type { BinlogStore, FileInfo, LogEnd } from './binlog-store.ts'
import { FileAlarms } from './check/file-alarms.ts'
import type { GrowingFile } from './check/file-check.ts'
import { damaged, endRefused, readFailed } from './disk-error.ts'
import { FileReader } from './file-reader.ts'
import type { HeldFile } from './held-file.ts'
import { HeldFiles } from './held-files.ts'
import { findGtidStart } from './lookup/gtid-lookup.ts'
import { heldBehind } from './lookup/held-behind.ts'
import { findLastTransaction, type LastTransaction } from './lookup/last-transaction.ts'
import { newestContained } from './lookup/set-search.ts'
import type { FileBegin, VisibleEnd } from './record.ts'
import type { RecoveredFile } from './recovery/file-recovery.ts'
import type { StoredFile } from './stored-file.ts'
import { readPreviousGtids } from './walk/previous-gtids.ts'

const HEAD_DAMAGED = 'what comes before its transactions cannot be told'

/**
 * The files of a store and what is shown of them. Who writes them says when there is another file and how far all is
 * shown; everybody reads here.
 */
export class ReadableFiles {
  readonly held: HeldFiles
  readonly alarms: FileAlarms
  /** the newest file while it is written to */
  active: ActiveFile | undefined
  readonly #disk: Disk
  readonly #executed = GtidSet.empty()
  #purged = GtidSet.empty()
  /** the oldest file, while it is damaged where it says what was before it */
  #untold: StoredFile | undefined
  readonly #visible = new Watch<VisibleEnd | undefined>(undefined)

  constructor(where: { readonly disk: Disk; readonly folder: string; readonly logger: Logger }) {
    this.#disk = where.disk
    this.held = new HeldFiles(where)
    this.alarms = new FileAlarms(where.logger)
  }

  // ---- for readers ----

  get visible(): Watched<VisibleEnd | undefined> {
    return this.#visible
  }

  executed(): GtidSet {
    return this.#executed
  }

  purged(): GtidSet {
    return this.#purged
  }

  files(): readonly FileInfo[] {
    const visible = this.#visible.value
    if (visible === undefined) return []
    return this.held.upTo(visible.file).map((file) => this.#infoOf(file))
  }

  async purgeableTo(): Promise<readonly FileInfo[]> {
    const files = this.files()
    const newest = files.at(-1)
    if (newest === undefined) return files
    const says = await this.#noting(this.readPrevious(this.find(newest.name), newest.size))
    return says === undefined ? files.slice(0, -1) : files
  }

  growing(name: string): GrowingFile | undefined {
    if (this.active?.stored.name !== name) return undefined
    const { stored, writtenIndex } = this.active
    return {
      indexSize: writtenIndex.size,
      limit: Math.min(this.#limitOf(stored), writtenIndex.end),
    }
  }

  async previousGtids(name: string): Promise<GtidSet> {
    return await this.#noting(this.#previousGtids(name))
  }

  async #previousGtids(name: string): Promise<GtidSet> {
    const stored = this.find(name)
    // What is shown moves on while the file is read.
    const executed = this.#executed.clone()
    return (await this.readPrevious(stored, this.#limitOf(stored))) ?? executed
  }

  async openFile(name: string): Promise<FileReader> {
    const stored = this.find(name)
    await this.#noting(stored.acquire())
    return new FileReader({
      name,
      file: () => stored.data,
      alarms: this.alarms,
      directory: () => stored.directory,
      limit: () => this.#limitOf(stored),
      close: () => stored.release(this.#isActive(stored)),
    })
  }

  async positionFor(name: string, held: GtidSet): Promise<number> {
    return await this.#noting(this.#positionFor(name, held))
  }

  async #positionFor(name: string, held: GtidSet): Promise<number> {
    const stored = this.find(name)
    await stored.acquire()
    try {
      const places = [...stored.directory.setPlaces()]
      return newestContained(places, held, this.#limitOf(stored))?.position ?? FIRST_EVENT_POSITION
    } finally {
      await stored.release(this.#isActive(stored))
    }
  }

  async heldBehind(gtid: Gtid): Promise<GtidSet | undefined> {
    return await this.#noting(this.#heldBehind(gtid))
  }

  async #heldBehind(gtid: Gtid): Promise<GtidSet | undefined> {
    const without = GtidSet.empty()
    const last = this.#executed.lastOf(gtid.origin)
    if (last < gtid.gno) return undefined
    without.addRun(gtid.origin, gtid.gno, last)
    const before = this.#executed.subtract(without)
    const place = await findGtidStart(this, before)
    if (place === undefined) return undefined
    const stored = this.find(place.file)
    const data = await stored.acquire()
    try {
      const limit = this.#limitOf(stored)
      const fileStart = { position: FIRST_EVENT_POSITION, held: stored.facts.contact.clone() }
      const start = newestContained([...stored.directory.setPlaces()], before, limit) ?? fileStart
      return await heldBehind({ name: stored.name, data }, gtid, { start, limit })
    } finally {
      await stored.release(this.#isActive(stored))
    }
  }

  // ---- for who repairs ----

  /** @throws OperationalError E_FILE_UNKNOWN */
  hold(name: string): HeldFile {
    const stored = this.find(name)
    stored.hold()
    return {
      facts: stored.facts,
      size: stored.size,
      isActive: () => this.#isActive(stored),
      isThere: () => this.held.named(name) === stored,
      renew: async () => await this.#renew(stored),
      release: async () => await stored.release(this.#isActive(stored)),
    }
  }

  async #renew(stored: StoredFile): Promise<void> {
    await stored.reopen(this.#isActive(stored))
    if (this.#untold !== stored) return
    const purged = await this.purgedBefore(stored)
    if (purged !== undefined) this.addPurged(purged)
  }

  // ---- for the journal ----

  /** end of what was appended, durable or not; undefined before the first file */
  get end(): LogEnd | undefined {
    if (this.active === undefined) return undefined
    const { stored, end, boundary } = this.active
    return { file: stored.name, position: end, boundary }
  }

  /**
   * The GTID event of the last transaction before `end.boundary` in the current file.
   * @throws OperationalError E_STORE_DAMAGED; E_STORE_WRITE where the disk does not give it; E_OPEN_FILES
   */
  async lastTransaction(): Promise<LastTransaction | undefined> {
    if (this.active === undefined) return undefined
    const { stored } = this.active
    return await this.#lastBefore(stored, this.active.boundary).catch((thrown: unknown) => {
      throw endRefused(stored.path, thrown)
    })
  }

  async #lastBefore(stored: StoredFile, boundary: number): Promise<LastTransaction | undefined> {
    const data = await stored.acquire()
    try {
      return await findLastTransaction(stored.name, data, stored.directory, boundary)
    } finally {
      await stored.release(this.#isActive(stored))
    }
  }

  // ---- for who writes ----

  /** @throws OperationalError E_FILE_UNKNOWN for one that is not shown */
  find(name: string): StoredFile {
    return this.held.find(name, this.#visible.value?.file)
  }

  /** The visible end moves on to a place whose GTIDs are in `executed()` by now. */
  show(end: VisibleEnd): void {
    const { contact } = this.held.named(end.file)?.facts ?? {}
    if (contact !== undefined) this.addPurged(contact)
    const shown = this.#visible.value
    if (shown?.file === end.file && shown.position === end.position) return
    this.#visible.set(end)
  }

  /**
   * Takes over files that were read from the disk again; one that was here before stays the one that its readers have.
   * @param last the newest, to be written to
   */
  async renew(found: readonly StoredFile[], last: RecoveredFile | undefined): Promise<void> {
    const files = found.map((file) => this.held.named(file.name)?.renewed(file) ?? file)
    const gone = this.held.all.filter((file) => !files.includes(file))
    const stored = files.at(-1)
    this.held.replace(files)
    this.active = last && stored && (await ActiveFile.take({ ...last, stored }))
    for (const file of gone) await file.deactivate()
  }

  addPurged(gtids: GtidSet): void {
    if (!this.#purged.contains(gtids)) this.#purged = this.#purged.union(gtids)
  }

  /**
   * GTIDs that are held and in no file from the oldest on. Where that is damaged it does not tell all of them until
   * it is repaired; whoever needs what it has is told of the damage meanwhile. Undefined as for `readPrevious`.
   */
  async purgedBefore(
    oldest: StoredFile,
    limit: number = this.#limitOf(oldest),
  ): Promise<GtidSet | undefined> {
    this.#untold = undefined
    try {
      return await this.readPrevious(oldest, limit)
    } catch (thrown) {
      if (!(thrown instanceof OperationalError) || thrown.code !== 'E_STORE_DAMAGED') throw thrown
      this.alarms.met(thrown)
      this.#untold = oldest
      return oldest.facts.contact.clone()
    }
  }

  /**
   * GTIDs of everything before a file, of which nothing is read from `limit` on; undefined when that is too little to
   * tell. @throws OperationalError E_STORE_DAMAGED
   */
  async readPrevious(stored: StoredFile, limit: number): Promise<GtidSet | undefined> {
    const file = await this.#disk.open(stored.path, 'read').catch((thrown: unknown) => {
      throw readFailed(stored.name, 0, thrown)
    })
    try {
      const says = await readPreviousGtids(file, limit)
      if (says === 'damaged') throw damaged(stored.name, BINLOG_MAGIC.length, HEAD_DAMAGED)
      if (says === 'not yet') return undefined
      return says === 'none' ? stored.facts.contact.clone() : says.union(stored.facts.contact)
    } finally {
      await file.close()
    }
  }

  // ---- inside ----

  /** Damage that somebody has met is looked at closely afterwards. */
  async #noting<T>(work: Promise<T>): Promise<T> {
    try {
      return await work
    } catch (thrown) {
      this.alarms.met(thrown)
      throw thrown
    }
  }

  #isActive(stored: StoredFile): boolean {
    return this.active?.stored === stored
  }

  #limitOf(stored: StoredFile): number {
    const visible = this.#visible.value
    if (visible === undefined) return BINLOG_MAGIC.length
    return visible.file === stored.name ? visible.position : stored.size
  }

  #infoOf(stored: StoredFile): FileInfo {
    const { firstTimestamp, lastTimestamp, readers, name } = stored
    const { origin, firstSequence } = stored.facts
    return {
      name,
      size: this.#limitOf(stored),
      firstSequence,
      firstTimestamp,
      lastTimestamp,
      sourceFile: origin.sourceFile,
      sourceUuid: origin.sourceUuid,
      active: this.#isActive(stored),
      readers,
    }
  }
}

/** A store that is read through its files. */
export abstract class ReadableStore implements BinlogStore {
  protected readonly readable: ReadableFiles

  constructor(readable: ReadableFiles) {
    this.readable = readable
  }

  get visible(): Watched<VisibleEnd | undefined> {
    return this.readable.visible
  }

  /** how the current file began */
  get origin(): FileBegin | undefined {
    return this.readable.active?.stored.facts.origin
  }

  executed(): GtidSet {
    return this.readable.executed()
  }

  purged(): GtidSet {
    return this.readable.purged()
  }

  files(): readonly FileInfo[] {
    return this.readable.files()
  }

  purgeableTo(): Promise<readonly FileInfo[]> {
    return this.readable.purgeableTo()
  }

  get alarms(): FileAlarms {
    return this.readable.alarms
  }

  growing(name: string): GrowingFile | undefined {
    return this.readable.growing(name)
  }

  hold(name: string): HeldFile {
    return this.readable.hold(name)
  }

  previousGtids(name: string): Promise<GtidSet> {
    return this.readable.previousGtids(name)
  }

  openFile(name: string): Promise<FileReader> {
    return this.readable.openFile(name)
  }

  positionFor(name: string, held: GtidSet): Promise<number> {
    return this.readable.positionFor(name, held)
  }

  heldBehind(gtid: Gtid): Promise<GtidSet | undefined> {
    return this.readable.heldBehind(gtid)
  }

  /** The GTID event of the last transaction before the boundary of what was appended, in the current file. */
  lastTransaction(): Promise<LastTransaction | undefined> {
    return this.readable.lastTransaction()
  }
}
