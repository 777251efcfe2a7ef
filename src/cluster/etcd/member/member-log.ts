import type { LogFields, Logger } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'

/** More lines than this in a second are counted only: a peer that is away makes etcd talkative. */
const LINES_PER_SECOND_MOST = 20
const SECOND_MS = 1000

type Level = 'debug' | 'info' | 'warn' | 'error'

/** etcd's levels in ours. Its `info` is of interest to whoever looks into etcd itself. */
const LEVELS: Readonly<Record<string, Level>> = {
  debug: 'debug',
  info: 'debug',
  warn: 'info',
  error: 'warn',
  dpanic: 'error',
  panic: 'error',
  fatal: 'error',
}

/** Takes what etcd writes to its standard error, a JSON object per line, into our log. */
export class MemberLog {
  readonly #log: Logger
  readonly #clock: Clock
  readonly #onSettings: (settings: LogFields) => void
  #lastTrouble: string | undefined
  #secondBeganMs = Number.NEGATIVE_INFINITY
  #linesInSecond = 0
  #leftOut = 0

  /** @param onSettings is given what etcd says of its settings when it starts */
  constructor(log: Logger, clock: Clock, onSettings: (settings: LogFields) => void) {
    this.#log = log
    this.#clock = clock
    this.#onSettings = onSettings
  }

  /** The last line that may say why etcd ended. */
  get lastTrouble(): string | undefined {
    return this.#lastTrouble
  }

  take(line: string): void {
    const fields = parse(line)
    if (fields === undefined) {
      // A panic of Go, or what etcd says before it has a logger.
      this.#keep(line)
      this.#pass('error', { etcd: line })
      return
    }
    const { level, ts: _ts, caller: _caller, msg, ...facts } = fields
    if (msg === 'starting an etcd server') this.#onSettings(facts)
    const ours = LEVELS[String(level)] ?? 'warn'
    if (ours === 'error' || ours === 'warn') {
      const { error } = facts
      this.#keep(typeof error === 'string' ? `${String(msg)}: ${error}` : String(msg))
    }
    this.#pass(ours, { etcd: facts }, String(msg))
  }

  #keep(words: string): void {
    // Only the first line of a Go panic says what happened; its stack follows.
    if (!/^(goroutine |\t|\S+\(.*\)$|\s*$)/.test(words)) this.#lastTrouble = words.slice(0, 500)
  }

  #pass(level: Level, fields: LogFields, message = 'etcd writes'): void {
    if (level !== 'debug' && !this.#hasRoom()) {
      this.#leftOut += 1
      return
    }
    this.#log[level](fields, message)
  }

  #hasRoom(): boolean {
    const nowMs = this.#clock.monotonicMs()
    if (nowMs - this.#secondBeganMs >= SECOND_MS) {
      if (this.#leftOut > 0) this.#log.warn({ lines: this.#leftOut }, 'lines of etcd were left out')
      this.#secondBeganMs = nowMs
      this.#linesInSecond = 0
      this.#leftOut = 0
    }
    this.#linesInSecond += 1
    return this.#linesInSecond <= LINES_PER_SECOND_MOST
  }
}

function parse(line: string): Readonly<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(line)
    return typeof value === 'object' && value !== null ? { ...value } : undefined
  } catch {
    return undefined
  }
}
