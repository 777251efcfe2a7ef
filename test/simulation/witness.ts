/*
  What was seen and acknowledged, and whether the node keeps to it. Everything is compared with the
  source's history, never with what the node says of itself.
*/
import type { FileBegin } from '../../src/journal/index.ts'
import { BINLOG_MAGIC } from '../../src/mysql/index.ts'
import type { SimulatedDisk } from '../../src/platform/testing/simulated-disk.ts'
import {
  compareFileNames,
  findGtidStart,
  type Position,
  RECORD_BYTES_MAX,
  type Store,
} from '../../src/store/index.ts'
import type { Expected, ExpectedFile } from './expected.ts'
import { type Checker, Violation } from './violation.ts'

/** What files are read into; worlds come one after the other. */
const TARGET = Buffer.allocUnsafeSlow(RECORD_BYTES_MAX)

function isBefore(a: Position, b: Position): boolean {
  if (a.file === b.file) return a.position < b.position
  return compareFileNames(a.file, b.file) < 0
}

const textOf = ({ file, position }: Position): string => `${file}:${position}`

export class Witness {
  readonly #expected: Expected
  readonly #disk: SimulatedDisk
  readonly #folder: string
  /** the farthest that was visible to anybody */
  #farthest: Position | undefined
  /** the last that was acknowledged, at the source's position */
  #acknowledged: Position | undefined
  /** the last name that was checked */
  #safe: string | undefined
  #store: Store | undefined
  #seen: Position | undefined
  /** up to where each file was compared with the medium */
  readonly #durableTo = new Map<string, number>()

  constructor(expected: Expected, disk: SimulatedDisk, folder: string) {
    this.#expected = expected
    this.#disk = disk
    this.#folder = folder
  }

  get farthest(): Position | undefined {
    return this.#farthest
  }

  /** A process has opened the store. */
  watch(store: Store | undefined): void {
    this.#store = store
    this.#seen = undefined
    this.#safe = undefined
  }

  /** Looks at what the store shows now; called after each step of the simulation. */
  look(): void {
    const store = this.#store
    if (store === undefined) return
    const visible = store.visible.value
    if (visible === undefined || visible === this.#seen) return
    this.#learn(store.origin, visible)
    const before = this.#farthest
    if (before !== undefined && isBefore(visible, before)) {
      const message = `visible was ${textOf(before)} and is ${textOf(visible)}`
      throw new Violation('the visible end never goes back', message)
    }
    this.#seen = visible
    this.#farthest = { file: visible.file, position: visible.position }
    const file = this.#expected.get(visible.file)
    if (visible.position > file.end || !file.isBoundary(visible.position)) {
      const message = `${textOf(visible)} lies inside a transaction`
      throw new Violation('what is visible lies between transactions', message)
    }
    this.#checkDurable(file, visible.position)
    this.#checkGtids(store, file, visible.position)
  }

  /** The source hears that everything before the place, which is its own, is safe. */
  acknowledged({ file, position }: Position): void {
    const before = this.#acknowledged
    const place = { file, position }
    if (before !== undefined && !isBefore(before, place)) {
      const message = `${textOf(place)} was acknowledged after ${textOf(before)}`
      throw new Violation('acknowledgements are true', message)
    }
    this.#acknowledged = place
    const farthest = this.#farthest
    const ours = { file, position: this.#expected.get(file).placeOf(position) }
    if (farthest !== undefined && !isBefore(farthest, ours)) return
    const message = `${textOf(ours)} was acknowledged, and visible is ${farthest && textOf(farthest)}`
    throw new Violation('acknowledgements are true', message)
  }

  /** The node says that the source may remove the files before this one. */
  heardSafe(name: string | undefined): void {
    if (name === undefined || name === this.#safe) return
    const { history } = this.#expected
    const source = history.find(name)
    const visible = this.#farthest
    if (source === undefined || visible === undefined) {
      throw new Violation('safe-to-purge is safe', `${name} is said to be held`)
    }
    const held = this.#expected.get(visible.file).heldAt(visible.position)
    const lacking = source.previous.subtract(held)
    this.#safe = name
    if (lacking.isEmpty) return
    const message = `all before ${name} may be purged, and ${lacking.toString()} is not held`
    throw new Violation('safe-to-purge is safe', message)
  }

  /** After a start: everything that was ever shown is there, and nothing else is. */
  async checkOpened(store: Store): Promise<void> {
    this.look()
    const { visible, end } = store
    const farthest = this.#farthest
    if (farthest === undefined) return
    if (visible.value === undefined) {
      const message = `visible was ${textOf(farthest)} and nothing is stored`
      throw new Violation('the visible end never goes back', message)
    }
    // Before anything waits: the node goes on with the file at once.
    if (end !== undefined) this.#compareMedium(this.#expected.get(end.file), end.position)
    for (const { name, size, active } of store.files()) {
      await this.#compareFile(store, name, size)
      await this.#checkIndex(store, name, size)
      if (!active) this.#checkWhole(this.#expected.get(name), size)
    }
  }

  #learn(origin: FileBegin | undefined, visible: Position): void {
    if (origin === undefined || this.#expected.first !== undefined) return
    if (origin.name !== visible.file) {
      throw new Violation(
        'the index agrees with the files',
        `${origin.name} is not ${visible.file}`,
      )
    }
    this.#expected.learn(origin)
    const contact = this.#expected.contact()
    if (origin.purged?.equals(contact) === true) return
    const message = `it begins with ${origin.purged?.toString()} instead of ${contact.toString()}`
    throw new Violation('GTIDs agree with the files', message)
  }

  #checkDurable(file: ExpectedFile, position: number): void {
    const { name } = file
    const from = this.#durableTo.get(name) ?? 0
    const bytes = this.#disk.durableBytes(`${this.#folder}/${name}`)
    if (bytes?.subarray(from, position).equals(file.view(from, position)) !== true) {
      const message = `${name} from ${from} to ${position} is visible and not on the medium`
      throw new Violation('what is visible is durable', message)
    }
    this.#durableTo.set(name, position)
  }

  #checkGtids(store: Store, file: ExpectedFile, position: number): void {
    const held = file.heldAt(position)
    if (store.executed().equals(held)) return
    const message = `at ${file.name}:${position} it has ${store.executed().toString()} instead of ${held.toString()}`
    throw new Violation('GTIDs agree with the files', message)
  }

  async #compareFile(store: Store, name: string, size: number): Promise<void> {
    const file = this.#expected.get(name)
    const reader = await store.openFile(name)
    for (let at = BINLOG_MAGIC.length; at < size; ) {
      const { bytes, end } = reader.read(at, TARGET)
      if (bytes.length === 0 || !bytes.equals(file.view(at, end))) {
        const checker: Checker = 'stored files are those of the source'
        throw new Violation(checker, `${name} from ${at} to ${end} of ${size} differs`)
      }
      at = end
    }
    await reader.close()
  }

  /** The bytes on the disk, read past the store; what is not visible yet included. */
  #compareMedium(file: ExpectedFile, end: number): void {
    const bytes = this.#disk.durableBytes(`${this.#folder}/${file.name}`)
    if (bytes?.equals(file.view(0, end)) === true) return
    const message = `${file.name} has ${bytes?.length} bytes on the disk, which are not the first ${end}`
    throw new Violation('stored files are those of the source', message)
  }

  /** A file that another one follows lacks at most what is no transaction and what the source lost. */
  #checkWhole(file: ExpectedFile, size: number): void {
    const isLacking = file.events.some(
      ({ end, gtid }) => end > size && end <= file.keptEnd && gtid !== undefined,
    )
    if (!isLacking) return
    const message = `${file.name} ends at ${size} of ${file.keptEnd}, and another file follows`
    throw new Violation('stored files are those of the source', message)
  }

  async #checkIndex(store: Store, name: string, size: number): Promise<void> {
    const file = this.#expected.get(name)
    const previous = await store.previousGtids(name)
    if (!previous.equals(file.heldAt(BINLOG_MAGIC.length))) {
      const message = `what is before ${name} is said to be ${previous.toString()}`
      throw new Violation('the index agrees with the files', message)
    }
    const ends = file.events.filter(({ end, boundary }) => boundary && end <= size)
    const middle = ends[ends.length >> 1]?.end ?? BINLOG_MAGIC.length
    for (const position of [middle, size]) {
      const held = file.heldAt(position)
      if (!held.contains(store.purged())) continue
      const start = await findGtidStart(store, held)
      const before = start && this.#expected.get(start.file).heldAt(start.position)
      if (before !== undefined && held.contains(before)) continue
      const message = `who holds all up to ${name}:${position} is sent to ${start && textOf(start)}`
      throw new Violation('the index agrees with the files', message)
    }
  }
}
