import type { StoredFileFacts } from './stored-file.ts'

/** A file that nobody purges until it is released. */
export interface HeldFile {
  readonly facts: StoredFileFacts
  /** bytes that are durable; all of them, of a file that is closed */
  readonly size: number
  /** whether it is written to */
  isActive(): boolean
  /** false for one that is gone all the same */
  isThere(): boolean
  /** Takes into use what was put in the place of the file, or of its index. */
  renew(): Promise<void>
  release(): Promise<void>
}
