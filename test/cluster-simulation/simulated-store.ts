import {
  type Base,
  type DurableFacts,
  type Lineage,
  NO_FACTS,
  type RecordHeader,
  type Removal,
  type StoredLog,
} from '../../src/cluster/index.ts'
import { Violation } from '../simulation/violation.ts'
import { HeaderLog, hash } from './header-log.ts'
import type { SourceChunk } from './source.ts'

/**
 * What one node has on its disk, as a model: the records as headers, the file as a row of chunks, the facts. What is
 * behind `durable` may be lost when the process dies.
 */
export class SimulatedStore extends HeaderLog {
  facts: DurableFacts = NO_FACTS
  incarnation = 0
  /** the file; undefined where the bytes are gone or never came */
  content: (SourceChunk | undefined)[] = []
  /** the first position that has not been purged */
  contentFrom = 0
  /** removals up to here have been done */
  removedUpTo = 0

  /** The last place between transactions that is told by the records up to this one. */
  boundaryAt(sequence: number): number {
    return (sequence <= this.base.sequence ? this.base.tail : this.header(sequence))?.boundary ?? 0
  }

  append(header: RecordHeader, chunks: readonly (SourceChunk | undefined)[]): void {
    const start = this.tail.end
    this.add(header)
    if (header.kind !== 'bytes') return
    if (this.content.length !== start || header.end - start !== chunks.length) {
      throw new Violation(
        'bytes go by what is committed',
        `record ${header.sequence} goes to ${start}, the file ends at ${this.content.length}`,
      )
    }
    this.content.push(...chunks)
  }

  /** The bytes of a record, as far as they are there. */
  bytesOf(sequence: number): readonly (SourceChunk | undefined)[] {
    const header = this.header(sequence)
    if (header?.kind !== 'bytes') return []
    const start = (this.header(sequence - 1) ?? this.base.tail).end
    // What was written at the same place behind a cut is another record's.
    const cuts = this.headers.filter(
      ({ kind, sequence: at }) => kind === 'cut' && at > sequence && at <= this.removedUpTo,
    )
    const upTo = Math.min(header.end, ...cuts.map(({ end }) => end))
    return Array.from({ length: header.end - start }, (_, index) =>
      start + index < upTo ? this.content[start + index] : undefined,
    )
  }

  override dropLast(): RecordHeader | undefined {
    const header = super.dropLast()
    if (header?.kind === 'cut' && header.sequence <= this.removedUpTo) {
      throw new Violation(
        'bytes go by what is committed',
        `cut ${header.sequence} of store ${this.id} is taken back, its bytes are gone`,
      )
    }
    if (header?.kind === 'bytes') this.content.length = Math.min(this.content.length, this.tail.end)
    return header
  }

  override startOver(base: Base, lineage: Lineage): void {
    super.startOver(base, lineage)
    this.content = Array.from({ length: base.tail.end }, () => undefined)
    this.contentFrom = base.tail.end
    this.removedUpTo = base.sequence
  }

  remove({ kind, sequence, floor }: Removal): void {
    this.removedUpTo = Math.max(this.removedUpTo, sequence)
    if (kind === 'cut') {
      this.content.length = Math.min(this.content.length, this.header(sequence)?.end ?? 0)
      return
    }
    if (this.header(floor) === undefined) return
    this.purge(floor)
    this.contentFrom = this.base.tail.end
  }

  /** Removals in the log that are not known to be done: a process that starts does them again. */
  stored(): StoredLog {
    const removals = this.headers
      .filter(({ kind, sequence }) => isRemoval(kind) && sequence > this.removedUpTo)
      .map(({ kind, sequence, floor = 0 }) => ({ kind: kind as Removal['kind'], sequence, floor }))
    const { base, lineage, end } = this
    return { base, lineage, end, tail: this.tail, removals }
  }

  copy(): SimulatedStore {
    const copy = new SimulatedStore(this.id)
    Object.assign(copy, this, {
      headers: [...this.headers],
      digests: [...this.digests],
      content: [...this.content],
    })
    return copy
  }
}

const isRemoval = (kind: string): boolean => kind === 'cut' || kind === 'purge'

export function crcOf(chunks: readonly SourceChunk[]): number {
  return Number.parseInt(hash(chunks.map((one) => `${one.transaction}.${one.index}`).join()), 36)
}
