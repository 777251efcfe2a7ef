import { formatBytes } from '../lib/index.ts'
import type { Terminal } from './terminal.ts'

/** How often a line is rewritten on a terminal, and how often one is written elsewhere. */
const REWRITE_MS = 200
const LINE_MS = 5000
const WIDTH = 79

/** Tells on standard error how far something is that takes long. */
export class Progress {
  readonly #terminal: Terminal
  readonly #startedMs: number
  #toldMs: number
  #isLineOpen = false

  constructor(terminal: Terminal) {
    this.#terminal = terminal
    this.#startedMs = terminal.clock.monotonicMs()
    this.#toldMs = this.#startedMs
  }

  tell(what: string, doneBytes: number, totalBytes: number): void {
    const { clock, errorIsTerminal, error } = this.#terminal
    const nowMs = clock.monotonicMs()
    if (nowMs - this.#toldMs < (errorIsTerminal ? REWRITE_MS : LINE_MS)) return
    this.#toldMs = nowMs
    const perSecond = (doneBytes * 1000) / Math.max(1, nowMs - this.#startedMs)
    const percent = totalBytes === 0 ? 100 : Math.min(100, (100 * doneBytes) / totalBytes)
    const restS = Math.max(0, totalBytes - doneBytes) / Math.max(1, perSecond)
    const rate = `${(perSecond / 1e6).toFixed(0)} MB/s, ${Math.ceil(restS)} s left`
    const text = `${what}: ${percent.toFixed(1)} % of ${formatBytes(totalBytes)}, ${rate}`
    if (errorIsTerminal) error(`\r${text.slice(0, WIDTH).padEnd(WIDTH)}`)
    else error(`${text}\n`)
    this.#isLineOpen = errorIsTerminal
  }

  /** Takes its line away. */
  end(): void {
    if (this.#isLineOpen) this.#terminal.error(`\r${' '.repeat(WIDTH)}\r`)
    this.#isLineOpen = false
  }
}
