import { present } from '../lib/index.ts'
import type { Clock } from '../platform/index.ts'
import type { FileInfo } from './binlog-store.ts'
import { compareFileNames } from './file-name.ts'

/** What may go, and for whom it stays. A limit that is undefined is none. */
export interface RetentionPolicy {
  /** bytes that all files together may take */
  readonly maxSizeBytes: number | undefined
  /** a file goes when its newest event is older than this */
  readonly maxAgeMs: number | undefined
  /** bytes that the files may take whoever is away: it wins over `neededFrom` */
  readonly ceilingBytes: number | undefined
  /**
   * bytes that there is room for: `neededFrom` keeps nothing beyond them that the limits by size and age would
   * let go
   */
  readonly roomBytes: number | undefined
  /** the oldest file that a replica which is away still needs; undefined: nobody needs any */
  readonly neededFrom: string | undefined
  /** the oldest file that somebody who is connected needs, on whatever node */
  readonly readFrom: string | undefined
}

export interface RetentionPlan {
  /** the files before this one go */
  readonly upTo: string
  readonly reason: 'size' | 'age' | 'ceiling' | 'disk'
}

/**
 * What may go now, oldest first; undefined when nothing may. The newest file stays, and so does every file from
 * the first one that has a reader. By age at most one file goes per call, so that a clock that is wrong cannot
 * empty the store at once: the caller makes the pauses between calls.
 * @param nowMs milliseconds since 1970, from a RetentionClock
 */
export function planRetention(
  files: readonly FileInfo[],
  policy: RetentionPolicy,
  nowMs: number,
): RetentionPlan | undefined {
  const removable = countUnread(files, policy.readFrom)
  const free = Math.min(removable, countBefore(files, policy.neededFrom))
  const tooLarge = countOver(files, policy.maxSizeBytes, removable)
  const tooOld = Math.min(removable, countOlder(files, policy.maxAgeMs, nowMs))
  const bySize = Math.min(tooLarge, free)
  const byAge = Math.min(tooOld, free, 1)
  const byCeiling = countOver(files, policy.ceilingBytes, removable)
  const byDisk = Math.min(countOver(files, policy.roomBytes, removable), Math.max(tooLarge, tooOld))
  const counts = { size: bySize, age: byAge, ceiling: byCeiling, disk: byDisk }
  const count = Math.max(...Object.values(counts))
  if (count === 0) return undefined
  const reasons = ['size', 'age', 'ceiling', 'disk'] as const
  const reason = present(
    reasons.find((one) => counts[one] === count),
    'a reason',
  )
  return { upTo: present(files[count], 'the file that stays').name, reason }
}

/** What stays, in bytes, only since a replica that is away needs it. */
export function bytesOverLimits(
  files: readonly FileInfo[],
  policy: RetentionPolicy,
  nowMs: number,
): number {
  const removable = countUnread(files, policy.readFrom)
  const tooLarge = countOver(files, policy.maxSizeBytes, removable)
  const tooOld = Math.min(removable, countOlder(files, policy.maxAgeMs, nowMs))
  const kept = files.slice(countBefore(files, policy.neededFrom), Math.max(tooLarge, tooOld))
  return kept.reduce((sum, { size }) => sum + size, 0)
}

function countUnread(files: readonly FileInfo[], readFrom: string | undefined): number {
  const read = files.findIndex(({ readers }) => readers > 0)
  const here = read === -1 ? files.length : read
  return Math.max(0, Math.min(files.length - 1, here, countBefore(files, readFrom)))
}

/** How many files are before the name; all where there is none. */
function countBefore(files: readonly FileInfo[], name: string | undefined): number {
  if (name === undefined) return files.length
  const first = files.findIndex((file) => compareFileNames(file.name, name) >= 0)
  return first === -1 ? files.length : first
}

/** How many of the oldest files, at most `most`, must go until the rest takes no more than `limit` bytes. */
function countOver(files: readonly FileInfo[], limit: number | undefined, most: number): number {
  if (limit === undefined) return 0
  let total = files.reduce((sum, file) => sum + file.size, 0)
  let count = 0
  while (count < most && total > limit) {
    total -= present(files[count], 'file').size
    count += 1
  }
  return count
}

/** How many of the oldest files have no event that is younger. */
function countOlder(files: readonly FileInfo[], ageMs: number | undefined, nowMs: number): number {
  if (ageMs === undefined) return 0
  const isOld = ({ lastTimestamp }: FileInfo): boolean =>
    lastTimestamp > 0 && lastTimestamp * 1000 < nowMs - ageMs
  const young = files.findIndex((file) => !isOld(file))
  return young === -1 ? files.length : young
}

/** A clock that is ahead for so long is believed. */
const BELIEVED_AFTER_MS = 24 * 3_600_000

/**
 * Wall time by which files age. It is never further ahead of the newest event than the process has seen time pass
 * since that event came, so that a clock here that is wrong does no harm; and where that clock and the events jump
 * ahead together, as where the source is on the same machine, it does so only when they have been there for a day.
 */
export class RetentionClock {
  readonly #clock: Clock
  /** wall time at the monotonic time 0, as far as it is believed */
  #baseMs: number
  #aheadSinceMs: number | undefined
  #newest = { eventMs: 0, seenMs: 0 }

  constructor(clock: Clock) {
    this.#clock = clock
    this.#baseMs = clock.nowMs() - clock.monotonicMs()
  }

  /** @param newestEventMs time of the newest event that is stored; 0 when there is none */
  nowMs(newestEventMs: number): number {
    const monotonicMs = this.#clock.monotonicMs()
    if (newestEventMs !== this.#newest.eventMs) {
      this.#newest = { eventMs: newestEventMs, seenMs: monotonicMs }
    }
    const sinceEventMs = newestEventMs + monotonicMs - this.#newest.seenMs
    const toldMs = Math.min(this.#clock.nowMs(), sinceEventMs)
    const believedMs = this.#baseMs + monotonicMs
    if (toldMs <= believedMs) {
      this.#aheadSinceMs = undefined
      return toldMs
    }
    this.#aheadSinceMs ??= monotonicMs
    if (monotonicMs - this.#aheadSinceMs < BELIEVED_AFTER_MS) return believedMs
    this.#baseMs = toldMs - monotonicMs
    return toldMs
  }
}
