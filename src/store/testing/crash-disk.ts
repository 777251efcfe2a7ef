import { silentLogger } from '../../lib/index.ts'
import type { Disk, DiskFile } from '../../platform/index.ts'
import { systemDisk } from '../../platform/index.ts'
import { Store } from '../store.ts'

/** The machine's disk, whose open files a test can drop as a process does that dies. */
export class CrashDisk {
  readonly #open = new Set<DiskFile>()
  /** Takes the place of a file's next calls: a test makes it wait or fail. */
  onSync: (path: string) => Promise<void> = async () => {}
  /** The same for a sync that the process waits for; returns how many milliseconds it pretends to take. */
  onSyncNow: (path: string) => number = () => 0
  onWrite: (path: string, size: number) => void = () => {}
  /** A promise makes a write wait for it: the disk does not answer at once. */
  onLate: (path: string) => Promise<void> | undefined = () => undefined
  onRead: (path: string) => void = () => {}
  onSize: (path: string) => void = () => {}
  /** May change what a read has given. */
  onWasRead: (path: string, bytes: Uint8Array) => void = () => {}

  readonly disk: Disk = {
    ...systemDisk,
    open: async (path, mode) => this.#wrap(await systemDisk.open(path, mode)),
  }

  async crash(): Promise<void> {
    const files = [...this.#open]
    this.#open.clear()
    for (const file of files) await file.close()
  }

  /** Opens the folder's store as the next process does: the one before has died. */
  async reopen(folder: string): Promise<Store> {
    await this.crash()
    return await Store.open({ disk: this.disk, folder, storeId: 'store-1', logger: silentLogger })
  }

  #wrap(file: DiskFile): DiskFile {
    this.#open.add(file)
    return {
      path: file.path,
      size: () => {
        this.onSize(file.path)
        return file.size()
      },
      read: (target, position) => {
        this.onRead(file.path)
        const size = file.read(target, position)
        this.onWasRead(file.path, target.subarray(0, size))
        return size
      },
      readAsync: async (target, position) => {
        const size = await file.readAsync(target, position)
        this.onWasRead(file.path, target.subarray(0, size))
        return size
      },
      write: (bytes, position) => {
        this.onWrite(file.path, bytes.length)
        const late = this.onLate(file.path)
        const write = () => file.write(bytes, position)
        return late === undefined ? write() : laterThan(late, write)
      },
      writeAndSync: (bytes, position) => {
        this.onWrite(file.path, bytes.length)
        const late = this.onLate(file.path)
        const done = async (): Promise<number> => {
          await late
          await file.write(bytes, position)
          await this.onSync(file.path)
          await file.sync()
          return this.onSyncNow(file.path)
        }
        if (late !== undefined) return done()
        const pretendedMs = this.onSyncNow(file.path)
        const took = file.writeAndSync(bytes, position)
        return typeof took === 'number' ? pretendedMs : took.then(() => pretendedMs)
      },
      truncate: (size) => file.truncate(size),
      sync: async () => {
        await this.onSync(file.path)
        await file.sync()
      },
      close: async () => {
        if (this.#open.delete(file)) await file.close()
      },
    }
  }
}

async function laterThan(
  late: Promise<void>,
  write: () => Promise<void> | undefined,
): Promise<void> {
  await late
  await write()
}
