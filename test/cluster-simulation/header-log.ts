import {
  type Base,
  extended,
  type Lineage,
  type RecordHeader,
  shortened,
  type Tail,
} from '../../src/cluster/index.ts'

const EMPTY: Base = { epoch: 0, sequence: 0, digest: 'nothing', tail: { end: 0, boundary: 0 } }

/** The records of one node's log as headers. What is behind `durable` may be lost when the process dies. */
export class HeaderLog {
  readonly id: string
  base = EMPTY
  lineage: Lineage = []
  /** the records behind the base */
  headers: RecordHeader[] = []
  digests: string[] = []
  durable = 0
  /** for the checks only: the last sequence that this log ever showed */
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

  add(header: RecordHeader): void {
    this.digests.push(digestOf(this.digestAt(this.end), header))
    this.headers.push(header)
    this.lineage = extended(this.lineage, header)
  }

  sync(sequence: number): void {
    this.durable = Math.max(this.durable, sequence)
  }

  truncate(to: number): void {
    while (this.end > to) this.dropLast()
  }

  dropLast(): RecordHeader | undefined {
    const header = this.headers.pop()
    this.digests.pop()
    this.lineage = shortened(this.lineage, this.end)
    this.durable = Math.min(this.durable, this.end)
    return header
  }

  /** The records up to the floor of a purge are gone. */
  purge(floor: number): void {
    const last = this.header(floor)
    if (last === undefined) return
    const { epoch, end, boundary } = last
    const base = { epoch, sequence: floor, digest: this.digestAt(floor), tail: { end, boundary } }
    this.headers = this.headers.slice(floor - this.base.sequence)
    this.digests = this.digests.slice(floor - this.base.sequence)
    this.base = base
  }

  startOver(base: Base, lineage: Lineage): void {
    this.base = base
    this.lineage = lineage
    this.headers = []
    this.digests = []
    this.durable = base.sequence
  }
}

function digestOf(before: string, header: RecordHeader): string {
  const { sequence, epoch, kind, crc, end, boundary, floor } = header
  return hash(`${before} ${sequence} ${epoch} ${kind} ${crc} ${end} ${boundary} ${floor}`)
}

/** Two lanes of FNV-1a: enough to tell logs apart, and quick. */
export function hash(text: string): string {
  let low = 0x811c9dc5
  let high = 0x1b873593
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    low = Math.imul(low ^ code, 0x01000193)
    high = Math.imul(high ^ code, 0x85ebca6b)
  }
  return (low >>> 0).toString(36) + (high >>> 0).toString(36)
}
