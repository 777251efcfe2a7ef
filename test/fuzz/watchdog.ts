import { Worker } from 'node:worker_threads'

/** An input that has not come back after this hangs, whatever else the machine has to do. */
const SILENT_MS_MOST = 60_000

// A loop that does not end holds up this thread for ever: only another one can say so.
const WATCH = `
  const { workerData, parentPort } = require('node:worker_threads')
  const { shared, words, silentMs } = workerData
  const beats = new Int32Array(shared)
  let seen = -1
  let since = Date.now()
  setInterval(() => {
    const now = Atomics.load(beats, 0)
    if (now !== seen) { seen = now; since = Date.now(); return }
    if (Date.now() - since < silentMs) return
    require('node:fs').writeSync(2, words[Atomics.load(beats, 1)] + ' HANGS at input ' + now + '\\n')
    process.kill(process.pid, 'SIGKILL')
  }, 1000)
`

/** Ends the process, after saying which input it was, when one input takes for ever. */
export class Watchdog {
  readonly #beats = new Int32Array(new SharedArrayBuffer(8))
  readonly #worker: Worker

  /** @param words what to say of each target, by its number */
  constructor(words: readonly string[]) {
    const workerData = { shared: this.#beats.buffer, words, silentMs: SILENT_MS_MOST }
    this.#worker = new Worker(WATCH, { eval: true, workerData })
    this.#worker.unref()
  }

  beat(target: number, index: number): void {
    Atomics.store(this.#beats, 1, target)
    Atomics.store(this.#beats, 0, index)
  }

  async close(): Promise<void> {
    await this.#worker.terminate()
  }
}
