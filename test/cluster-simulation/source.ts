/** A piece of a transaction: piece `index` of `count`. The file of the source is a row of them. */
export interface SourceChunk {
  readonly transaction: number
  readonly index: number
  readonly count: number
}

export const endsTransaction = ({ index, count }: SourceChunk): boolean => index === count - 1

/** The source: its binlog as one row of chunks, of which it loses what it did not sync. */
export class SimulatedSource {
  readonly chunks: SourceChunk[] = []
  /** the transaction before each, when it was written */
  readonly previous = new Map<number, number>()
  synced = 0
  /** up to here it was told that its transactions are safe */
  acknowledged = 0
  #transactions = 0

  write(count: number): void {
    this.#transactions += 1
    this.previous.set(this.#transactions, this.chunks.at(-1)?.transaction ?? 0)
    for (let index = 0; index < count; index += 1) {
      this.chunks.push({ transaction: this.#transactions, index, count })
    }
  }

  sync(): void {
    this.synced = this.chunks.length
  }

  /** It starts again without what it had not synced. */
  restart(): void {
    this.chunks.length = this.synced
    this.acknowledged = Math.min(this.acknowledged, this.synced)
  }

  /** The last place at or before `position`, not before `from`, that lies between transactions. */
  boundary(position: number, from: number): number {
    let at = position
    while (at > from) {
      const chunk = this.chunks[at - 1]
      if (chunk !== undefined && endsTransaction(chunk)) return at
      at -= 1
    }
    return from
  }

  /** Whether its file begins with what is given. */
  startsWith(content: readonly (SourceChunk | undefined)[], from: number): boolean {
    if (content.length > this.chunks.length) return false
    for (let at = from; at < content.length; at += 1) {
      if (content[at] !== this.chunks[at]) return false
    }
    return true
  }
}
