import { present } from '../../src/lib/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import { compareFileNames, type Position } from '../../src/store/index.ts'
import type { SourceHistory, WrittenFile } from '../simulation/source/history.ts'

/** What a dump sends next. */
export type DumpItem =
  | { readonly kind: 'file'; readonly file: WrittenFile }
  | {
      readonly kind: 'bytes'
      readonly file: WrittenFile
      readonly from: number
      readonly to: number
    }

/** A connection that reads the binlog, from a place on; it ends once. */
export class Dump {
  isOver = false
  readonly node: string
  readonly #clock: ProcessClock
  readonly #source: SimulatedSource
  #file: WrittenFile | undefined
  #position: number
  #wake: (() => void) | undefined

  /** @param place undefined: from the oldest file on */
  constructor(
    source: SimulatedSource,
    node: string,
    clock: ProcessClock,
    place: Position | undefined,
  ) {
    this.#source = source
    this.node = node
    this.#clock = clock
    this.#file = place && source.history.find(place.file)
    this.#position = place?.position ?? 0
  }

  /** Undefined when the connection has ended. */
  async next(): Promise<DumpItem | undefined> {
    for (;;) {
      await this.#clock.sleep(this.#source.latencyMs())
      if (this.isOver) return undefined
      const item = this.#take()
      if (item !== undefined) return item
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** There is more, or the end. */
  notice(): void {
    const wake = this.#wake
    this.#wake = undefined
    if (wake !== undefined) this.#clock.after(this.#source.latencyMs(), wake)
  }

  end(): void {
    this.isOver = true
    this.notice()
  }

  #take(): DumpItem | undefined {
    const file = this.#file
    const { history } = this.#source
    if (file === undefined) return this.#begin(present(history.kept[0], 'the oldest file'))
    if (this.#position < file.size) {
      const from = this.#position
      this.#position = Math.min(file.size, from + this.#source.pieceBytes(file.size - from))
      return { kind: 'bytes', file, from, to: this.#position }
    }
    const next = history.files[history.files.indexOf(file) + 1]
    return next && this.#begin(next)
  }

  #begin(file: WrittenFile): DumpItem {
    this.#file = file
    this.#position = 4
    return { kind: 'file', file }
  }
}

/** The source as the nodes reach it: all of them are one replica to it, so that a new dump ends the one before. */
export class SimulatedSource {
  readonly history: SourceHistory
  isUp = true
  /** up to here it was told that its transactions are safe */
  acknowledged: Position | undefined
  dump: Dump | undefined
  readonly #random: SeededRandom
  readonly #pieceMost: number

  constructor(history: SourceHistory, random: SeededRandom) {
    this.history = history
    this.#random = random
    this.#pieceMost = random.pick([60, 600, 6000, 60_000])
  }

  /** Undefined when nobody answers. */
  connect(node: string, clock: ProcessClock, place: Position | undefined): Dump | undefined {
    if (!this.isUp) return undefined
    this.dump?.end()
    this.dump = new Dump(this, node, clock, place)
    return this.dump
  }

  /** Whether it still has everything up to there. */
  has({ file, position }: Position): boolean {
    const found = this.history.find(file)
    return found !== undefined && position <= found.size
  }

  acknowledge(place: Position): void {
    if (this.acknowledged === undefined || isBefore(this.acknowledged, place)) {
      this.acknowledged = place
    }
  }

  wrote(): void {
    this.dump?.notice()
  }

  breakDump(): void {
    this.dump?.end()
    this.dump = undefined
  }

  /** It ends, and comes back when somebody says so. */
  shutDown(): void {
    this.isUp = false
    this.breakDump()
  }

  latencyMs(): number {
    return this.#random.chance(0.95) ? this.#random.fraction() : this.#random.between(1, 60)
  }

  /** @param left of the file: who is far behind is sent more at a time */
  pieceBytes(left: number): number {
    return this.#random.between(1, Math.max(this.#pieceMost, left / 20))
  }
}

export function isBefore(one: Position, other: Position): boolean {
  if (one.file === other.file) return one.position < other.position
  return compareFileNames(one.file, other.file) < 0
}
