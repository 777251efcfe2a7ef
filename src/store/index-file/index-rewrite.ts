/*
  An index written again: the same records, sets and checks, with the id of another store, or behind other records.
*/
import type { OperationalError } from '../../lib/index.ts'
import type { DiskFile } from '../../platform/index.ts'
import { damaged, diskFull } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'
import { IndexAppender } from './index-appender.ts'
import { createIndex } from './index-create.ts'
import type { HeldAt, IndexDirectory } from './index-directory.ts'
import type { IndexEntry } from './index-entry.ts'
import { decodeSet } from './index-header.ts'
import type { IndexWalk } from './index-walk.ts'

/** Entries are written after so many. */
const BATCH = 1024

/** What the records of an index go on from, or end with. */
export interface IndexChain {
  /** of the last record */
  readonly sequence: number
  /** the running digest behind it */
  readonly digest: Buffer
}

interface Made {
  readonly appender: IndexAppender
  readonly directory: IndexDirectory
}

/** Writes one index again as another store's, entry by entry, with checkpoints where the records alone say it. */
export class IndexRewrite {
  readonly #name: string
  readonly #walk: IndexWalk
  readonly #remedy: string
  #set: HeldAt | undefined
  #cut: Extract<IndexEntry, { readonly kind: 'cut' }> | undefined

  /** @param remedy what to do where it cannot be, for people */
  constructor(name: string, walk: IndexWalk, remedy: string) {
    this.#name = name
    this.#walk = walk
    this.#remedy = remedy
  }

  /**
   * @param context whose index it becomes, and in which folder
   * @param from `size` of the index that is walked, and what the records before it end with
   * @returns what its own records end with; the index is durable then
   * @throws OperationalError E_STORE_DAMAGED when it is not true to its end, E_DISK_FULL
   */
  async run(
    context: Parameters<typeof createIndex>[0],
    { size, start: before }: { readonly size: number; readonly start: IndexChain },
  ): Promise<IndexChain> {
    const first = this.#next()
    if (first?.kind !== 'file-begin' || first.begin.name !== this.#name) throw this.#damaged()
    const { rebuilt, firstSequence, contact } = this.#walk.head
    const { file, directory, end } = await createIndex(context, {
      origin: first.begin,
      firstSequence: before.sequence + 1,
      contact,
      rebuilt: rebuilt || firstSequence !== before.sequence + 1,
      digest: before.digest,
      epoch: first.epoch,
    })
    const known = () => this.#set && { ...this.#set, file: this.#name }
    const appender = new IndexAppender(file, directory, end, { known })
    try {
      const digest = await this.#copyTo({ appender, directory }, file)
      if (this.#walk.offset < size) throw this.#damaged()
      return { sequence: appender.state.sequence, digest }
    } finally {
      await file.close()
    }
  }

  /** Returns the running digest behind the last record. */
  async #copyTo(made: Made, file: DiskFile): Promise<Buffer> {
    const { appender } = made
    let digest: Buffer | undefined
    for (let count = 1; ; count += 1) {
      const entry = this.#next()
      if (entry === undefined) break
      if (entry.kind === 'closed') {
        if (this.#set === undefined) throw this.#damaged()
        digest = appender.digest()
        await appender.close(this.#set.held)
      } else {
        this.#copy(entry, made)
      }
      // So that what may be torn, and not damaged, is never more.
      if (count % BATCH === 0) await appender.sync()
    }
    if (digest === undefined) await appender.sync()
    if (!appender.isWritten) throw diskFull(file.path, undefined)
    return digest ?? appender.digest()
  }

  #copy(entry: IndexEntry, { appender, directory }: Made): void {
    if (entry.kind === 'set') {
      this.#set = { position: entry.position, held: decodeSet(entry.encoded) }
    } else if (entry.kind === 'cut') {
      this.#cut = entry
      appender.addCut(entry)
    } else if (entry.kind === 'cut-done') {
      if (this.#cut === undefined) throw this.#damaged()
      // Before the checkpoint that says so, which a disk that does not answer at once makes wait.
      directory.cut(this.#cut.to, this.#cut)
      appender.cutDone(this.#cut)
    } else if (entry.kind !== 'checkpoint' && entry.kind !== 'closed') {
      appender.append([entry])
    }
  }

  #next(): IndexEntry | undefined {
    const walked = this.#walk.next()
    if (walked?.wrong !== undefined) throw this.#damaged()
    return walked?.entry
  }

  #damaged(): OperationalError {
    const what = `its entries do not agree; ${this.#remedy}`
    return damaged(indexNameOf(this.#name), this.#walk.offset, what)
  }
}
