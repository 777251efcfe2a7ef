import { assert } from '../../../lib/index.ts'
import type {
  LogBase,
  LogPoint,
  LogRecord,
  LogRemoval,
  ReplicatedLog,
} from '../../../store/index.ts'
import type { Input, StreamId } from '../../protocol/inputs.ts'

type Step = () => Promise<Input | undefined>

export interface LogWorkOptions {
  readonly log: ReplicatedLog
  /** the disk's answers; never called from within a call of this class */
  readonly answer: (input: Input) => void
  /** a write or sync failed: nothing more is done */
  readonly failed: (error: unknown) => void
}

/**
 * The disk work of one node, in the order in which it was decided. Bytes go into the page cache at once, also beside
 * a sync; all else waits its turn. One sync covers whatever was appended before it began, and the next begins at
 * once.
 */
export class LogWork {
  readonly #options: LogWorkOptions
  #steps: Step[] = []
  /** a step other than a sync is under way: nothing may be appended beside it */
  #isExclusive = false
  #isRunning = false
  #isOver = false
  /** bytes that are appended or wait for it, and not durable: by the sequence that ends them */
  #unsynced: { readonly sequence: number; readonly bytes: number }[] = []
  #unsyncedBytes = 0

  constructor(options: LogWorkOptions) {
    this.#options = options
  }

  /** What a crash would lose, in bytes. */
  get unsyncedBytes(): number {
    return this.#unsyncedBytes
  }

  /** The bytes of the records must stay as they are until these are durable: a record may have to wait its turn. */
  append(records: readonly LogRecord[]): void {
    if (this.#isOver) return
    for (const record of records) this.#append(record)
    this.#go()
  }

  truncate(to: number): void {
    this.#do(async () => {
      await this.#log.truncate(to)
      this.#forgetBytes()
      return { kind: 'truncated', to, tail: this.#log.tail }
    })
  }

  startOver(base: LogBase, lineage: readonly LogPoint[]): void {
    this.#do(async () => {
      await this.#log.startOver(base, lineage)
      this.#forgetBytes()
      return { kind: 'started-over', base, lineage }
    })
  }

  remove(removal: LogRemoval): void {
    this.#do(async () => {
      await this.#log.remove(removal)
      const { digest, tail } = this.#log.base
      return { kind: 'removed', sequence: removal.sequence, digest, tail }
    })
  }

  readDigest(stream: StreamId, sequence: number): void {
    this.#do(async () => {
      // A purge that was decided before may have taken it; the protocol looks.
      const isPurged = sequence < this.#log.base.sequence
      const digest = isPurged ? '' : await this.#log.digestAt(sequence)
      return { kind: 'digest-read', stream, sequence, digest }
    })
  }

  /** Nothing more is begun; resolves when nothing is under way. */
  async end(): Promise<void> {
    this.#isOver = true
    this.#steps = []
    while (this.#isRunning) await this.#idle()
  }

  // ---- inside

  readonly #waiters: (() => void)[] = []

  /** What is appended now comes behind a step that is under way or waits. */
  get #mustWait(): boolean {
    return this.#isExclusive || this.#steps.length > 0
  }

  get #log(): ReplicatedLog {
    return this.#options.log
  }

  #append(record: LogRecord): void {
    const size = record.bytes?.length ?? 0
    if (size > 0) {
      this.#unsynced.push({ sequence: record.sequence, bytes: size })
      this.#unsyncedBytes += size
    }
    if (record.kind !== 'bytes' || record.isShort === true || this.#mustWait) {
      this.#steps.push(async () => {
        await this.#log.append([record])
        return undefined
      })
      return
    }
    try {
      const late = this.#log.appendBytes(record)
      if (late === undefined) return
      // Whatever comes now waits for it; that it failed is told by the step.
      late.catch(() => {})
      this.#steps.push(() => late.then(() => undefined))
    } catch (thrown) {
      this.#fail(thrown)
    }
  }

  #do(step: Step): void {
    if (this.#isOver) return
    this.#steps.push(step)
    this.#go()
  }

  #go(): void {
    if (this.#isRunning || this.#isOver) return
    this.#isRunning = true
    void this.#run()
  }

  async #run(): Promise<void> {
    // What is appended in one go is synced in one.
    await Promise.resolve()
    let told = this.#log.durable
    try {
      while (!this.#isOver) {
        const step = this.#steps.shift()
        if (step !== undefined) {
          this.#isExclusive = true
          const input = await step()
          this.#isExclusive = false
          if (input !== undefined && !this.#isOver) this.#options.answer(input)
          // A step that takes records back says how the log ends itself.
          told = Math.min(told, this.#log.durable)
        } else if (this.#log.durable < this.#log.end) {
          await this.#log.sync()
        } else if (told === this.#log.durable) {
          break
        }
        if (this.#log.durable > told && this.#steps.length === 0) {
          told = this.#log.durable
          this.#noteDurable(told)
          if (!this.#isOver) this.#options.answer({ kind: 'durable', sequence: told })
        }
      }
    } catch (thrown) {
      this.#fail(thrown)
    } finally {
      this.#isExclusive = false
      this.#isRunning = false
      for (const wake of this.#waiters.splice(0)) wake()
    }
  }

  #noteDurable(sequence: number): void {
    let count = 0
    for (const record of this.#unsynced) {
      if (record.sequence > sequence) break
      this.#unsyncedBytes -= record.bytes
      count += 1
    }
    this.#unsynced.splice(0, count)
    assert(this.#unsyncedBytes >= 0, 'more bytes are durable than were appended')
  }

  #forgetBytes(): void {
    this.#unsynced = []
    this.#unsyncedBytes = 0
  }

  #fail(thrown: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#steps = []
    this.#options.failed(thrown)
  }

  #idle(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiters.push(resolve)
    })
  }
}
