import {
  type Base,
  type DurableFacts,
  extended,
  type Lineage,
  NO_FACTS,
  type RecordHeader,
  type Removal,
  type StoredLog,
  shortened,
  type Tail,
} from '../../src/cluster/index.ts'
import type { SourceChunk } from './source.ts'
import { Violation } from './violation.ts'

const EMPTY: Base = { epoch: 0, sequence: 0, digest: 'nothing', tail: { end: 0, boundary: 0 } }

/**
 * What one node has on its disk, as a model: the records as headers, the file as a row of chunks, the facts. What is
 * behind `durable` may be lost when the process dies.
 */
export class SimulatedStore {
  readonly id: string
  facts: DurableFacts = NO_FACTS
  incarnation = 0
  base = EMPTY
  lineage: Lineage = []
  /** the records behind the base */
  headers: RecordHeader[] = []
  digests: string[] = []
  /** the file; undefined where the bytes are gone or never came */
  content: (SourceChunk | undefined)[] = []
  /** the first position that has not been purged */
  contentFrom = 0
  durable = 0
  /** removals up to here have been done */
  removedUpTo = 0
  /** for the checks only: the last sequence that this store ever showed */
  shown = 0

  constructor(id: string) {
    this.id = id
  }

  get end(): number {
    return this.base.sequence + this.headers.length
  }

  get tail(): Tail {
    const { end, boundary } = this.headers.at(-1) ?? this.base.tail
    return { end, boundary }
  }

  header(sequence: number): RecordHeader | undefined {
    return this.headers[sequence - this.base.sequence - 1]
  }

  digestAt(sequence: number): string {
    if (sequence === this.base.sequence) return this.base.digest
    return this.digests[sequence - this.base.sequence - 1] ?? `no record ${sequence}`
  }

  /** The last place between transactions that is told by the records up to this one. */
  boundaryAt(sequence: number): number {
    return (sequence <= this.base.sequence ? this.base.tail : this.header(sequence))?.boundary ?? 0
  }

  append(header: RecordHeader, chunks: readonly (SourceChunk | undefined)[]): void {
    const start = this.tail.end
    this.digests.push(digestOf(this.digestAt(this.end), header))
    this.headers.push(header)
    this.lineage = extended(this.lineage, header)
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

  sync(sequence: number): void {
    this.durable = Math.max(this.durable, sequence)
  }

  truncate(to: number): void {
    while (this.end > to) this.#dropLast()
  }

  #dropLast(): void {
    const header = this.headers.pop()
    this.digests.pop()
    if (header === undefined) return
    if (header.kind === 'cut' && header.sequence <= this.removedUpTo) {
      throw new Violation(
        'bytes go by what is committed',
        `cut ${header.sequence} of store ${this.id} is taken back, its bytes are gone`,
      )
    }
    if (header.kind === 'bytes') this.content.length = Math.min(this.content.length, this.tail.end)
    this.lineage = shortened(this.lineage, this.end)
    this.durable = Math.min(this.durable, this.end)
  }

  startOver(base: Base, lineage: Lineage): void {
    this.base = base
    this.lineage = lineage
    this.headers = []
    this.digests = []
    this.content = Array.from({ length: base.tail.end }, () => undefined)
    this.contentFrom = base.tail.end
    this.durable = base.sequence
    this.removedUpTo = base.sequence
  }

  remove({ kind, sequence, floor }: Removal): void {
    this.removedUpTo = Math.max(this.removedUpTo, sequence)
    if (kind === 'cut') {
      this.content.length = Math.min(this.content.length, this.header(sequence)?.end ?? 0)
      return
    }
    const last = this.header(floor)
    if (last === undefined) return
    const { epoch, end, boundary } = last
    const base = { epoch, sequence: floor, digest: this.digestAt(floor), tail: { end, boundary } }
    this.headers = this.headers.slice(floor - this.base.sequence)
    this.digests = this.digests.slice(floor - this.base.sequence)
    this.base = base
    this.contentFrom = end
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

function digestOf(before: string, header: RecordHeader): string {
  const { sequence, epoch, kind, crc, end, boundary, floor } = header
  return hash(`${before} ${sequence} ${epoch} ${kind} ${crc} ${end} ${boundary} ${floor}`)
}

export function crcOf(chunks: readonly SourceChunk[]): number {
  return Number.parseInt(hash(chunks.map((one) => `${one.transaction}.${one.index}`).join()), 36)
}

/** Two lanes of FNV-1a: enough to tell logs apart, and quick. */
function hash(text: string): string {
  let low = 0x811c9dc5
  let high = 0x1b873593
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
  }
  return (low >>> 0).toString(36) + (high >>> 0).toString(36)
}
