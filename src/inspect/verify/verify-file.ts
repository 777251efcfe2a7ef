import { assert, OperationalError, systemCodeOf } from '../../lib/index.ts'
import { BINLOG_MAGIC, FIRST_EVENT_POSITION, GtidSet } from '../../mysql/index.ts'
import type { Clock, Disk, DiskFile } from '../../platform/index.ts'
import { type FileBegin, hasTrueEntryBehind, IndexWalk, indexNameOf } from '../../store/index.ts'
import { CheckedWalk } from '../checked-walk.ts'
import type { Damage } from '../damage.ts'
import { bytesBehind } from '../inspect-index.ts'
import { FinalRecords } from './final-records.ts'
import { IndexedSets } from './indexed-sets.ts'
import { RecordCheck } from './record-check.ts'

/** More than this was never waiting for a sync: a tail that is not true is damage then. */
const TORN_BYTES_MAX = 64 * 1024 * 1024
/** An entry that a running node writes is whole after so long. */
const LIVE_ENTRY_MS = 500
/** So many damages of one file are named; more are counted. */
const DAMAGES_MOST = 100

export interface VerifyFileOptions {
  readonly disk: Disk
  readonly clock: Clock
  readonly folder: string
  readonly name: string
  /** undefined when nobody knows it */
  readonly storeId: string | undefined
  /** GTIDs held before it */
  readonly heldBefore: GtidSet
  readonly isLast: boolean
  /** a running node has the directory and may write to the last file */
  readonly isLive: boolean
  readonly progress: (bytes: number) => void
}

export interface VerifiedFile {
  readonly name: string
  readonly size: number
  /** up to which position it was verified */
  readonly verifiedTo: number
  readonly events: number
  readonly transactions: number
  /** true: whole. lost, damaged: it would be made anew from the file */
  readonly index: 'true' | 'lost' | 'damaged'
  readonly damages: readonly Damage[]
  readonly damageCount: number
  /** what is not damage: the next start, or the node itself, mends it */
  readonly notices: readonly string[]
  /** for the file that follows */
  readonly end: FileEnd
}

interface IndexEnd {
  readonly head: IndexWalk['head']
  /** what is below holds for the whole file only then */
  readonly isClosed: boolean
  readonly sequence: number
  readonly digest: Buffer
}

export interface FileEnd {
  readonly name: string
  /** everything up to the end, first contact included */
  readonly held: GtidSet
  /** false: it may lack what damage hides */
  readonly isHeldKnown: boolean
  /** undefined when it is lost or damaged */
  readonly index: IndexEnd | undefined
  readonly begin: FileBegin | undefined
}

export async function verifyFile(options: VerifyFileOptions): Promise<VerifiedFile> {
  const { disk, folder, name } = options
  const data = await disk.open(`${folder}/${name}`, 'read')
  try {
    const path = `${folder}/${indexNameOf(name)}`
    const index = (await disk.exists(path)) ? await disk.open(path, 'read') : undefined
    try {
      return await new FileVerification(options, data, index).run()
    } finally {
      await index?.close()
    }
  } finally {
    await data.close()
  }
}

class FileVerification {
  readonly #options: VerifyFileOptions
  readonly #data: DiskFile
  readonly #index: DiskFile | undefined
  #size: number
  #state: VerifiedFile['index'] = 'true'
  readonly #damages: Damage[] = []
  #damageCount = 0
  readonly #notices: string[] = []
  #events = 0
  #transactions = 0
  #verifiedTo = FIRST_EVENT_POSITION
  #isHeldKnown = true

  constructor(options: VerifyFileOptions, data: DiskFile, index: DiskFile | undefined) {
    this.#options = options
    this.#data = data
    this.#index = index
    this.#size = data.size()
  }

  async run(): Promise<VerifiedFile> {
    this.#checkMagic()
    const walk = this.#openIndex()
    const { limit, indexed } = this.#bounds()
    const records = walk === undefined ? undefined : new FinalRecords(walk)
    const held = this.#options.heldBefore.union(walk?.head.contact ?? GtidSet.empty())
    const heldAtEnd = await this.#walk({ records, held, limit, indexed })
    if (walk !== undefined && records !== undefined) await this.#checkIndexEnd(walk, records)
    const { name } = this.#options
    const index =
      walk === undefined || records === undefined || this.#state !== 'true'
        ? undefined
        : {
            head: walk.head,
            isClosed: records.isClosed,
            sequence: walk.state.sequence,
            digest: walk.checkpointDigest,
          }
    return {
      name,
      size: this.#size,
      verifiedTo: Math.min(this.#verifiedTo, this.#size),
      events: this.#events,
      transactions: this.#transactions,
      index: this.#state,
      damages: this.#damages,
      damageCount: this.#damageCount,
      notices: this.#notices,
      end: {
        name,
        held: heldAtEnd,
        isHeldKnown: this.#isHeldKnown,
        index,
        begin: records?.begin,
      },
    }
  }

  #checkMagic(): void {
    const bytes = Buffer.alloc(BINLOG_MAGIC.length)
    this.#data.read(bytes, 0)
    if (!bytes.equals(BINLOG_MAGIC)) this.#report(0, 'it does not begin as a binlog file')
  }

  #openIndex(): IndexWalk | undefined {
    const { name, storeId } = this.#options
    if (this.#index === undefined) {
      this.#state = 'lost'
      this.#notices.push(
        `${indexNameOf(name)}: lost, would be rebuilt from the file at the next start`,
      )
      return undefined
    }
    const walk = this.#indexWalk(this.#index)
    if (walk === undefined) return undefined
    if (walk === 'no head') {
      this.#reportIndex(0, 'its head is not true; it would be rebuilt from the file')
      return undefined
    }
    const { head } = walk
    if (storeId !== undefined && head.storeId !== storeId) {
      this.#reportIndex(
        0,
        `it belongs to another store (${head.storeId}, and this one is ${storeId})`,
      )
      return undefined
    }
    const begin = this.#beginOf()
    if (begin?.name === name) return walk
    this.#reportIndex(
      0,
      begin === undefined ? 'its first entry is not true' : `it is the index of ${begin.name}`,
    )
    return undefined
  }

  /** undefined when it cannot be read, which is told */
  #indexWalk(index: DiskFile): IndexWalk | 'no head' | undefined {
    try {
      return IndexWalk.open(index) ?? 'no head'
    } catch (thrown) {
      const code = systemCodeOf(thrown)
      if (code === undefined || thrown instanceof OperationalError) throw thrown
      this.#reportIndex(0, `it cannot be read (${code})`)
      return undefined
    }
  }

  /** By a walk of its own, which reads no further than the first entry. */
  #beginOf(): FileBegin | undefined {
    assert(this.#index !== undefined, 'the index is open')
    const entry = IndexWalk.open(this.#index)?.next()?.entry
    return entry?.kind === 'file-begin' ? entry.begin : undefined
  }

  /** How far the file is looked at, and what its index speaks of. */
  #bounds(): { limit: number; indexed: number } {
    const { isLast, isLive, name } = this.#options
    if (!isLast) return { limit: this.#size, indexed: this.#size }
    if (this.#state !== 'true' || this.#index === undefined) {
      return { limit: isLive ? FIRST_EVENT_POSITION : this.#size, indexed: FIRST_EVENT_POSITION }
    }
    const walk = IndexWalk.open(this.#index)
    assert(walk !== undefined, 'the index has a true head')
    const records = new FinalRecords(walk)
    while (records.next() !== undefined);
    const { end, boundary } = walk.state
    if (isLive) {
      // Bytes stand in the file before its index speaks of them: what it spoke of is there by now.
      this.#size = this.#data.size()
      // What is behind the last place between transactions may still be cut away.
      return { limit: Math.min(boundary, this.#size), indexed: boundary }
    }
    if (records.openCut === undefined) return { limit: this.#size, indexed: end }
    if (this.#size > end) {
      this.#notices.push(`${name}: a cut to ${end} was interrupted; the next start finishes it`)
    }
    return { limit: end, indexed: end }
  }

  /** Returns what is held at its end. */
  async #walk(given: {
    records: FinalRecords | undefined
    held: GtidSet
    limit: number
    indexed: number
  }): Promise<GtidSet> {
    const { records, held, limit, indexed } = given
    const { name, progress } = this.#options
    if (limit < indexed) {
      this.#report(limit, `the file ends there, and ${indexed} bytes were stored`)
    }
    const check = records === undefined ? undefined : this.#checkOf(records, held)
    const walk = await CheckedWalk.start(this.#data, {
      name,
      from: FIRST_EVENT_POSITION,
      limit,
      held,
      hasOwnPositions: true,
      hasTransactions: true,
      ...(check === undefined
        ? {}
        : { sees: (bytes: Buffer, position: number) => check.sees(bytes, position) }),
    })
    for (let more = true; more; ) {
      more = await walk.load()
      for (let passed = walk.next(); passed !== undefined; passed = walk.next()) {
        walk.settle()
        check?.passed(passed)
        this.#events += 1
        if (passed.place === 'ended') this.#transactions += 1
      }
      if (this.#take(walk, check, indexed)) break
      progress(walk.position - this.#verifiedTo)
      this.#verifiedTo = walk.position
    }
    this.#isHeldKnown = walk.knowsGtids
    if (walk.knowsGtids || records?.lastSet === undefined) return held
    return held.union(GtidSet.decode(records.lastSet))
  }

  #checkOf(records: FinalRecords, held: GtidSet): RecordCheck {
    assert(this.#index !== undefined, 'the index is open')
    const { name: file } = this.#options
    return new RecordCheck({ file, records, sets: new IndexedSets(this.#index), held })
  }

  /** Takes over what was found; returns whether nothing behind it is to be looked at. */
  #take(walk: CheckedWalk, check: RecordCheck | undefined, indexed: number): boolean {
    const { isLast, isLive, name } = this.#options
    const damages = walk.takeDamages()
    const torn = damages.find(
      ({ position, end }) => isLast && position >= indexed && end > position,
    )
    const rest = torn === undefined ? 0 : this.#size - torn.position
    const isTail = torn !== undefined && rest <= TORN_BYTES_MAX
    for (const damage of damages) {
      if (isTail && damage.position >= torn.position) continue
      // A transaction that the last file does not end yet goes on, or is given up, by ingest.
      const goesOn = isLast && damage.end === damage.position && damage.position === this.#size
      if (goesOn || (isLast && isLive && damage.position >= indexed)) {
        if (!isLive)
          this.#notices.push(
            `${name}: ends inside a transaction, which ingest goes on with or gives up`,
          )
        continue
      }
      this.#add(damage)
    }
    for (const damage of check?.take(this.#damages, walk.position) ?? []) {
      // Behind damaged events the places between transactions are not known.
      if (damage.end > damage.position || this.#damageCount === 0) this.#add(damage)
    }
    if (!isTail) return false
    this.#notices.push(
      `${name}: position ${torn.position}: ${rest} bytes at its end are torn; the next start cuts them away`,
    )
    return true
  }

  async #checkIndexEnd(walk: IndexWalk, records: FinalRecords): Promise<void> {
    const { isLast, isLive, name } = this.#options
    assert(this.#index !== undefined, 'the index is open')
    while (records.next() !== undefined);
    for (const { offset, what } of records.faults) this.#reportIndex(offset, what)
    const rest = bytesBehind(this.#index, walk.offset)
    if (records.isClosed && rest === 0) {
      if (isLast && !isLive) {
        this.#notices.push(
          `${name}: its index is closed, as when another file follows, and none is there; if there ` +
            'was one, it is lost, and ingest reads it from the source again',
        )
      }
      if (isLast || walk.state.end === this.#size) return
      this.#report(
        walk.state.end,
        `the file has ${this.#size} bytes, and ${walk.state.end} were stored`,
      )
      return
    }
    const isTorn = rest > 0 && !hasTrueEntryBehind(this.#index, walk.offset, walk.state.check)
    if (isTorn && !isLive) {
      const mended = isLast ? 'cuts them away' : 'completes it from the file'
      this.#notices.push(
        `${indexNameOf(name)}: position ${walk.offset}: ${rest} bytes at its end are torn; the next start ${mended}`,
      )
    } else if (rest > 0 && (!isLive || (await this.#staysAt(walk.offset)))) {
      const mended = isLast ? '; they would be made again from the file' : ''
      const what = `no true entry is there, and ${rest} bytes follow${mended}`
      this.#reportIndex(walk.offset, what)
    } else if (!isLast) {
      this.#notices.push(
        `${indexNameOf(name)}: it is not closed; the next start completes it from the file`,
      )
    }
  }

  /** Whether an index that is written to still ends there: an entry may have been half there. */
  async #staysAt(offset: number): Promise<boolean> {
    await this.#options.clock.sleep(LIVE_ENTRY_MS)
    assert(this.#index !== undefined, 'the index is open')
    const walk = IndexWalk.open(this.#index)
    while (walk?.next() !== undefined);
    return walk?.offset === offset
  }

  #report(position: number, what: string): void {
    const { name } = this.#options
    this.#add({ file: name, position, end: position, what, transaction: undefined })
  }

  #reportIndex(position: number, what: string): void {
    this.#state = 'damaged'
    const file = indexNameOf(this.#options.name)
    this.#add({ file, position, end: position, what, transaction: undefined })
  }

  #add(damage: Damage): void {
    this.#damageCount += 1
    if (this.#damages.length < DAMAGES_MOST) this.#damages.push(damage)
  }
}
