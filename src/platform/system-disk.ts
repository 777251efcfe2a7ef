import * as fs from 'node:fs'
import * as promises from 'node:fs/promises'
import { dirname } from 'node:path'

import { tryLock, unlock } from 'fs-native-extensions'
import { present, systemCodeOf } from '../lib/index.ts'
import type { Disk, DiskFile } from './disk.ts'
import { opening } from './open-files.ts'
import { WriterThread } from './writer-thread.ts'

const OPEN_FLAGS = { read: 'r', write: 'r+', create: 'wx+' } as const

let writer: Promise<WriterThread> | undefined

/** One for the process, made when the first file is opened to be written. */
async function theWriter(): Promise<WriterThread> {
  writer ??= WriterThread.start()
  const found = writer
  const thread = await found
  if (!thread.hasEnded) return thread
  if (writer === found) writer = undefined
  return await theWriter()
}

class SystemFile implements DiskFile {
  readonly path: string
  readonly #handle: promises.FileHandle
  /** undefined for a file that is only read */
  readonly #writer: WriterThread | undefined
  /** the write that the disk has not answered */
  #late: Promise<unknown> | undefined

  constructor(path: string, handle: promises.FileHandle, writer?: WriterThread) {
    this.path = path
    this.#handle = handle
    this.#writer = writer
  }

  size(): number {
    return fs.fstatSync(this.#handle.fd).size
  }

  read(target: Uint8Array, position: number): number {
    let done = 0
    while (done < target.length) {
      const got = fs.readSync(this.#handle.fd, target, done, target.length - done, position + done)
      if (got === 0) break
      done += got
    }
    return done
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    let done = 0
    while (done < target.length) {
      const rest = target.length - done
      const { bytesRead } = await this.#handle.read(target, done, rest, position + done)
      if (bytesRead === 0) break
      done += bytesRead
    }
    return done
  }

  write(bytes: Uint8Array, position: number): Promise<void> | undefined {
    const done = this.#write(bytes, position, false)
    return typeof done === 'number' ? undefined : done.then(() => {})
  }

  writeAndSync(bytes: Uint8Array, position: number): number | Promise<number> {
    return this.#write(bytes, position, true)
  }

  #write(bytes: Uint8Array, position: number, sync: boolean): number | Promise<number> {
    const { fd } = this.#handle
    const done = present(this.#writer, this.path).write({ fd, bytes, position, sync })
    if (typeof done !== 'number') this.#late = done
    return done
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size)
  }

  async sync(): Promise<void> {
    await this.#handle.datasync()
  }

  async close(): Promise<void> {
    // The number of a closed file may be another's soon.
    await this.#late?.catch(() => {})
    await this.#handle.close()
  }
}

/** What says that there is nothing of that name for us. */
const ABSENT: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'EACCES', 'ELOOP', 'ENAMETOOLONG']

/** @throws the system's error: of a disk that says nothing, nothing is taken to be missing */
function isThere(path: string): boolean {
  try {
    fs.statSync(path)
    return true
  } catch (thrown) {
    if (ABSENT.includes(systemCodeOf(thrown))) return false
    throw thrown
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await opening(path, () => promises.open(path, 'r'))
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The machine's own disk. */
export const systemDisk: Disk = {
  async open(path, mode) {
    const handle = await opening(path, () => promises.open(path, OPEN_FLAGS[mode], 0o600))
    if (mode === 'read') return new SystemFile(path, handle)
    return new SystemFile(path, handle, await theWriter())
  },
  async list(folder) {
    if (!isThere(folder)) return []
    return await opening(folder, () => promises.readdir(folder))
  },
  async exists(path) {
    return isThere(path)
  },
  async attributes(path) {
    const found = fs.statSync(path, { throwIfNoEntry: false })
    if (found === undefined) return undefined
    return {
      mode: found.mode & 0o7777,
      ownerId: found.uid,
      isFolder: found.isDirectory(),
      isFile: found.isFile(),
      size: found.size,
      modifiedMs: found.mtimeMs,
    }
  },
  async readFile(path) {
    return await opening(path, () => promises.readFile(path))
  },
  async replaceFile(path, bytes) {
    const fresh = `${path}.new`
    await opening(fresh, () => promises.writeFile(fresh, bytes, { mode: 0o600, flush: true }))
    await promises.rename(fresh, path)
    await syncPath(dirname(path))
  },
  async makeFolder(path) {
    await promises.mkdir(path, { recursive: true, mode: 0o700 })
  },
  async remove(path) {
    await promises.unlink(path)
  },
  async rename(from, to) {
    await promises.rename(from, to)
  },
  async syncFolder(folder) {
    await syncPath(folder)
  },
  async space(folder) {
    const { blocks, bavail, bsize } = await promises.statfs(folder)
    const isReadOnly = await promises.access(folder, fs.constants.W_OK).then(
      () => false,
      (thrown: unknown) => systemCodeOf(thrown) === 'EROFS',
    )
    return { totalBytes: blocks * bsize, freeBytes: bavail * bsize, isReadOnly }
  },
  async isLocked(path) {
    if (!isThere(path)) return false
    const handle = await promises.open(path, 'r')
    // A shared lock needs no right to write, and is given back before anybody else can notice.
    const isFree = tryLock(handle.fd, { shared: true })
    if (isFree) unlock(handle.fd)
    await handle.close()
    return !isFree
  },
  async lock(path) {
    const handle = await promises.open(path, 'a+', 0o600)
    if (!tryLock(handle.fd)) {
      await handle.close()
      return undefined
    }
    return {
      async release() {
        unlock(handle.fd)
        await handle.close()
      },
    }
  },
}
