const redrawMs = 250
const plainEveryMs = 2_000

/**
 * A few lines that are drawn again and again in the same place on a terminal; elsewhere (a file, a
 * pipe) one plain line every two seconds.
 */
export class LiveView {
  readonly #draw: () => Promise<string[]>
  readonly #onTerminal = process.stdout.isTTY
  #drawnLines = 0
  #plainAt = 0
  #stopping = false
  #ended: Promise<void> = Promise.resolve()

  constructor(draw: () => Promise<string[]>) {
    this.#draw = draw
  }

  start(): void {
    this.#stopping = false
    this.#ended = this.#run()
  }

  /** Draws a last time and leaves the lines standing. */
  async stop(): Promise<void> {
    this.#stopping = true
    await this.#ended
    this.#drawnLines = 0
    this.#plainAt = 0
  }

  /** Says something that stays, above the live lines. */
  say(line: string): void {
    this.#erase()
    console.log(line)
  }

  async #run(): Promise<void> {
    for (;;) {
      const last = this.#stopping
      this.#show(await this.#draw())
      if (last) return
      await new Promise((resolve) => setTimeout(resolve, redrawMs))
    }
  }

  #show(lines: readonly string[]): void {
    if (this.#onTerminal) {
      this.#erase()
      // A line that wrapped would take two rows, and too few would be erased the next time.
      const width = process.stdout.columns - 1
      process.stdout.write(lines.map((line) => `${line.slice(0, width)}\n`).join(''))
      this.#drawnLines = lines.length
    } else if (performance.now() >= this.#plainAt) {
      console.log(lines.map((line) => line.trim().replaceAll(/ +/g, ' ')).join(' | '))
      this.#plainAt = performance.now() + plainEveryMs
    }
  }

  #erase(): void {
    if (this.#drawnLines > 0) process.stdout.write(`\u001B[${this.#drawnLines}A\u001B[J`)
    this.#drawnLines = 0
  }
}
