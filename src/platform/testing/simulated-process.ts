import type { Disk, DiskFile, DiskSpace, FileAttributes } from '../disk.ts'
import type { ProcessClock } from './simulated-clock.ts'
import type { Death, SimulatedDisk } from './simulated-disk.ts'
import { SimulatedInode } from './simulated-inode.ts'

/** Thrown at an operation at which a process dies, and at all that its remains still try. */
export class ProcessDied extends Error {
  override readonly name = 'ProcessDied'
}

function systemError(code: string, path: string): Error {
  return Object.assign(new Error(`${code}: simulated, '${path}'`), { code })
}

/** The disk as one process sees it until it dies. */
export class SimulatedProcess implements Disk {
  readonly #disk: SimulatedDisk
  readonly #clock: ProcessClock
  readonly #died: (death: Death) => void
  #dead = false

  /**
   * The next process that uses the disk.
   * @param died called when an operation was its last
   * @param clock of the process: while that is paused it is told nothing
   */
  constructor(
    disk: SimulatedDisk,
    died: (death: Death) => void,
    clock: ProcessClock = disk.clock.process(),
  ) {
    this.#disk = disk
    this.#clock = clock
    this.#died = died
    disk.takenBy(this)
  }

  die(): void {
    this.#dead = true
  }

  get isDead(): boolean {
    return this.#dead
  }

  async open(path: string, mode: 'read' | 'write' | 'create'): Promise<DiskFile> {
    return await this.later(path, () => {
      if (mode !== 'read') this.requireWritable(path)
      const found = this.#disk.folders.get(path)
      if (mode !== 'create') {
        if (found === undefined) throw systemError('ENOENT', path)
        return new SimulatedFile(this, this.#disk, { path, inode: found })
      }
      if (found !== undefined) throw systemError('EEXIST', path)
      const inode = new SimulatedInode()
      this.#disk.folders.change([[path, inode]])
      return new SimulatedFile(this, this.#disk, { path, inode })
    })
  }

  async list(folder: string): Promise<string[]> {
    return await this.later(folder, () => {
      const below = `${folder}/`
      const paths = this.#disk.folders.entries().map(([path]) => path)
      return paths
        .filter((path) => path.startsWith(below) && !path.slice(below.length).includes('/'))
        .map((path) => path.slice(below.length))
    })
  }

  async exists(path: string): Promise<boolean> {
    return await this.later(
      path,
      () => this.#disk.folders.get(path) !== undefined || this.#disk.known.has(path),
    )
  }

  async attributes(path: string): Promise<FileAttributes | undefined> {
    return await this.later(path, () => {
      const found = this.#disk.folders.get(path)
      const isFolder = this.#disk.known.has(path)
      if (found === undefined && !isFolder) return undefined
      const mode = isFolder ? 0o700 : 0o600
      return {
        mode,
        ownerId: 0,
        isFolder,
        isFile: !isFolder,
        size: found?.size ?? 0,
        modifiedMs: 0,
      }
    })
  }

  async readFile(path: string): Promise<Buffer> {
    return await this.later(path, () => {
      const found = this.#disk.folders.get(path)
      if (found === undefined) throw systemError('ENOENT', path)
      return Buffer.from(found.seen.view())
    })
  }

  async replaceFile(path: string, bytes: Uint8Array): Promise<void> {
    const copy = Buffer.from(bytes)
    await this.wait(path, () => {
      this.requireWritable(path)
      if (this.#disk.meets('write fails', path)) throw systemError('EIO', path)
      if (copy.length > this.#disk.freeBytes) throw systemError('ENOSPC', path)
      this.#disk.replacing.set(path, copy)
    })
    await this.wait(path, () => {
      this.#disk.replacing.delete(path)
      if (!this.#disk.isGone || this.#disk.random.chance(0.5)) this.#disk.putFile(path, copy)
      this.requireDisk(path)
    })
  }

  async makeFolder(path: string): Promise<void> {
    await this.later(path, () => {
      if (!this.#disk.known.has(path)) this.requireWritable(path)
      this.#disk.known.add(path)
    })
  }

  async remove(path: string): Promise<void> {
    await this.later(path, () => {
      this.requireWritable(path)
      if (this.#disk.folders.get(path) === undefined) throw systemError('ENOENT', path)
      this.#disk.folders.change([[path, undefined]])
    })
  }

  async rename(from: string, to: string): Promise<void> {
    await this.later(from, () => {
      this.requireWritable(from)
      const inode = this.#disk.folders.get(from)
      if (inode === undefined) throw systemError('ENOENT', from)
      this.#disk.folders.change([
        [from, undefined],
        [to, inode],
      ])
    })
  }

  async syncFolder(folder: string): Promise<void> {
    const { mark } = this.#disk.folders
    await this.later(folder, () => this.#disk.folders.settle(folder, mark))
  }

  async space(folder: string): Promise<DiskSpace> {
    return await this.later(folder, () => {
      const { totalBytes, freeBytes, isReadOnly } = this.#disk
      return { totalBytes, freeBytes: Math.min(totalBytes, freeBytes), isReadOnly }
    })
  }

  async isLocked(path: string): Promise<boolean> {
    return await this.later(path, () => this.#disk.locks.has(path))
  }

  async lock(path: string): Promise<{ release(): Promise<void> } | undefined> {
    return await this.later(path, () => {
      const { locks } = this.#disk
      if (locks.has(path)) return undefined
      locks.add(path)
      return { release: () => this.wait(path, () => void locks.delete(path)) }
    })
  }

  /** As `wait`, of what the disk has to answer. */
  async later<T>(path: string, work: () => T): Promise<T> {
    return await this.wait(path, () => {
      this.requireDisk(path)
      return work()
    })
  }

  requireDisk(path: string): void {
    if (this.#disk.isGone) throw systemError('EIO', path)
  }

  /** What takes a while: done at a later moment, if the process is still there then. */
  wait<T>(path: string, work: () => T): Promise<T> {
    const { random } = this.#disk
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        try {
          this.operation(path)
          resolve(work())
        } catch (thrown) {
          // Nobody is told anything any more.
          if (!(thrown instanceof ProcessDied)) reject(thrown)
        }
      }
      this.#clock.after(latencyMs(random.fraction()), () => this.#disk.whenItAnswers(settle))
    })
  }

  /** @throws EROFS */
  requireWritable(path: string): void {
    if (!this.#disk.isReadOnly) return
    this.#disk.count('disk read-only')
    throw systemError('EROFS', path)
  }

  /** @param partly what may have been done of it when the process dies in the middle */
  operation(path: string, partly: () => void = () => {}): void {
    if (this.#dead) throw new ProcessDied(path)
    const death = this.#disk.takeDeath()
    if (death === undefined) return
    partly()
    this.#disk.crash(death)
    this.#died(death)
    throw new ProcessDied(path)
  }
}

/** Most operations take some 0.1 ms, a few of them a hundred times as long. */
function latencyMs(fraction: number): number {
  return fraction < 0.97 ? 0.02 + fraction * 0.2 : 20 * (fraction - 0.97) * 33
}

class SimulatedFile implements DiskFile {
  readonly path: string
  readonly #process: SimulatedProcess
  readonly #disk: SimulatedDisk
  readonly #inode: SimulatedInode
  #closed = false

  constructor(
    process: SimulatedProcess,
    disk: SimulatedDisk,
    { path, inode }: { path: string; inode: SimulatedInode },
  ) {
    this.#process = process
    this.#disk = disk
    this.path = path
    this.#inode = inode
  }

  size(): number {
    this.#check()
    this.#process.requireDisk(this.path)
    return this.#inode.size
  }

  read(target: Uint8Array, position: number): number {
    this.#check()
    this.#process.operation(this.path)
    return this.#readNow(target, position)
  }

  async readAsync(target: Uint8Array, position: number): Promise<number> {
    this.#check()
    return await this.#process.wait(this.path, () => this.#readNow(target, position))
  }

  write(bytes: Uint8Array, position: number): Promise<void> | undefined {
    this.#check()
    if (this.#disk.isHanging)
      return this.#process.later(this.path, () => this.#writeNow(bytes, position))
    this.#writeNow(bytes, position)
    return undefined
  }

  #writeNow(bytes: Uint8Array, position: number): void {
    const disk = this.#disk
    const inode = this.#inode
    const part = (): Uint8Array => bytes.subarray(0, disk.random.between(0, bytes.length))
    this.#process.operation(this.path, () => inode.write(part(), position))
    this.#process.requireWritable(this.path)
    if (disk.meets('write fails', this.path)) {
      inode.write(part(), position)
      throw systemError('EIO', this.path)
    }
    const growth = Math.max(0, position + bytes.length - inode.size)
    if (growth > disk.freeBytes) {
      const fitting = Math.max(0, bytes.length - (growth - disk.freeBytes))
      if (fitting > 0) inode.write(bytes.subarray(0, fitting), position)
      disk.freeBytes = 0
      disk.count('disk full')
      throw systemError('ENOSPC', this.path)
    }
    disk.freeBytes -= growth
    inode.write(bytes, position)
  }

  async truncate(size: number): Promise<void> {
    this.#check()
    await this.#process.later(this.path, () => {
      this.#process.requireWritable(this.path)
      const freed = this.#inode.size - size
      this.#inode.resize(size)
      if (freed > 0) this.#disk.freeBytes += freed
    })
  }

  async sync(): Promise<void> {
    this.#check()
    const { mark } = this.#inode
    await this.#process.wait(this.path, () => this.#settle(mark))
  }

  writeAndSync(bytes: Uint8Array, position: number): number | Promise<number> {
    this.#check()
    const done = (): number => {
      this.#writeNow(bytes, position)
      this.#process.operation(this.path)
      this.#settle(this.#inode.mark)
      return 0
    }
    return this.#disk.isHanging ? this.#process.later(this.path, done) : done()
  }

  async close(): Promise<void> {
    this.#closed = true
    await this.#process.wait(this.path, () => {})
  }

  #settle(mark: SimulatedInode['mark']): void {
    if (this.#disk.meets('sync fails', this.path)) {
      this.#inode.settleBadly(mark, this.#disk.random)
      throw Object.assign(systemError('EIO', this.path), { syscall: 'fdatasync' })
    }
    this.#inode.settle(mark)
  }

  #readNow(target: Uint8Array, position: number): number {
    if (this.#disk.meets('read fails', this.path)) throw systemError('EIO', this.path)
    const found = this.#inode.seen.view(position, position + target.length)
    target.set(found)
    if (found.length > 0 && this.#disk.meets('bit flips on read', this.path)) {
      const at = this.#disk.random.between(0, found.length - 1)
      target[at] = (target[at] ?? 0) ^ (1 << this.#disk.random.between(0, 7))
    }
    return found.length
  }

  #check(): void {
    if (this.#closed) throw systemError('EBADF', this.path)
  }
}
