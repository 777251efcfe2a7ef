/*
  The disk as the store sees it. `systemDisk` is the real one; the simulated disk of the tests loses
  unsynced writes, tears them, flips bits and runs full behind the same interface.

  `write` copies into the page cache while the process waits, but not for long: a disk that does not answer must not
  hold up whoever has nothing to do with it. All else that waits for the device runs on the thread pool.
  (docs/decisions/0003-synchronous-writes.md, 0008-a-thread-that-writes.md)
*/
export interface DiskFile {
  readonly path: string
  /** current length in bytes, asked from the system */
  size(): number
  /** Reads up to `target.length` bytes at `position`; returns how many; fewer only at the end of the file. */
  read(target: Uint8Array, position: number): number
  /** The same on the thread pool, for when the bytes may not be in the page cache. */
  readAsync(target: Uint8Array, position: number): Promise<number>
  /**
   * Writes all of `bytes` at `position` into the page cache: when the call returns, or, where the disk
   * does not answer at once, when the promise resolves that it returns then; the bytes must stay as
   * they are until that.
   * @throws the system's error (ENOSPC, EIO); the promise rejects with it
   */
  write(bytes: Uint8Array, position: number): Promise<void> | undefined
  truncate(size: number): Promise<void>
  /** fdatasync: what was written before the call survives a power cut once this resolves. */
  sync(): Promise<void>
  /**
   * `write` and an fdatasync behind it, while the process waits, but not for long either; returns how
   * long the fdatasync took, in milliseconds. What was written before survives a power cut too.
   * @throws the system's error; where its `syscall` is fdatasync the bytes were written
   */
  writeAndSync(bytes: Uint8Array, position: number): number | Promise<number>
  close(): Promise<void>
}

export interface DiskSpace {
  readonly totalBytes: number
  /** what this process may still write */
  readonly freeBytes: number
  /** nothing may be written at all */
  readonly isReadOnly: boolean
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
  /** names in the folder, unsorted; none when the folder does not exist. @throws as `exists` */
  list(folder: string): Promise<string[]>
  /** @throws the system's error (EIO) where the disk does not say: what cannot be read is not missing */
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
