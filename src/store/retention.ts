import { present } from '../lib/index.ts'
import type { Clock } from '../platform/index.ts'
import type { FileInfo } from './binlog-store.ts'
import { compareFileNames } from './file-name.ts'

export interface RetentionPolicy {
  /** bytes that all files together may take; undefined: no limit */
  readonly maxSizeBytes: number | undefined
  /** a file goes when its newest event is older than this; undefined: no limit */
  readonly maxAgeMs: number | undefined
  /** what the files may take whoever needs them: it wins over `neededFrom`; undefined: no limit */
  readonly ceilingBytes: number | undefined
  /** the oldest file that a replica which is away still needs; undefined: nobody needs any */
  readonly neededFrom: string | undefined
}

export interface RetentionPlan {
  /** the files before this one go */
  readonly upTo: string
  readonly reason: 'size' | 'age' | 'ceiling'
}

/**
 * What may go now, oldest first; undefined when nothing may. The newest file stays, and so does
 * every file from the first one that has a reader. By age at most one file goes per call, so that a
 * clock that jumped while nobody ran cannot empty the store at once: the caller makes the pauses
 * between calls.
 * @param nowMs milliseconds since 1970, from a RetentionClock
 */
export function planRetention(
  files: readonly FileInfo[],
  policy: RetentionPolicy,
  nowMs: number,
): RetentionPlan | undefined {
  const removable = countBeforeReader(files)
  const wanted = policy.neededFrom
  const free = wanted === undefined ? removable : countBefore(files, removable, wanted)
  const overCeiling = countOver(files, policy.ceilingBytes, removable)
  const overSize = countOver(files, policy.maxSizeBytes, free)
  const tooOld =
    policy.maxAgeMs !== undefined && free > 0 && isOlder(files, nowMs - policy.maxAgeMs)
  const bySize = overSize > 0
  const count = Math.max(overCeiling, overSize, tooOld ? 1 : 0)
  if (count === 0) return undefined
  const reason = overCeiling === count && overCeiling > free ? 'ceiling' : bySize ? 'size' : 'age'
  return { upTo: present(files[count], 'the file that stays').name, reason }
}

function countBeforeReader(files: readonly FileInfo[]): number {
  const held = files.findIndex((file) => file.readers > 0)
  return Math.max(0, Math.min(files.length - 1, held === -1 ? files.length : held))
}

function countBefore(files: readonly FileInfo[], most: number, name: string): number {
  let count = 0
  while (count < most && compareFileNames(present(files[count], 'file').name, name) < 0) count += 1
  return count
}

/**
 * How many of the oldest files, at most `most`, must go until the rest takes no more than `limit`
 * bytes.
 */
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

function isOlder(files: readonly FileInfo[], thanMs: number): boolean {
  const newest = files[0]?.lastTimestamp ?? 0
  return newest > 0 && newest * 1000 < thanMs
}

/** Wall time that never runs ahead of the time that has truly passed since the process began. */
export class RetentionClock {
  readonly #clock: Clock
  readonly #wallMs: number
  readonly #monotonicMs: number

  constructor(clock: Clock) {
    this.#clock = clock
    this.#wallMs = clock.nowMs()
    this.#monotonicMs = clock.monotonicMs()
  }

  nowMs(): number {
    const passed = this.#clock.monotonicMs() - this.#monotonicMs
    return Math.min(this.#clock.nowMs(), this.#wallMs + passed)
  }
}
