import type { Disk, DiskFile } from '../../platform/index.ts'
import { writeRefused } from '../disk-error.ts'
import { indexNameOf } from '../file-name.ts'

const FOLDER = 'repair'

/** The index of a file as another node has it, in the workshop. */
export function theirs(name: string): string {
  return `${indexNameOf(name)}.theirs`
}

/** The folder beside the files in which a file is made that is to take the place of another. */
export class Workshop {
  readonly folder: string
  readonly #disk: Disk
  readonly #binlogs: string

  /** @param binlogs DATA-DIR/binlogs */
  constructor(disk: Disk, binlogs: string) {
    this.#disk = disk
    this.#binlogs = binlogs
    this.folder = `${binlogs}/${FOLDER}`
  }

  pathOf(name: string): string {
    return `${this.folder}/${name}`
  }

  /** Nothing of the file and its index is left there, of an earlier attempt either. */
  async clear(name: string): Promise<void> {
    await this.#disk.makeFolder(this.folder)
    for (const one of [name, indexNameOf(name), theirs(name)]) {
      const path = this.pathOf(one)
      if (await this.#disk.exists(path)) await this.#disk.remove(path)
    }
  }

  /** An empty file that is filled by `fill`, and durable when it resolves. @throws OperationalError E_DISK_FULL */
  async make<T>(name: string, fill: (file: DiskFile) => Promise<T>): Promise<T> {
    const path = this.pathOf(name)
    const file = await this.#disk.open(path, 'create')
    try {
      const result = await fill(file)
      await file.sync()
      return result
    } catch (thrown) {
      throw writeRefused(path, thrown)
    } finally {
      await file.close()
    }
  }

  /** Files from here take the places of those of the same names, in this order; durable when it resolves. */
  async replace(names: readonly string[]): Promise<void> {
    for (const name of names) {
      await this.#disk.rename(this.pathOf(name), `${this.#binlogs}/${name}`)
      await this.#disk.syncFolder(this.#binlogs)
    }
    await this.#disk.syncFolder(this.folder)
  }
}
