/*
  A disk that kills its own process at an operation of choice: before it, when it is done, or in the middle. Only
  what changes the disk counts; a death at a read is one before the next change.
*/
import { appendFileSync, existsSync } from 'node:fs'
import { basename } from 'node:path'
import { type Disk, type DiskFile, systemDisk } from '../../../src/platform/index.ts'
import { contentOf, kindOf } from './operation-name.ts'

/**
 * `half`: a part of the bytes is written; a sync has begun and nobody was told its end; of a file that is replaced the
 * new one is there in part, beside the old one.
 */
export type Moment = 'before' | 'half' | 'after'

export interface KillOrder {
  /** as `operation-name.ts` makes it */
  readonly operation: string
  readonly moment: Moment
  /** so many of these operations go well before */
  readonly spared: number
  /** operations count from when this file is there; default is from the start */
  readonly armedBy?: string
  /** A line each is added to this file: the first of every operation, and `killed` at the end. */
  readonly notesFile: string
}

export const KILLED = 'killed'

/** What an operation is made of. */
interface Operation<T> {
  readonly name: string
  readonly whole: () => T
  /** undefined: it is done or not, and nothing lies between */
  readonly half?: () => void | Promise<void>
}

export function killingDisk(order: KillOrder): Disk {
  const reaper = new Reaper(order)
  const change = <T>(operation: Operation<Promise<T>>): Promise<T> => reaper.do(operation)
  return {
    ...systemDisk,
    async open(path, mode) {
      if (mode !== 'create') return new KillingFile(await systemDisk.open(path, mode), reaper)
      const whole = () => systemDisk.open(path, mode)
      return new KillingFile(await change({ name: `create ${kindOf(path)}`, whole }), reaper)
    },
    replaceFile(path, bytes) {
      const whole = () => systemDisk.replaceFile(path, bytes)
      return change({
        name: `replace ${kindOf(path)}`,
        whole,
        half: () => halfReplaced(path, bytes),
      })
    },
    makeFolder(path) {
      const whole = () => systemDisk.makeFolder(path)
      return change({ name: `make folder ${basename(path)}`, whole })
    },
    remove(path) {
      return change({ name: `remove ${kindOf(path)}`, whole: () => systemDisk.remove(path) })
    },
    rename(from, to) {
      return change({ name: `rename ${kindOf(from)}`, whole: () => systemDisk.rename(from, to) })
    },
    syncFolder(folder) {
      const whole = () => systemDisk.syncFolder(folder)
      return change({ name: `sync folder ${basename(folder)}`, whole, half: () => void whole() })
    },
  }
}

async function halfReplaced(path: string, bytes: Uint8Array): Promise<void> {
  const fresh = `${path}.new`
  if (await systemDisk.exists(fresh)) await systemDisk.remove(fresh)
  const file = await systemDisk.open(fresh, 'create')
  await file.write(halfOf(bytes), 0)
}

function halfOf(bytes: Uint8Array): Uint8Array {
  return bytes.subarray(0, Math.ceil(bytes.length / 2))
}

/** Ends its process when the operation that was ordered comes. */
class Reaper {
  readonly #order: KillOrder
  readonly #seen = new Set<string>()
  #left: number
  #isArmed: boolean

  constructor(order: KillOrder) {
    this.#order = order
    this.#left = order.spared
    this.#isArmed = order.armedBy === undefined
  }

  /** The result is as the disk gives it: at once, or later. */
  do<T>({ name, whole, half }: Operation<T>): T {
    const moment = this.#momentOf(name)
    if (moment === undefined) return whole()
    if (moment === 'before') this.#kill()
    const done = moment === 'half' ? half?.() : whole()
    if (!(done instanceof Promise)) this.#kill()
    // Whoever waits is never told.
    return done.then(() => this.#kill()) as T
  }

  #momentOf(name: string): Moment | undefined {
    if (!this.#seen.has(name)) this.#note(name)
    this.#seen.add(name)
    const { operation, armedBy } = this.#order
    if (name !== operation) return undefined
    this.#isArmed ||= armedBy !== undefined && existsSync(armedBy)
    if (!this.#isArmed) return undefined
    this.#left -= 1
    return this.#left < 0 ? this.#order.moment : undefined
  }

  #note(line: string): void {
    appendFileSync(this.#order.notesFile, `${line}\n`)
  }

  #kill(): never {
    this.#note(KILLED)
    process.kill(process.pid, 'SIGKILL')
    throw new Error('the process has outlived SIGKILL')
  }
}

class KillingFile implements DiskFile {
  readonly #file: DiskFile
  readonly #reaper: Reaper
  #written = 'nothing'

  constructor(file: DiskFile, reaper: Reaper) {
    this.#file = file
    this.#reaper = reaper
  }

  get path(): string {
    return this.#file.path
  }

  size(): number {
    return this.#file.size()
  }

  read(target: Uint8Array, position: number): number {
    return this.#file.read(target, position)
  }

  readAsync(target: Uint8Array, position: number): Promise<number> {
    return this.#file.readAsync(target, position)
  }

  write(bytes: Uint8Array, position: number): Promise<void> | undefined {
    return this.#reaper.do({
      name: `write ${this.#kind}: ${this.#note(bytes, position)}`,
      whole: () => this.#file.write(bytes, position),
      half: () => this.#file.write(halfOf(bytes), position),
    })
  }

  async truncate(size: number): Promise<void> {
    this.#written = 'truncated'
    const whole = (): Promise<void> => this.#file.truncate(size)
    await this.#reaper.do({ name: `truncate ${this.#kind}`, whole })
  }

  async sync(): Promise<void> {
    const whole = (): Promise<void> => this.#file.sync()
    await this.#reaper.do({ name: this.#syncName, whole, half: () => void whole() })
  }

  writeAndSync(bytes: Uint8Array, position: number): number | Promise<number> {
    return this.#reaper.do({
      name: `write and sync ${this.#kind}: ${this.#note(bytes, position)}`,
      whole: () => this.#file.writeAndSync(bytes, position),
      half: () => this.#file.write(halfOf(bytes), position),
    })
  }

  async close(): Promise<void> {
    await this.#file.close()
  }

  get #kind(): string {
    return kindOf(this.path)
  }

  #note(bytes: Uint8Array, position: number): string {
    this.#written = contentOf(this.path, bytes, position, this.size())
    return this.#written
  }

  get #syncName(): string {
    return `sync ${this.#kind}: ${this.#written}`
  }
}
