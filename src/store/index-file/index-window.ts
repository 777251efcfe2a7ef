import type { DiskFile } from '../../platform/index.ts'
import { BadIndexBytes, readOrNothing, shortCrc32 } from './index-bytes.ts'
import {
  type Decoded,
  decodeEntry,
  firstState,
  type IndexState,
  SYNCED_BEFORE,
  Tag,
} from './index-entry.ts'
import { SET_SIZE_MAX } from './index-header.ts'

const WINDOW_BYTES = 1024 * 1024
/** An entry without a set is never longer. */
const PLAIN_ENTRY_SIZE_MAX = 8 * 1024

/**
 * Decodes entries one after the other from a window of the file, which grows only for an entry with
 * a set.
 */
export class IndexWindow {
  /** where the next entry stands in the file */
  offset: number
  readonly #file: DiskFile
  readonly #size: number
  #start: number
  #bytes: Buffer = Buffer.alloc(0)

  constructor(file: DiskFile, offset: number) {
    this.#file = file
    this.#size = file.size()
    this.offset = offset
    this.#start = offset
  }

  /** The next entry; undefined when the rest is none. `state` moves behind it. */
  next(state: IndexState): Decoded | undefined {
    for (let bytesMin = PLAIN_ENTRY_SIZE_MAX; ; ) {
      if (this.#start + this.#bytes.length - this.offset < bytesMin) this.#fill(bytesMin)
      const at = this.offset - this.#start
      try {
        const decoded = decodeEntry(this.#bytes, at, state)
        this.offset = this.#start + decoded.next
        return decoded
      } catch (thrown) {
        if (!(thrown instanceof BadIndexBytes)) throw thrown
        const whole = this.#start + this.#bytes.length === this.#size
        const tag = (this.#bytes[at] ?? 0) & 0x3f
        const mayBeLong = tag === Tag.SET || tag === Tag.FILE_BEGIN
        if (whole || !mayBeLong || bytesMin > SET_SIZE_MAX + PLAIN_ENTRY_SIZE_MAX) return undefined
        bytesMin = Math.max(WINDOW_BYTES, 4 * bytesMin)
      }
    }
  }

  #fill(bytesMin: number): void {
    const rest = this.#size - this.offset
    if (this.#start + this.#bytes.length === this.#size && this.#bytes.length > 0) return
    this.#bytes = readAt(this.#file, this.offset, Math.min(rest, Math.max(WINDOW_BYTES, bytesMin)))
    this.#start = this.offset
  }
}

/**
 * Whether behind `from`, where no true entry is, there is one that was written when all before it was synced.
 * @param check what the entry at `from` would go on from
 */
export function hasSyncedEntryBehind(file: DiskFile, from: number, check: number): boolean {
  return hasEntryBehind(file, { from, check }, SYNCED_BEFORE)
}

/** Whether behind `from`, where no true entry is, there is any: then it is not the end that is torn. */
export function hasTrueEntryBehind(file: DiskFile, from: number, check: number): boolean {
  return hasEntryBehind(file, { from, check }, 0)
}

/**
 * Each entry's check goes on from the four bytes before it, so one can be found at any place.
 * @param marks that its tag has
 */
function hasEntryBehind(
  file: DiskFile,
  { from, check }: { readonly from: number; readonly check: number },
  marks: number,
): boolean {
  for (let start = from; start < file.size(); start += WINDOW_BYTES) {
    const bytes = readAt(file, start, WINDOW_BYTES + PLAIN_ENTRY_SIZE_MAX)
    for (let at = 4; at < bytes.length; at += 1) {
      if (((bytes[at] ?? 0) & marks) !== marks) continue
      if (isEntryAt(bytes, at, bytes.readUInt32LE(at - 4))) return true
      // The damage may be in those four bytes.
      const isNear = start === from && at < PLAIN_ENTRY_SIZE_MAX
      if (isNear && isEntryAt(bytes, at, shortCrc32(bytes, 0, at - 4, check))) return true
    }
  }
  return false
}

/** Where nothing is known of what is before but the check, only the fields' own bounds can be looked at. */
function isEntryAt(bytes: Buffer, at: number, check: number): boolean {
  const state = { ...firstState(check, 1), end: 2 ** 51, boundary: 0, timestamp: 2 ** 31 }
  return readOrNothing(() => decodeEntry(bytes, at, state)) !== undefined
}

export function readAt(file: DiskFile, position: number, size: number): Buffer {
  if (position < 0 || size < 0) throw new BadIndexBytes('too short')
  // A size that stands in a damaged index must not cost more memory than the index has bytes.
  const bytes = Buffer.allocUnsafe(Math.min(size, Math.max(0, file.size() - position)))
  return bytes.subarray(0, file.read(bytes, position))
}
