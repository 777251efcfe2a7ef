/*
  The disk as the store sees it. `systemDisk` is the real one; the simulated disk of the tests loses
  unsynced writes, tears them, flips bits and runs full behind the same interface.

  Writes go to the page cache and are synchronous: copying into the page cache is faster than a trip
  to the thread pool. Only `sync` waits for the device, and it runs on the thread pool. (Figures:
  docs/decisions/0003-synchronous-writes.md.)
*/
export interface DiskFile {
  readonly path: string
  /** current length in bytes, asked from the system */
  size(): number
  /** Reads up to `target.length` bytes at `position`; returns how many; fewer only at the end of the file. */
  read(target: Uint8Array, position: number): number
  /** The same on the thread pool, for when the bytes may not be in the page cache. */
  readAsync(target: Uint8Array, position: number): Promise<number>
  /** Writes all of `bytes` at `position` into the page cache, or throws the system's error (ENOSPC, EIO). */
  write(bytes: Uint8Array, position: number): void
  truncate(size: number): Promise<void>
  /** fdatasync: what was written before the call survives a power cut once this resolves. */
  sync(): Promise<void>
  /** The same while the whole process waits; returns how long that took, in milliseconds. */
  syncNow(): number
  close(): Promise<void>
}

export interface DiskSpace {
  readonly totalBytes: number
  /** what this process may still write */
  readonly freeBytes: number
}

export interface FileAttributes {
  /** permission bits: `0o600` */
  readonly mode: number
  readonly ownerId: number
  readonly isFolder: boolean
  /** false for pipes and devices, too */
  readonly isFile: boolean
  readonly size: number
  /** milliseconds since 1970; with `size` it tells that a file was edited */
  readonly modifiedMs: number
}

export interface Disk {
  /** `read`: must exist. `write`: must exist, read and write. `create`: must not exist, mode 0600. */
  open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile>
  /** names in the folder, unsorted; none when the folder does not exist */
  list(folder: string): Promise<string[]>
  exists(path: string): Promise<boolean>
  /** undefined when the file does not exist */
  attributes(path: string): Promise<FileAttributes | undefined>
  /** whole small file */
  readFile(path: string): Promise<Buffer>
  /** Replaces a small file so that after a power cut the old or the new one is there, whole. Mode 0600. */
  replaceFile(path: string, bytes: Uint8Array): Promise<void>
  /** mode 0700, parents too; nothing happens when it exists */
  makeFolder(path: string): Promise<void>
  remove(path: string): Promise<void>
  rename(from: string, to: string): Promise<void>
  /** Makes earlier creates, renames and removes in `folder` survive a power cut. */
  syncFolder(folder: string): Promise<void>
  space(folder: string): Promise<DiskSpace>
  /**
   * Takes a kernel lock on the file (made when absent) until released or the process dies;
   * undefined when another process has it.
   */
  lock(path: string): Promise<{ release(): Promise<void> } | undefined>
  /** Whether a process has the kernel lock on the file; the file is not made. */
  isLocked(path: string): Promise<boolean>
}
