import { InvariantError } from '../lib/index.ts'

export interface ReadResult {
  /** part of the caller's buffer: verified bytes of the file from the asked position; empty at the visible end */
  readonly bytes: Buffer
  /** the position in the file behind `bytes` */
  readonly end: number
}

/** Reads one file up to the visible end; every byte it hands out was checked against the index just then. */
export interface FileReader {
  readonly name: string
  /**
   * Fills `target` with whole records from the one that holds `position` on, at most to the visible end, and
   * returns the part from `position`. Synchronous: for bytes that are likely in the page cache.
   * @param target at least RECORD_BYTES_MAX bytes
   * @throws OperationalError E_STORE_DAMAGED, naming file and position, when the bytes are not those that were stored
   */
  read(position: number, target: Buffer): ReadResult
  /** The same, reading on the thread pool. */
  readAsync(position: number, target: Buffer): Promise<ReadResult>
  /** Lets the file go; it can be purged when its last reader is closed. */
  close(): Promise<void>
}
void InvariantError
