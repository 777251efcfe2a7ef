import type { LogFields, Logger } from './telemetry.ts'

/** Lines of one message in one window; what is more is counted, and the next line that is written says how many. */
const LINES_MOST = 20
const WINDOW_MS = 10_000

/** The part of a clock that it needs. */
interface Stopwatch {
  monotonicMs(): number
}

interface Window {
  beganMs: number
  lines: number
  leftOut: number
}

/**
 * Log lines that strangers can cause, as many as they like: each message is written a few times in ten
 * seconds, so that a flood of connections does not become a flood on the disk. Errors are always written.
 */
export class LimitedLogger implements Logger {
  readonly #inner: Logger
  readonly #clock: Stopwatch
  /** by message, which are sentences of ours and so not many */
  readonly #windows: Map<string, Window>

  constructor(inner: Logger, clock: Stopwatch, windows: Map<string, Window> = new Map()) {
    this.#inner = inner
    this.#clock = clock
    this.#windows = windows
  }

  debug(fields: LogFields, message: string): void {
    this.#limited(fields, message, (all) => this.#inner.debug(all, message))
  }

  info(fields: LogFields, message: string): void {
    this.#limited(fields, message, (all) => this.#inner.info(all, message))
  }

  warn(fields: LogFields, message: string): void {
    this.#limited(fields, message, (all) => this.#inner.warn(all, message))
  }

  error(fields: LogFields, message: string): void {
    this.#inner.error(fields, message)
  }

  child(fields: LogFields): Logger {
    return new LimitedLogger(this.#inner.child(fields), this.#clock, this.#windows)
  }

  #limited(fields: LogFields, message: string, write: (fields: LogFields) => void): void {
    const nowMs = this.#clock.monotonicMs()
    const window = this.#windows.get(message) ?? { beganMs: nowMs, lines: 0, leftOut: 0 }
    this.#windows.set(message, window)
    if (nowMs - window.beganMs >= WINDOW_MS) {
      window.beganMs = nowMs
      window.lines = 0
    }
    if (window.lines >= LINES_MOST) {
      window.leftOut += 1
      return
    }
    window.lines += 1
    write(window.leftOut === 0 ? fields : { ...fields, leftOut: window.leftOut })
    window.leftOut = 0
  }
}
