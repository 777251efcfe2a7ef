import { assert, present } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type { Disk, DiskFile } from '../platform/index.ts'
import { readFailed } from './disk-error.ts'
import { indexNameOf } from './file-name.ts'
import type { ExtentsCache } from './index-file/extents.ts'
import type { IndexDirectory } from './index-file/index-directory.ts'
import { loadClosed, readBegin, readClosing, readHead } from './index-file/index-scan.ts'
import type { FileBegin } from './record.ts'

export interface StoredFileFacts {
  readonly origin: FileBegin
  readonly firstSequence: number
  /**
   * GTIDs that count as held and purged although no file has them, of this file and all before it
   */
  readonly contact: GtidSet
}

interface Opened {
  readonly data: DiskFile
  /** of a file that was closed by then */
  readonly closed: { readonly index: DiskFile; readonly directory: IndexDirectory } | undefined
}

/**
 * A file of the store with what is known of it, and its handles for reading while somebody reads.
 */
export class StoredFile {
  readonly path: string
  /** bytes that are durable; of the current file it follows the syncs */
  size = 4
  firstTimestamp = 0
  lastTimestamp = 0
  readonly #disk: Disk
  readonly #cache: ExtentsCache
  #facts: StoredFileFacts
  /** the index in memory while the file is written to, with its handle */
  #active: { readonly directory: IndexDirectory; readonly index: DiskFile } | undefined
  #opened: Promise<Opened> | undefined
  #data: DiskFile | undefined
  /** what `#opened` found of a closed file */
  #closed: IndexDirectory | undefined
  /** handles of before a repair, while somebody may read by them */
  #retired: DiskFile[] = []
  #readers = 0

  constructor(disk: Disk, folder: string, facts: StoredFileFacts, cache: ExtentsCache) {
    this.#disk = disk
    this.path = `${folder}/${facts.origin.name}`
    this.#facts = facts
    this.#cache = cache
  }

  get facts(): StoredFileFacts {
    return this.#facts
  }

  get name(): string {
    return this.#facts.origin.name
  }

  get indexPath(): string {
    return indexNameOf(this.path)
  }

  get readers(): number {
    return this.#readers
  }

  /** Where its records stand, for who has acquired it: not to be kept, since the index may be read anew. */
  get directory(): IndexDirectory {
    return present(this.#active?.directory ?? this.#closed, `the index of ${this.name}`)
  }

  /** The file is written to: who reads it shares the writer's index, in the place of the one before. */
  async activate(directory: IndexDirectory, index: DiskFile): Promise<void> {
    const before = this.#active?.index
    this.#active = { directory, index }
    if (before !== index) await before?.close()
  }

  /** The file is closed. The writer's index goes with the last reader. */
  async deactivate(): Promise<void> {
    if (this.#readers === 0) await this.#letGo()
  }

  /** This file with what was found of it on the disk by now; undefined when that is another file. */
  renewed(found: StoredFile): StoredFile | undefined {
    if (found.facts.firstSequence !== this.facts.firstSequence) return undefined
    this.size = found.size
    this.firstTimestamp = found.firstTimestamp
    this.lastTimestamp = found.lastTimestamp
    return this
  }

  /** Opens it for reading, and keeps it open until it is released. */
  async acquire(): Promise<DiskFile> {
    this.#readers += 1
    try {
      this.#opened ??= this.#open()
      const { data, closed } = await this.#opened
      this.#data = data
      this.#closed = closed?.directory
      return data
    } catch (thrown) {
      this.#readers -= 1
      this.#opened = undefined
      throw thrown
    }
  }

  /** Counts as a reader until it is released, and reads nothing. */
  hold(): void {
    this.#readers += 1
  }

  /** What is read from, for who has acquired it: not to be kept, since the file may be replaced by a repair. */
  get data(): DiskFile {
    return present(this.#data, `the file ${this.name}`)
  }

  /**
   * The file or its index was replaced: whoever reads goes on with what is there now.
   * @param active whether the file is still written to
   */
  async reopen(active: boolean): Promise<void> {
    const before = await this.#opened
    const index = active ? undefined : this.#active?.index
    if (!active) this.#active = undefined
    if (!active) await this.#readFacts()
    if (before !== undefined) {
      const opened = await this.#open()
      this.#opened = Promise.resolve(opened)
      this.#data = opened.data
      this.#closed = opened.closed?.directory
    }
    for (const file of [before?.data, before?.closed?.index, index]) {
      if (file !== undefined) this.#retired.push(file)
    }
    if (before === undefined) await this.#closeRetired()
  }

  /** @param active whether the file is still written to */
  async release(active: boolean): Promise<void> {
    assert(this.#readers > 0, `${this.name} has no reader`)
    this.#readers -= 1
    if (this.#readers > 0) return
    const opened = this.#opened
    this.#opened = undefined
    const { data, closed } = (await opened) ?? {}
    await data?.close()
    await closed?.index.close()
    await this.#closeRetired()
    if (!active && this.#readers === 0) await this.#letGo()
  }

  async #closeRetired(): Promise<void> {
    const retired = this.#retired
    this.#retired = []
    for (const file of retired) await file.close()
  }

  /** @throws OperationalError E_STORE_DAMAGED, E_OPEN_FILES */
  async #open(): Promise<Opened> {
    const opened: DiskFile[] = []
    let { name } = this
    try {
      const data = await this.#disk.open(this.path, 'read')
      opened.push(data)
      if (this.#active !== undefined) return { data, closed: undefined }
      name = indexNameOf(this.name)
      const index = await this.#disk.open(this.indexPath, 'read')
      opened.push(index)
      return { data, closed: { index, directory: loadClosed(this.name, index, this.#cache) } }
    } catch (thrown) {
      for (const file of opened) await file.close()
      throw readFailed(name, 0, thrown)
    }
  }

  /** What the index says of a closed file that was damaged when it was opened, and is whole now. */
  async #readFacts(): Promise<void> {
    const index = await this.#disk.open(this.indexPath, 'read')
    try {
      const [read, closing] = [readHead(index), readClosing(index)]
      const origin = read && readBegin(index, read)
      if (read === undefined || closing === undefined || origin?.name !== this.name) return
      const { firstSequence, contact } = read.head
      this.#facts = { origin, firstSequence, contact }
      this.size = closing.size
      this.firstTimestamp = closing.firstTimestamp
      this.lastTimestamp = closing.timestamp
    } finally {
      await index.close()
    }
  }

  async #letGo(): Promise<void> {
    const index = this.#active?.index
    this.#active = undefined
    await index?.close()
  }
}
