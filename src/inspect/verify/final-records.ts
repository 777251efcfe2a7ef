import { assert } from '../../lib/index.ts'
import { type IndexEntry, IndexWalk } from '../../store/index.ts'
import { Queue } from './queue.ts'

/** A record whose bytes are in the file, as its index tells of it. */
export interface FinalRecord {
  readonly start: number
  readonly end: number
  readonly crc: number
  /** the last position between transactions at or before its end */
  readonly boundary: number
}

/** What an index says that is wrong in itself. */
export interface IndexFault {
  readonly offset: number
  readonly what: string
}

/**
 * The records of an index in the file's order, without those that a cut took away. A cut goes back to the
 * last place between transactions at most, so no more records wait here than one transaction has.
 */
export class FinalRecords {
  readonly #walk: IndexWalk
  readonly #waiting = new Queue<FinalRecord>()
  #end = 4
  #boundary = 4
  #isAtEnd = false
  #begin: Extract<IndexEntry, { kind: 'file-begin' }>['begin'] | undefined
  #isClosed = false
  #openCut: number | undefined
  readonly faults: IndexFault[] = []
  /** the last GTID set that was read, as it is stored */
  lastSet: Buffer | undefined

  constructor(walk: IndexWalk) {
    this.#walk = walk
  }

  get begin() {
    return this.#begin
  }

  /** whether the index ends as that of a file does which another one follows */
  get isClosed(): boolean {
    return this.#isClosed
  }

  /** where the file ends by a cut that was not finished */
  get openCut(): number | undefined {
    return this.#openCut
  }

  /** The next record; undefined at the end of the index. */
  next(): FinalRecord | undefined {
    for (;;) {
      const { first } = this.#waiting
      if (first !== undefined && (first.end <= this.#boundary || this.#isAtEnd)) {
        return this.#waiting.shift()
      }
      if (this.#isAtEnd || !this.#read()) return this.#waiting.shift()
    }
  }

  /** Reads one entry; false at the end of the index. */
  #read(): boolean {
    const walked = this.#walk.next()
    if (walked === undefined) {
      this.#isAtEnd = true
      return false
    }
    if (walked.wrong !== undefined) {
      this.faults.push({ offset: walked.offset, what: walked.wrong })
    }
    const isReadable = walked.wrong === undefined || walked.entry.kind !== 'set'
    if (isReadable) this.#take(walked.entry)
    return true
  }

  #take(entry: IndexEntry): void {
    this.#isClosed = entry.kind === 'closed'
    switch (entry.kind) {
      case 'bytes': {
        const { end, boundary, crc } = entry
        this.#waiting.push({ start: this.#end, end, crc, boundary })
        this.#end = end
        this.#boundary = boundary
        return
      }
      case 'cut':
        this.#cut(entry.to, entry)
        this.#openCut = entry.to
        return
      case 'cut-done':
        this.#openCut = undefined
        return
      case 'set':
        this.lastSet = entry.encoded
        return
      case 'file-begin':
        this.#begin ??= entry.begin
        return
      case 'epoch-start':
      case 'purge':
      case 'checkpoint':
      case 'closed':
        return
    }
  }

  #cut(to: number, divided: { readonly start: number; readonly crc: number }): void {
    while ((this.#waiting.last?.start ?? 0) >= to) this.#waiting.pop()
    const { last } = this.#waiting
    if (last !== undefined && last.end > to) {
      assert(divided.start === last.start, `a cut to ${to} divides another record`)
      this.#waiting.pop()
      this.#waiting.push({ ...last, end: to, crc: divided.crc, boundary: to })
    }
    this.#end = to
    this.#boundary = to
  }
}
