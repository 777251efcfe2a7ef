/*
  Compares a file with its index while the file is walked: the bytes of each record by their CRC-32, the
  boundary of each record with the places between transactions, each GTID set with what is held there.
*/
import { crc32 } from '../../lib/index.ts'
import type { GtidSet } from '../../mysql/index.ts'
import type { PassedEvent } from '../checked-walk.ts'
import { type Damage, nameOf } from '../damage.ts'
import type { FinalRecord, FinalRecords } from './final-records.ts'
import type { IndexedSets } from './indexed-sets.ts'
import { Queue } from './queue.ts'

interface Suspect {
  readonly record: FinalRecord
  /** the transaction in which it begins, once its first event has passed */
  in: Damage['transaction']
  isPlaced: boolean
}

export interface RecordCheckParts {
  readonly file: string
  readonly records: FinalRecords
  readonly sets: IndexedSets
  /** before the first event; the walk adds to it */
  readonly held: GtidSet
}

export class RecordCheck {
  readonly #file: string
  readonly #records: FinalRecords
  readonly #sets: IndexedSets
  readonly #held: GtidSet
  #record: FinalRecord | undefined
  #crc = 0
  /** records whose bytes were seen, and whose events were not all passed */
  readonly #seen = new Queue<FinalRecord>()
  /** those of them whose bytes are not what was stored */
  readonly #suspects = new Queue<Suspect>()
  #boundary = 4
  #found: Damage[] = []

  constructor({ file, records, sets, held }: RecordCheckParts) {
    this.#file = file
    this.#records = records
    this.#sets = sets
    this.#held = held
  }

  /** The next bytes of the file. */
  sees(bytes: Buffer, position: number): void {
    for (let at = 0; at < bytes.length; ) {
      this.#record ??= this.#records.next()
      if (this.#record === undefined) return
      const size = Math.min(this.#record.end - position - at, bytes.length - at)
      this.#crc = crc32(bytes.subarray(at, at + size), this.#crc)
      at += size
      if (position + at === this.#record.end) this.#endRecord(this.#record)
    }
  }

  /** Behind an event, when what it ends is in the set. */
  passed({ event, place, transaction }: PassedEvent): void {
    const { end } = event
    while (this.#seen.first !== undefined && this.#seen.first.end < end) {
      this.#checkBoundary(this.#seen.first)
      this.#seen.shift()
    }
    for (const suspect of this.#suspects) {
      if (suspect.isPlaced || end <= suspect.record.start) continue
      suspect.in = transaction === undefined ? undefined : nameOf(transaction)
      suspect.isPlaced = true
    }
    if (place === 'inside') return
    this.#boundary = end
    this.#checkSets()
  }

  /**
   * What was found up to `position`.
   * @param damages of the events; what they explain is not told twice
   */
  take(damages: readonly Damage[], position: number): Damage[] {
    const found = this.#found
    this.#found = []
    for (;;) {
      const { first } = this.#suspects
      if (first === undefined || first.record.end > position) break
      const { record, in: transaction } = first
      this.#suspects.shift()
      const { start, end } = record
      if (damages.some((damage) => damage.position < end && damage.end > start)) continue
      const what = `the bytes up to ${end} are true events, but not those that were stored`
      found.push({ file: this.#file, position: start, end, what, transaction })
    }
    return found
  }

  #endRecord(record: FinalRecord): void {
    if (this.#crc !== record.crc) this.#suspects.push({ record, in: undefined, isPlaced: false })
    this.#seen.push(record)
    this.#record = undefined
    this.#crc = 0
  }

  #checkBoundary({ end, boundary }: FinalRecord): void {
    if (boundary === this.#boundary) return
    const says = `the index says that the last place between transactions before ${end} is ${boundary}`
    this.#report(boundary, `${says}, and it is ${this.#boundary}`)
  }

  #checkSets(): void {
    const sets = this.#sets
    for (let at = sets.position; at !== undefined && at <= this.#boundary; at = sets.position) {
      const says = sets.take()
      if (at < this.#boundary) {
        this.#report(at, 'the index has a GTID set there, inside a transaction')
        continue
      }
      if (says === undefined || says.equals(this.#held)) continue
      const [more, less] = [says.subtract(this.#held), this.#held.subtract(says)]
      const wrong = more.isEmpty ? `lacks ${less.toString()}` : `names ${more.toString()} too`
      this.#report(at, `the GTID set that the index has there ${wrong}`)
    }
  }

  #report(position: number, what: string): void {
    this.#found.push({ file: this.#file, position, end: position, what, transaction: undefined })
  }
}
