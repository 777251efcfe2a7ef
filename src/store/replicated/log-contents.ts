import { assert, present } from '../../lib/index.ts'
import type { StoredFile } from '../stored-file.ts'
import type { LogFacts, LogGap } from './log-facts.ts'
import type { LogPoint, LogRecord, LogRemoval } from './log-record.ts'
import type { LogCut, RecoveredLog } from './log-recovery.ts'
import type { Unwritten } from './record-reader.ts'

/** What a log keeps in memory of its records, beside the files. */
export class LogContents {
  facts: LogFacts
  /** of the newest file */
  cuts: LogCut[]
  /** for each epoch its last sequence, of purged records too */
  lineage: readonly LogPoint[]
  /** cuts and purges whose bytes are still there, oldest first */
  removals: readonly LogRemoval[]
  /** sequence of the last record */
  written: number
  durable: number
  /** the facts have a preface that is not on the disk */
  isPrefaceNew = false
  #unwritten: Unwritten[] = []

  constructor({ facts, cuts, lineage, removals, end }: RecoveredLog) {
    this.facts = facts
    this.cuts = cuts
    this.lineage = lineage
    this.removals = removals
    this.written = end
    this.durable = end
  }

  get hasCutThatWaits(): boolean {
    return this.cuts.some(({ isDone }) => !isDone)
  }

  get gap(): LogGap | undefined {
    return this.facts.gap
  }

  checkNext({ sequence, epoch, kind, boundary, end }: LogRecord): void {
    assert(sequence === this.written + 1, `record ${sequence} behind ${this.written}`)
    assert(epoch >= (this.lineage.at(-1)?.epoch ?? 0), `epoch ${epoch} goes back at ${sequence}`)
    assert(boundary <= end, `record ${sequence} has a boundary behind its end`)
    const hasBytes = kind === 'bytes' || kind === 'file-begin'
    assert(!hasBytes || !this.hasCutThatWaits, `record ${sequence} behind a cut that waits`)
  }

  /** @param start where its bytes begin */
  appended(whole: LogRecord, start: number): void {
    const { sequence, epoch } = whole
    this.written = sequence
    const isSame = this.lineage.at(-1)?.epoch === epoch
    this.lineage = [...(isSame ? this.lineage.slice(0, -1) : this.lineage), { epoch, sequence }]
    // The bytes are in the file.
    const { bytes: _, gtids: __, ...record } = whole
    this.#unwritten.push({ record, start })
  }

  madeDurable(sequence: number): void {
    if (sequence <= this.durable) return
    this.durable = sequence
    this.#unwritten = this.#unwritten.filter(({ record }) => record.sequence > sequence)
  }

  /** What a record is of which no file tells. */
  unfiled(sequence: number): Unwritten | undefined {
    const { base, preface } = this.facts
    const epoch = preface[sequence - base.sequence - 1]
    if (epoch === undefined) {
      return this.#unwritten.find(({ record }) => record.sequence === sequence)
    }
    const { end, boundary } = base.tail
    return { record: { sequence, epoch, kind: 'epoch-start', crc: 0, end, boundary }, start: end }
  }

  /** Purges that wait. @param files oldest first */
  purges(files: readonly StoredFile[]): LogFacts['purges'] {
    const { base } = this.facts
    const purges = this.removals.filter(({ floor }) => floor > base.sequence)
    return purges.map(({ sequence, floor }) => {
      const first = files.find(({ facts }) => facts.firstSequence === floor + 1)
      return { sequence, upTo: present(first, 'the first file that stays').name }
    })
  }

  /** The facts of a log that begins behind a file. @param end of that file */
  purgedTo(floor: number, digest: string, end: number): LogFacts {
    const epoch = this.lineage.find((point) => point.sequence >= floor)?.epoch ?? 0
    const before = this.lineage.filter((point) => point.sequence < floor)
    return {
      ...this.facts,
      base: { epoch, sequence: floor, digest, tail: { end, boundary: end } },
      lineage: [...before, { epoch, sequence: floor }],
      preface: [],
    }
  }
}
