import * as fs from 'node:fs'
import * as promises from 'node:fs/promises'
import { dirname } from 'node:path'
import { tryLock, unlock } from 'fs-native-extensions'
import type { Disk, DiskFile } from './disk.ts'

const OPEN_FLAGS = { read: 'r', write: 'r+', create: 'wx+' } as const

class SystemFile implements DiskFile {
  readonly path: string
  readonly #handle: promises.FileHandle

  constructor(path: string, handle: promises.FileHandle) {
    this.path = path
    this.#handle = handle
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

  write(bytes: Uint8Array, position: number): void {
    let done = 0
    while (done < bytes.length) {
      const rest = bytes.length - done
      done += fs.writeSync(this.#handle.fd, bytes, done, rest, position + done)
    }
  }

  async truncate(size: number): Promise<void> {
    await this.#handle.truncate(size)
  }

  async sync(): Promise<void> {
    await this.#handle.datasync()
  }

  syncNow(): number {
    const begun = performance.now()
    fs.fdatasyncSync(this.#handle.fd)
    return performance.now() - begun
  }

  async close(): Promise<void> {
    await this.#handle.close()
  }
}

async function syncPath(path: string): Promise<void> {
  const handle = await promises.open(path, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** The machine's own disk. */
export const systemDisk: Disk = {
  async open(path, mode) {
    return new SystemFile(path, await promises.open(path, OPEN_FLAGS[mode], 0o600))
  },
  async list(folder) {
    return fs.existsSync(folder) ? await promises.readdir(folder) : []
  },
  async exists(path) {
    return fs.existsSync(path)
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
    return await promises.readFile(path)
  },
  async replaceFile(path, bytes) {
    const fresh = `${path}.new`
    await promises.writeFile(fresh, bytes, { mode: 0o600, flush: true })
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
    const found = await promises.statfs(folder)
    return { totalBytes: found.blocks * found.bsize, freeBytes: found.bavail * found.bsize }
  },
  async isLocked(path) {
    if (!fs.existsSync(path)) return false
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
