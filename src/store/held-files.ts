import { OperationalError, ProtocolError } from '../lib/index.ts'
import type { Disk } from '../platform/index.ts'
import { writeRefused } from './disk-error.ts'
import { compareFileNames, indexNameOf, isFileName } from './file-name.ts'
import type { StoredFile } from './stored-file.ts'

/** The files of a folder in their order: which there are, which may come next, which leave. */
export class HeldFiles {
  readonly #disk: Disk
  readonly #folder: string
  /** oldest first */
  #files: StoredFile[] = []
  /** taken out of sight by a purge, not removed yet; oldest first */
  #leaving: StoredFile[] = []

  constructor(folder: { readonly disk: Disk; readonly folder: string }) {
    this.#disk = folder.disk
    this.#folder = folder.folder
  }

  get all(): readonly StoredFile[] {
    return this.#files
  }

  get oldest(): StoredFile | undefined {
    return this.#files[0]
  }

  get newest(): StoredFile | undefined {
    return this.#files.at(-1)
  }

  named(name: string): StoredFile | undefined {
    return this.newest?.name === name ? this.newest : this.#files.find((file) => file.name === name)
  }

  /** Oldest first, up to the file that is named. */
  upTo(name: string): StoredFile[] {
    // From the newest one: it is that one or the one before, and each name is parsed for its number.
    const last = this.#files.findLastIndex((file) => compareFileNames(file.name, name) <= 0)
    return this.#files.slice(0, last + 1)
  }

  /**
   * The file of that name, where it is not behind the last one that is shown.
   * @throws OperationalError E_FILE_UNKNOWN
   */
  find(name: string, lastShown: string | undefined): StoredFile {
    const found = this.named(name)
    if (found !== undefined && lastShown !== undefined) {
      if (compareFileNames(name, lastShown) <= 0) return found
    }
    const message = `there is no binlog file '${name}'; the oldest is '${this.oldest?.name ?? ''}'`
    throw new OperationalError('E_FILE_UNKNOWN', message, { file: name })
  }

  /** @throws ProtocolError when no file of that name may follow the newest one */
  checkNext(name: string): void {
    const last = this.newest?.name
    if (isFileName(name) && (last === undefined || compareFileNames(name, last) > 0)) return
    throw new ProtocolError(`a file cannot be named '${name}' after '${last ?? ''}'`)
  }

  /** These are the files from now on, as they were found on the disk. */
  replace(files: readonly StoredFile[]): void {
    this.#files = [...files]
    this.#leaving = []
  }

  add(stored: StoredFile): void {
    this.#files.push(stored)
  }

  /**
   * The number of files before this one, which nobody reads.
   * @throws OperationalError E_FILE_IN_USE
   */
  countUnreadBefore(stored: StoredFile): number {
    const count = this.#files.indexOf(stored)
    const used = this.#files.slice(0, count).find((file) => file.readers > 0)
    if (used === undefined) return count
    const message = `${used.name} is being read; wait until it is not, or end the dump that reads it`
    throw new OperationalError('E_FILE_IN_USE', message, { file: used.name })
  }

  /** Takes the oldest files out of sight; `removeHidden` removes them. */
  hideOldest(count: number): void {
    this.#leaving.push(...this.#files.splice(0, count))
  }

  /**
   * Removes what is out of sight, oldest first, each durably; what the disk does not let go is tried again
   * with the next.
   * @throws OperationalError E_STORE_WRITE, E_OPEN_FILES
   */
  async removeHidden(): Promise<void> {
    for (let next = this.#leaving[0]; next !== undefined; next = this.#leaving[0]) {
      await this.#remove(next)
      this.#leaving = this.#leaving.slice(1)
    }
  }

  /** Removes the files before the name, but never the newest: what a crash left of a purge. */
  async removeBefore(name: string): Promise<void> {
    const before = this.#files.slice(0, -1).filter((file) => compareFileNames(file.name, name) < 0)
    this.hideOldest(before.length)
    await this.removeHidden()
  }

  async #remove(stored: StoredFile): Promise<void> {
    try {
      await removeFile(this.#disk, this.#folder, stored.name)
    } catch (thrown) {
      throw writeRefused(stored.path, thrown)
    }
  }
}

/** Removes a file and its index, durably; the file first, since an index without one is nobody's. */
export async function removeFile(disk: Disk, folder: string, name: string): Promise<void> {
  if (await disk.exists(`${folder}/${name}`)) await disk.remove(`${folder}/${name}`)
  await disk.syncFolder(folder)
  const index = `${folder}/${indexNameOf(name)}`
  if (await disk.exists(index)) await disk.remove(index)
  await disk.syncFolder(folder)
}
