import { assert } from '../lib/index.ts'
import type { GtidSet } from '../mysql/index.ts'
import type { Position } from './record.ts'

export interface PendingRecord {
  /** the last place between transactions behind the record; undefined before the first file */
  readonly boundary: Position | undefined
  /** what is held when the record is committed and was not before */
  readonly gtids: GtidSet | undefined
}

interface Numbered extends PendingRecord {
  readonly sequence: number
}

/**
 * Sequences, and the records that are appended and not yet committed.
 *
 * Invariant: committed <= durable <= appended.
 */
export class PendingRecords {
  #appended: number
  #durable: number
  #committed: number
  #waiting: Numbered[] = []
  /** records before this index of `#waiting` are committed */
  #first = 0

  /** @param sequence of the last record, which is committed */
  constructor(sequence: number) {
    this.#appended = sequence
    this.#durable = sequence
    this.#committed = sequence
  }

  get appended(): number {
    return this.#appended
  }

  get durable(): number {
    return this.#durable
  }

  get committed(): number {
    return this.#committed
  }

  add(record: PendingRecord): number {
    this.#appended += 1
    this.#waiting.push({ ...record, sequence: this.#appended })
    return this.#appended
  }

  markDurable(sequence: number): void {
    assert(sequence >= this.#durable, `the durable end goes back to ${sequence}`)
    assert(sequence <= this.#appended, `record ${sequence} is durable before it was appended`)
    this.#durable = sequence
  }

  /**
   * `base`, which holds what is committed, and what the records up to `sequence` add; a fresh
   * object.
   */
  heldWith(base: GtidSet, sequence: number): GtidSet {
    const held = base.clone()
    for (let index = this.#first; index < this.#waiting.length; index += 1) {
      const record = this.#waiting[index]
      if (record === undefined || record.sequence > sequence) break
      if (record.gtids !== undefined) held.addAll(record.gtids)
    }
    return held
  }

  /** The last place between transactions that the waiting records up to `sequence` know. */
  boundaryAt(sequence: number): Position | undefined {
    const waiting = this.#waiting.slice(this.#first)
    return waiting.findLast((record) => record.sequence <= sequence && record.boundary)?.boundary
  }

  /**
   * Commits the records up to `sequence`: adds what they hold to `held` and returns the last
   * boundary.
   */
  commit(sequence: number, held: GtidSet): Position | undefined {
    assert(sequence >= this.#committed, `the committed end goes back to ${sequence}`)
    assert(sequence <= this.#durable, `record ${sequence} is committed before it is durable`)
    this.#committed = sequence
    let boundary: Position | undefined
    for (; this.#first < this.#waiting.length; this.#first += 1) {
      const record = this.#waiting[this.#first]
      if (record === undefined || record.sequence > sequence) break
      if (record.gtids !== undefined) held.addAll(record.gtids)
      boundary = record.boundary ?? boundary
    }
    this.#compact()
    return boundary
  }

  #compact(): void {
    if (this.#first * 2 < this.#waiting.length) return
    this.#waiting = this.#waiting.slice(this.#first)
    this.#first = 0
  }
}
