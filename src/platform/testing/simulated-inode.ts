import { GrowableBytes } from './growable-bytes.ts'
import type { SeededRandom } from './seeded-random.ts'

/** What a power cut leaves of a write is told in units of this, or byte by byte. */
const SECTOR_BYTES = 512

type Change =
  | { readonly kind: 'write'; readonly position: number; readonly bytes: Buffer }
  | { readonly kind: 'resize'; readonly size: number }

type Pending = Change & { readonly number: number }

/** One file's content: what is read, what is on the medium, and what lies between the two. */
export class SimulatedInode {
  /** what processes see */
  readonly seen = new GrowableBytes()
  /** what is there after a power cut, whatever becomes of the rest */
  readonly durable = new GrowableBytes()
  #pending: Pending[] = []
  #number = 0
  /** a failed sync has dropped pages that are read as if they were written */
  #hasLostPages = false

  get size(): number {
    return this.seen.size
  }

  /** names what was written so far, for `settle` */
  get mark(): number {
    return this.#number
  }

  /** nothing was written since the last sync */
  get isSynced(): boolean {
    return this.#pending.length === 0
  }

  write(bytes: Uint8Array, position: number): void {
    this.seen.write(bytes, position)
    this.#add({ kind: 'write', position, bytes: Buffer.from(bytes) })
  }

  resize(size: number): void {
    this.seen.resize(size)
    this.#add({ kind: 'resize', size })
  }

  /** What was written up to the mark is on the medium. */
  settle(mark: number): void {
    for (const change of this.#take(mark)) apply(this.durable, change)
  }

  /** A sync that failed: some pages are there, the others are dropped, and reads still show them. */
  settleBadly(mark: number, random: SeededRandom): void {
    for (const change of this.#take(mark)) {
      if (change.kind === 'resize' || random.chance(0.4)) apply(this.durable, change)
      else this.#hasLostPages = true
    }
  }

  /** Pages that a failed sync has dropped leave the cache: reads show the medium again. */
  evict(): boolean {
    if (!this.#hasLostPages) return false
    this.#hasLostPages = false
    this.seen.copyFrom(this.durable)
    for (const change of this.#pending) apply(this.seen, change)
    return true
  }

  /** Only what was synced is there, and of the rest whatever the medium happened to take. */
  losePower(random: SeededRandom): void {
    const pending = this.#pending
    this.#pending = []
    this.#hasLostPages = false
    const sizes = this.#sizesAfter(pending)
    const size = random.pick(sizes)
    const how = random.pick(['lost', 'whole', 'torn', 'torn', 'sectors', 'sectors'] as const)
    const until = how === 'torn' ? random.between(0, pending.length - 1) : pending.length
    const end = sizes.indexOf(size)
    for (const [index, change] of pending.entries()) {
      if (change.kind === 'resize') {
        if (index < end) this.durable.resize(Math.min(change.size, size))
      } else if (how === 'whole' || (how === 'torn' && index < until)) {
        apply(this.durable, change)
      } else if (how === 'torn' && index === until) {
        const kept = random.between(0, change.bytes.length)
        apply(this.durable, { ...change, bytes: change.bytes.subarray(0, kept) })
      } else if (how === 'sectors') {
        this.#applySectors(change, random)
      }
    }
    this.durable.resize(size)
    this.seen.copyFrom(this.durable)
  }

  /** Turns bits over where the byte is kept. */
  flip(position: number, mask: number): void {
    this.seen.flip(position, mask)
    this.durable.flip(position, mask)
  }

  #applySectors(change: Extract<Change, { kind: 'write' }>, random: SeededRandom): void {
    const { position, bytes } = change
    for (let at = 0; at < bytes.length; ) {
      const end = Math.min(bytes.length, at + SECTOR_BYTES - ((position + at) % SECTOR_BYTES))
      if (random.chance(0.5)) this.durable.write(bytes.subarray(at, end), position + at)
      at = end
    }
  }

  /** The sizes that the file has had since the last sync, one of which the power cut leaves. */
  #sizesAfter(pending: readonly Pending[]): number[] {
    let size = this.durable.size
    return [
      size,
      ...pending.map((change) => {
        const end = change.kind === 'write' ? change.position + change.bytes.length : 0
        size = change.kind === 'resize' ? change.size : Math.max(size, end)
        return size
      }),
    ]
  }

  #add(change: Change): void {
    this.#number += 1
    this.#pending.push({ ...change, number: this.#number })
  }

  #take(mark: number): Pending[] {
    const taken = this.#pending.filter(({ number }) => number <= mark)
    this.#pending = this.#pending.slice(taken.length)
    return taken
  }
}

function apply(bytes: GrowableBytes, change: Change): void {
  if (change.kind === 'resize') bytes.resize(change.size)
  else bytes.write(change.bytes, change.position)
}
