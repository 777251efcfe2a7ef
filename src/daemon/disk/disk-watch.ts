import type { DISK_STATES } from '../../admin/index.ts'
import { DISK_LOOK_MS, DISK_SLOW_MS, DISK_WELL_MS } from '../../config/index.ts'
import { type Logger, OperationalError, systemCodeOf } from '../../lib/index.ts'
import type { Clock, DiskFigures } from '../../platform/index.ts'
import type { SourceRunner } from '../source/source-runner.ts'
import type { RoomJournal } from './room-journal.ts'

/** What is wrong with the disk; where several things are, the worst. */
export interface DiskTrouble {
  readonly state: Exclude<(typeof DISK_STATES)[number], 'ok'>
  /** wall clock, milliseconds since 1970 */
  readonly sinceMs: number
  readonly error: OperationalError
}

export interface DiskWatchOptions {
  readonly room: Pick<RoomJournal, 'space' | 'hasRoom' | 'tooLittle'>
  readonly figures: DiskFigures
  /** why nothing is written any more, where a write or sync has failed */
  readonly failure: () => Error | undefined
  readonly source: Pick<SourceRunner, 'current'>
  readonly folder: string
  readonly clock: Clock
  readonly logger: Logger
}

/** Looks at the disk all the time, so that what is wrong with it can be seen while it lasts. */
export class DiskWatch {
  readonly #options: DiskWatchOptions
  #trouble: DiskTrouble | undefined
  /** when it was last seen not to answer, by the monotonic clock */
  #slowAtMs = Number.NEGATIVE_INFINITY

  constructor(options: DiskWatchOptions) {
    this.#options = options
  }

  /** undefined while nothing is wrong */
  get trouble(): DiskTrouble | undefined {
    return this.#trouble
  }

  /** Until the signal fires. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.#options
    while (!signal.aborted) {
      this.look()
      await clock.sleep(DISK_LOOK_MS, signal)
    }
  }

  look(): void {
    const now = this.#now()
    const before = this.#trouble
    if (now?.state !== before?.state) this.#changed(now)
    else if (now !== undefined && before !== undefined) {
      this.#trouble = { ...now, sinceMs: before.sinceMs }
    }
    if (now?.state === 'slow' && this.#isWaiting) this.#tellLink(now.error)
  }

  #now(): DiskTrouble | undefined {
    const { room, figures, failure, folder, clock } = this.#options
    const sinceMs = clock.nowMs()
    const failed = failure()
    if (room.space.isReadOnly || isReadOnlyError(failed)) {
      return { state: 'read-only', sinceMs, error: readOnly(folder) }
    }
    if (failed instanceof OperationalError) {
      const state = failed.code === 'E_DISK_FULL' ? 'full' : 'failed'
      return { state, sinceMs, error: failed }
    }
    const { oldest } = figures
    if (oldest !== undefined && this.#isWaiting) {
      this.#slowAtMs = clock.monotonicMs()
      return { state: 'slow', sinceMs: sinceMs - oldest.ageMs, error: slow(oldest) }
    }
    const error = this.#fullness()
    if (error !== undefined) return { state: 'full', sinceMs, error }
    return this.#isStillSlow ? this.#trouble : undefined
  }

  /** Where each sync takes seconds, the next one has only begun: that is the same trouble, and told once. */
  get #isStillSlow(): boolean {
    const { figures, clock } = this.#options
    if (this.#trouble?.state !== 'slow' || (figures.lastSyncMs ?? 0) < DISK_SLOW_MS) return false
    return clock.monotonicMs() - this.#slowAtMs < DISK_WELL_MS
  }

  /** The disk has not answered for a while, at the moment. */
  get #isWaiting(): boolean {
    const { oldest } = this.#options.figures
    return oldest !== undefined && oldest.ageMs >= DISK_SLOW_MS
  }

  /** Less is free than is wanted, or the disk has refused a write. */
  #fullness(): OperationalError | undefined {
    const { room, source } = this.#options
    if (!room.hasRoom) return room.tooLittle()
    const { code, reason } = source.current?.link.state.value ?? {}
    return code === 'E_DISK_FULL' ? new OperationalError(code, reason ?? '') : undefined
  }

  #changed(now: DiskTrouble | undefined): void {
    const { clock, logger } = this.#options
    const before = this.#trouble
    this.#trouble = now
    if (before !== undefined) {
      const lastedMs = Math.round(clock.nowMs() - before.sinceMs)
      logger.info({ was: before.state, lastedMs }, OVER[before.state])
    }
    if (now === undefined) return
    const { code, message, context } = now.error
    const fields = { state: now.state, code, ...context }
    if (IS_ERROR[now.state]) logger.error(fields, message)
    else logger.warn(fields, message)
  }

  /** A dump whose piece waits for the disk is paused; it goes on by itself when the piece is taken. */
  #tellLink(error: OperationalError): void {
    const { current } = this.#options.source
    if (current?.ingest.isGiving === true && current.link.state.value.phase === 'streaming') {
      current.link.pause(error)
    }
  }
}

/** Where nobody may be able to help but the operator. */
const IS_ERROR: Readonly<Record<DiskTrouble['state'], boolean>> = {
  slow: false,
  full: false,
  'read-only': true,
  failed: true,
}

const OVER: Readonly<Record<DiskTrouble['state'], string>> = {
  slow: 'the disk answers again',
  full: 'the disk has room again',
  'read-only': 'the disk can be written again',
  failed: 'the disk is written again',
}

/** Of a failed write, what the system said is the cause. */
function isReadOnlyError(error: Error | undefined): boolean {
  return error !== undefined && systemCodeOf(error.cause) === 'EROFS'
}

function readOnly(folder: string): OperationalError {
  const message =
    `the file system of ${folder} is read-only, so nothing is stored; what was stored is served. ` +
    'All goes on when it may be written again (mount -o remount,rw). See in the log of the kernel why it may not: ' +
    'where that has found an error, stop the node, unmount and check the file system, mount it and start again'
  return new OperationalError('E_DISK_READ_ONLY', message, { folder })
}

function slow({
  what,
  path,
  ageMs,
}: {
  readonly what: string
  readonly path: string
  readonly ageMs: number
}): OperationalError {
  const message =
    `the disk has not answered for ${(ageMs / 1000).toFixed(1)} s (${what} of ${path}): nothing becomes durable, ` +
    'and nothing is acknowledged, until it does; what was shown is served'
  return new OperationalError('E_DISK_SLOW', message, { what, path })
}
