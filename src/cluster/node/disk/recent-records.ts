import type { LogRecord } from '../../../store/index.ts'

/**
 * The newest records of a leader with their bytes, as long as there is room for them: who follows closely is sent
 * them from here, without a look at the disk.
 */
export class RecentRecords {
  readonly #bytesMost: number
  #records: LogRecord[] = []
  /** records before this index of `#records` are given up */
  #first = 0
  #bytes = 0

  constructor(bytesMost: number) {
    this.#bytesMost = bytesMost
  }

  add(record: LogRecord): void {
    const last = this.#records.at(-1)
    if (last !== undefined && last.sequence + 1 !== record.sequence) this.clear()
    this.#records.push(record)
    this.#bytes += sizeOf(record)
    while (this.#bytes > this.#bytesMost && this.#records.length - this.#first > 1) this.#drop()
    if (this.#first * 2 > this.#records.length) {
      this.#records = this.#records.slice(this.#first)
      this.#first = 0
    }
  }

  get(sequence: number): LogRecord | undefined {
    const oldest = this.#records[this.#first]
    if (oldest === undefined || sequence < oldest.sequence) return undefined
    return this.#records[this.#first + sequence - oldest.sequence]
  }

  clear(): void {
    this.#records = []
    this.#first = 0
    this.#bytes = 0
  }

  #drop(): void {
    const oldest = this.#records[this.#first]
    if (oldest !== undefined) this.#bytes -= sizeOf(oldest)
    this.#first += 1
  }
}

/** In memory, roughly: small records are many. */
function sizeOf({ bytes }: LogRecord): number {
  return 256 + (bytes?.length ?? 0)
}
