import { assert } from '../../../lib/index.ts'
import { type Base, extended, type Lineage, shortened } from './lineage.ts'
import type { RecordHeader, Removal, Tail } from './record-header.ts'

/** A log as the store found it at the start: all of it is synced (recovery sees to that). */
export interface StoredLog {
  readonly base: Base
  readonly lineage: Lineage
  /** sequence of the last record, or that of the base */
  readonly end: number
  readonly tail: Tail
  /** cuts and purges in the log whose bytes are not known to be gone */
  readonly removals: readonly Removal[]
}

/** What the protocol keeps of the log in memory: a few numbers, whatever its size. */
export class LogState {
  base: Base
  /** also of what has been purged */
  lineage: Lineage
  /** Invariant: base.sequence <= durable <= written */
  written: number
  /** the end of rule 6 */
  durable: number
  tail: Tail
  removals: readonly Removal[]

  constructor(stored: StoredLog) {
    this.base = stored.base
    this.lineage = stored.lineage
    this.written = stored.end
    this.durable = stored.end
    this.tail = stored.tail
    this.removals = stored.removals
  }

  /** No transaction is open at the end of the log. */
  get isAtRest(): boolean {
    return this.tail.boundary === this.tail.end
  }

  /** The cut whose bytes are still here: one at most (rule 14). */
  get pendingCut(): Removal | undefined {
    return this.removals.find(({ kind }) => kind === 'cut')
  }

  append(header: RecordHeader): void {
    const { sequence, epoch, kind, end, boundary } = header
    assert(sequence === this.written + 1, `record ${sequence} behind ${this.written}`)
    assert(epoch >= (this.lineage.at(-1)?.epoch ?? 0), `epoch ${epoch} goes back at ${sequence}`)
    assert(boundary <= end, `record ${sequence} has a boundary behind its end`)
    this.written = sequence
    this.lineage = extended(this.lineage, header)
    this.tail = { end, boundary }
    if (kind === 'cut' || kind === 'purge') {
      this.removals = [...this.removals, { kind, sequence, floor: header.floor ?? 0 }]
    }
  }

  synced(sequence: number): void {
    assert(sequence <= this.written, `synced up to ${sequence}, written ${this.written}`)
    this.durable = Math.max(this.durable, sequence)
  }

  truncated(to: number, tail: Tail): void {
    assert(to >= this.base.sequence, `cut to ${to}, which is purged`)
    assert(to <= this.written, `cut to ${to}, written ${this.written}`)
    this.written = to
    this.durable = Math.min(this.durable, to)
    this.lineage = shortened(this.lineage, to)
    this.tail = tail
    this.removals = this.removals.filter(({ sequence }) => sequence <= to)
  }

  startedOver(base: Base, lineage: Lineage): void {
    this.base = base
    this.lineage = lineage
    this.written = base.sequence
    this.durable = base.sequence
    this.tail = base.tail
    this.removals = []
  }

  /** The bytes of a removal are gone. @param floor the running digest at the floor of a purge, and the file there */
  removed(removal: Removal, floor: Pick<Base, 'digest' | 'tail'>): void {
    this.removals = this.removals.filter(({ sequence }) => sequence !== removal.sequence)
    if (removal.kind === 'cut' || removal.floor <= this.base.sequence) return
    const epoch = this.lineage.find((point) => point.sequence >= removal.floor)?.epoch ?? 0
    this.base = { epoch, sequence: removal.floor, digest: floor.digest, tail: floor.tail }
  }
}
