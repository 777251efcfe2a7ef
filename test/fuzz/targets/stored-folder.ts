/*
  A store's folder as it lies on the disk, made by the store itself from captured files: one file that is
  closed and one that is the last, each with its index. Memory stands for the disk.
*/
import { present, silentLogger } from '../../../src/lib/index.ts'
import { GtidSet } from '../../../src/mysql/index.ts'
import type { Disk, DiskFile } from '../../../src/platform/index.ts'
import { systemDisk } from '../../../src/platform/index.ts'
import { Store } from '../../../src/store/index.ts'
import {
  beginOf,
  chunksOf,
  heldOf,
  withPreviousGtids,
} from '../../../src/store/testing/binlog-feed.ts'
import { fixture } from '../../captured-files.ts'

export const FOLDER = '/binlogs'
export const INDEX_NAME = 'binlog.000005'
export const LAST_NAME = 'binlog.000006'
const STORE_ID = 'store-1'

/** Files by their path. */
export type Files = Map<string, Buffer>

/** A disk that keeps its files in memory. */
export function memoryDisk(files: Files): Disk {
  const bytesOf = (path: string): Buffer => present(files.get(path), path)
  const open = (path: string): DiskFile => {
    const read = (target: Uint8Array, position: number): number => {
      const bytes = bytesOf(path)
      return position >= bytes.length ? 0 : bytes.copy(target, 0, position)
    }
    return {
      path,
      size: () => bytesOf(path).length,
      read,
      readAsync: async (target, position) => read(target, position),
      write(bytes, position) {
        const old = bytesOf(path)
        const grown = Buffer.alloc(Math.max(old.length, position + bytes.length))
        old.copy(grown)
        grown.set(bytes, position)
        files.set(path, grown)
      },
      async truncate(size) {
        const cut = Buffer.alloc(size)
        bytesOf(path).copy(cut)
        files.set(path, cut)
      },
      sync: async () => {},
      writeAndSync: () => 0,
      close: async () => {},
    }
  }
  return {
    ...systemDisk,
    async open(path, mode) {
      if (mode === 'create') files.set(path, Buffer.alloc(0))
      return open(path)
    },
    list: async (folder) =>
      [...files.keys()]
        .filter((path) => path.startsWith(`${folder}/`))
        .map((path) => path.slice(folder.length + 1)),
    exists: async (path) => [...files.keys()].some((name) => `${name}/`.startsWith(`${path}/`)),
    attributes: async (path) => {
      const bytes = files.get(path)
      const owner = { ownerId: 0, isFolder: false, isFile: true }
      return bytes && { mode: 0o600, size: bytes.length, modifiedMs: 0, ...owner }
    },
    readFile: async (path) => bytesOf(path),
    replaceFile: async (path, bytes) => void files.set(path, Buffer.from(bytes)),
    makeFolder: async () => {},
    remove: async (path) => void files.delete(path),
    async rename(from, to) {
      files.set(to, bytesOf(from))
      files.delete(from)
    },
    syncFolder: async () => {},
    isLocked: async () => false,
  }
}

export function openStore(files: Files): Promise<Store> {
  const disk = memoryDisk(files)
  return Store.open({ disk, folder: FOLDER, storeId: STORE_ID, logger: silentLogger })
}

let made: Files | undefined

/** Has to have been called before `storedFiles`: making a folder takes waiting, seeds do not wait. */
export async function makeStoredFolder(): Promise<void> {
  if (made !== undefined) return
  const files: Files = new Map()
  const store = await openStore(files)
  const first = withPreviousGtids(fixture('ddl-xa.000005'), GtidSet.empty())
  const held = heldOf(first, first.length)
  const last = withPreviousGtids(fixture('compressed-trx.000004'), held)
  for (const [name, file] of [
    [INDEX_NAME, first],
    [LAST_NAME, last],
  ] as const) {
    store.commit(await store.beginFile(beginOf(name)))
    for (const chunk of chunksOf(file, 4, file.length, [200, 900, 901, 2500, 4000])) {
      await store.append(chunk)
      store.commit(await store.sync())
    }
  }
  made = files
}

export function storedFiles(): Files {
  return present(made, 'the folder, made before')
}

export function storedIndexes(): Buffer[] {
  return [INDEX_NAME, LAST_NAME].map((name) =>
    present(storedFiles().get(`${FOLDER}/${name}.idx`), name),
  )
}
