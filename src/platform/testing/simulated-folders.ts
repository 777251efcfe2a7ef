import { dirname } from 'node:path'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedInode } from './simulated-inode.ts'

/** A change of names: what each of them stands for afterwards; undefined: nothing. */
type Renaming = ReadonlyArray<readonly [path: string, inode: SimulatedInode | undefined]>

interface Pending {
  readonly renaming: Renaming
  readonly folder: string
  readonly number: number
}

/** The names of files, as they are seen and as a power cut leaves them. Folders themselves are never lost. */
export class SimulatedFolders {
  #seen = new Map<string, SimulatedInode>()
  readonly #durable = new Map<string, SimulatedInode>()
  #pending: Pending[] = []
  #number = 0

  get mark(): number {
    return this.#number
  }

  get(path: string): SimulatedInode | undefined {
    return this.#seen.get(path)
  }

  durable(path: string): SimulatedInode | undefined {
    return this.#durable.get(path)
  }

  entries(): [string, SimulatedInode][] {
    return [...this.#seen]
  }

  change(renaming: Renaming): void {
    this.#number += 1
    const folder = dirname(renaming[0]?.[0] ?? '/')
    this.#pending.push({ renaming, folder, number: this.#number })
    apply(this.#seen, renaming)
  }

  /** What was changed in the folder up to the mark survives a power cut. */
  settle(folder: string, mark: number): void {
    const isSettled = (one: Pending): boolean => one.folder === folder && one.number <= mark
    for (const { renaming } of this.#pending.filter(isSettled)) apply(this.#durable, renaming)
    this.#pending = this.#pending.filter((one) => !isSettled(one))
  }

  /** Of what was not synced nothing, a beginning, or any part has reached the medium. */
  losePower(random: SeededRandom): void {
    const how = random.pick(['lost', 'beginning', 'any'] as const)
    const until = random.between(0, this.#pending.length)
    const lostPaths = new Set<string>()
    for (const [index, { renaming }] of this.#pending.entries()) {
      // What was done with one name reached the medium in its order.
      const isKept = (how === 'beginning' && index < until) || (how === 'any' && random.chance(0.5))
      if (isKept && !renaming.some(([path]) => lostPaths.has(path))) apply(this.#durable, renaming)
      else for (const [path] of renaming) lostPaths.add(path)
    }
    this.#pending = []
    this.#seen = new Map(this.#durable)
    for (const inode of this.#seen.values()) inode.losePower(random)
  }
}

function apply(names: Map<string, SimulatedInode>, renaming: Renaming): void {
  for (const [path, inode] of renaming) {
    if (inode === undefined) names.delete(path)
    else names.set(path, inode)
  }
}
