/*
  A disk in memory that fails as disks do, all of it decided by a seed:

    power cut        what was not synced is lost, torn at any byte, or there in any part and order;
                     so are names whose folder was not synced; a file's size may run ahead of its bytes
    process killed   everything written stays; what it was about to do is not done
    failed sync      some pages are lost, though they read well until they leave the cache
    EIO, ENOSPC      part of a write may have been done
    read-only        nothing is opened to be written, made or removed, and nothing is written
    hanging          whatever was asked for is done when it hangs no more
    gone for a while nothing is answered but by EIO, and what was not synced may be lost meanwhile
    bit flips        where a byte is kept, or on its way to the reader

  One process at a time has the disk; each of its operations may be the one at which it dies.
*/
import { dirname } from 'node:path'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedClock } from './simulated-clock.ts'
import { SimulatedFolders } from './simulated-folders.ts'
import { SimulatedInode } from './simulated-inode.ts'

export type DiskFault =
  | 'read fails'
  | 'write fails'
  | 'sync fails'
  | 'bit flips on read'
  | 'disk full'
  | 'disk read-only'
  | 'disk gone'

/** Faults that an operation meets by itself; the others are states of the disk, which it is told. */
export type ArmedFault = Exclude<DiskFault, 'disk full' | 'disk read-only' | 'disk gone'>

interface Armed {
  readonly fault: ArmedFault
  readonly matches: (path: string) => boolean
  /** so many such operations go well before */
  left: number
}

export type Death = 'kill' | 'power cut'

/** A process, as far as it ends with the disk. */
interface DiskUser {
  die(): void
}

export class SimulatedDisk {
  readonly random: SeededRandom
  readonly clock: SimulatedClock
  readonly folders = new SimulatedFolders()
  readonly known = new Set<string>(['/'])
  /** how often each fault was met */
  readonly met = new Map<DiskFault, number>()
  readonly locks = new Set<string>()
  readonly totalBytes = 2 ** 40
  /** what may still be written; Infinity: as much as you like */
  freeBytes = Number.POSITIVE_INFINITY
  isReadOnly = false
  /** what was asked for since it hangs; undefined while it answers */
  #held: (() => void)[] | undefined
  #armed: Armed[] = []
  #death: { kind: Death; left: number } | undefined
  #process: DiskUser | undefined
  #isGone = false
  /** a small file that is being replaced: the old or the new one is there after a power cut */
  readonly replacing = new Map<string, Buffer>()

  constructor(clock: SimulatedClock, random: SeededRandom) {
    this.clock = clock
    this.random = random
  }

  /** The next process uses the disk, until it dies with `crash`. */
  takenBy(process: DiskUser): void {
    this.#process = process
  }

  get isHanging(): boolean {
    return this.#held !== undefined
  }

  /** Nothing is answered until `answerAgain`. */
  hang(): void {
    this.#held ??= []
  }

  answerAgain(): void {
    const held = this.#held ?? []
    this.#held = undefined
    for (const work of held) work()
  }

  /** Does it now, or when the disk answers again, in the order of what was asked for. */
  whenItAnswers(work: () => void): void {
    if (this.#held === undefined) work()
    else this.#held.push(work)
  }

  /** The operation after so many more meets the fault, if it is one of those that can. */
  arm(fault: ArmedFault, left: number, matches: (path: string) => boolean): void {
    this.#armed.push({ fault, left, matches })
  }

  /** The operation after so many more is the process's last. */
  armDeath(kind: Death, left: number): void {
    this.#death = { kind, left }
  }

  disarm(): void {
    this.#armed = []
    this.#death = undefined
  }

  /** Whether this operation on the path meets the fault. */
  meets(fault: ArmedFault, path: string): boolean {
    if (this.#isGone) return this.#meetsGone(fault)
    const armed = this.#armed.find((one) => one.fault === fault && one.matches(path))
    if (armed === undefined) return false
    armed.left -= 1
    if (armed.left >= 0) return false
    this.#armed = this.#armed.filter((one) => one !== armed)
    this.count(fault)
    return true
  }

  #meetsGone(fault: ArmedFault): boolean {
    if (fault === 'write fails' || fault === 'sync fails') this.count(fault)
    return fault !== 'bit flips on read'
  }

  count(fault: DiskFault): void {
    this.met.set(fault, (this.met.get(fault) ?? 0) + 1)
  }

  /** The death that this operation is, if it is one. */
  takeDeath(): Death | undefined {
    if (this.#death === undefined) return undefined
    this.#death.left -= 1
    if (this.#death.left >= 0) return undefined
    const { kind } = this.#death
    this.#death = undefined
    return kind
  }

  get isGone(): boolean {
    return this.#isGone
  }

  /** Nothing is read, written or synced any more, while the process that has the disk lives on. */
  leave(): void {
    this.#isGone = true
    this.count('disk gone')
  }

  /**
   * All is answered again. The system may have tried meanwhile to write what was not synced, and lost it: the next sync
   * of the file says so, and what it has lost may be read as if it were there.
   */
  comeBack(): void {
    if (!this.#isGone) return
    this.#isGone = false
    for (const [path, inode] of this.folders.entries()) {
      if (inode.isSynced || this.random.chance(0.5)) continue
      this.arm('sync fails', 0, (synced) => synced === path)
    }
    for (const [, inode] of this.folders.entries()) if (this.random.chance(0.5)) inode.evict()
  }

  /** Ends the process that has the disk, and what it held in memory. */
  crash(kind: Death): void {
    this.#process?.die()
    this.#process = undefined
    this.locks.clear()
    this.disarm()
    if (kind === 'power cut') {
      this.#settleReplacing()
      this.folders.losePower(this.random)
    } else {
      this.replacing.clear()
      for (const [, inode] of this.folders.entries()) if (this.random.chance(0.7)) inode.evict()
    }
  }

  /** Turns bits over in a file's byte; again, and it is as before. */
  flip(path: string, position: number, mask: number): void {
    this.folders.get(path)?.flip(position, mask)
  }

  /** What a power cut could not take of a file; undefined when it could take the file's name. */
  durableBytes(path: string): Buffer | undefined {
    return this.folders.durable(path)?.durable.view()
  }

  putFile(path: string, bytes: Uint8Array): void {
    const inode = new SimulatedInode()
    inode.write(bytes, 0)
    inode.settle(inode.mark)
    this.folders.change([[path, inode]])
    this.folders.settle(dirname(path), this.folders.mark)
  }

  #settleReplacing(): void {
    for (const [path, bytes] of this.replacing) {
      if (this.random.chance(0.5)) this.putFile(path, bytes)
      const part = bytes.subarray(0, this.random.between(0, bytes.length))
      if (this.random.chance(0.5)) this.putFile(`${path}.new`, part)
    }
    this.replacing.clear()
  }
}
