import { execFile, execFileSync } from 'node:child_process'
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { promisify } from 'node:util'
import { atExit } from '../child.ts'
import { makeRunFolder, xfsProgram } from '../project.ts'
import { pause } from '../wait.ts'

const SIZE = '1G'

export type FileSystem = 'ext4' | 'xfs'
const FROZEN_MS = 300
const FREE_MS = 30

/** A file system of a node's own, in a file, which can be full, slow or cut off while the others' are not. */
export class OwnDisk {
  readonly folder: string
  readonly #image: string
  readonly #ballast: string
  #isMounted = true
  #isFrozen = false
  /** by a mount of itself */
  #isCovered = false
  readonly #fileSystem: FileSystem

  /** Why there can be none here; undefined when there can. */
  static async obstacle(): Promise<string | undefined> {
    try {
      const disk = new OwnDisk('try')
      await disk.freeze()
      await disk.thaw()
      disk.#unmount()
      return undefined
    } catch {
      return 'no loop device, `mkfs.ext4` or `fsfreeze`'
    }
  }

  /** Why none can lose its power here; undefined when it can. */
  static powerObstacle(fileSystem: FileSystem): string | undefined {
    try {
      const disk = new OwnDisk('try', fileSystem)
      disk.cutPower()
      disk.restorePower()
      disk.#unmount()
      return undefined
    } catch {
      return `no loop device, \`mkfs.${fileSystem}\` or \`xfs_io\``
    }
  }

  constructor(name: string, fileSystem: FileSystem = 'ext4') {
    const parts = makeRunFolder(`disk-${name}`)
    this.#fileSystem = fileSystem
    this.#image = join(parts, 'image')
    this.folder = join(parts, 'mounted')
    this.#ballast = join(this.folder, 'ballast')
    mkdirSync(this.folder)
    execFileSync('truncate', ['-s', SIZE, this.#image], { stdio: 'pipe' })
    if (fileSystem === 'xfs') execFileSync(xfsProgram('mkfs.xfs'), ['-q', this.#image])
    else execFileSync('mkfs.ext4', ['-q', '-m', '0', this.#image], { stdio: 'pipe' })
    this.#mount()
    atExit(() => this.#unmount())
  }

  /** Leaves no byte free. */
  async fill(): Promise<void> {
    const { bavail, bsize } = statfsSync(this.folder)
    // Others write meanwhile, so what is left after the big piece goes in smaller ones.
    for (let size = bavail * bsize; size >= bsize; size = Math.floor(size / 2)) {
      await this.#addBallast(size).catch(() => {})
    }
  }

  /** Leaves so many blocks free, which several files may want. */
  async fillBut(blocks: number): Promise<void> {
    const kept = `${this.#ballast}-kept`
    const { bsize } = statfsSync(this.folder)
    await run('fallocate', '-l', String(blocks * bsize), kept)
    // Others write meanwhile, so what is left beside it cannot be taken in one piece.
    await this.fill()
    await run('rm', kept)
  }

  async #addBallast(size: number): Promise<void> {
    await run('fallocate', '-l', String(size), `${this.#ballast}${size}`)
  }

  async makeRoom(): Promise<void> {
    await run('sh', '-c', `rm -f ${this.#ballast}*`)
  }

  /** Whoever writes hangs until `thaw`. */
  async freeze(): Promise<void> {
    this.#isFrozen = true
    await run('fsfreeze', '-f', this.folder)
  }

  async thaw(): Promise<void> {
    await run('fsfreeze', '-u', this.folder)
    this.#isFrozen = false
  }

  /** Nothing is written for a while, again and again, until the signal fires. */
  async beSlow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      await this.freeze()
      await pause(FROZEN_MS)
      await this.thaw()
      await pause(FREE_MS)
    }
  }

  /** Files cannot be opened to be written, nor made; those that are open stay as they are. */
  beReadOnly(): void {
    execFileSync('mount', ['--bind', this.folder, this.folder], { stdio: 'pipe' })
    this.#isCovered = true
    execFileSync('mount', ['-o', 'remount,bind,ro', this.folder], { stdio: 'pipe' })
  }

  beWritable(): void {
    // Who has opened a file meanwhile may go on reading it.
    execFileSync('umount', ['-l', this.folder], { stdio: 'pipe' })
    this.#isCovered = false
  }

  /** The kernel finds an error in the file system, and writes nothing any more until it is mounted again. */
  findError(): void {
    const mounted = ['-no', 'SOURCE', this.folder]
    const device = execFileSync('findmnt', mounted, { encoding: 'utf8' }).trim()
    writeFileSync(`/sys/fs/ext4/${basename(device)}/trigger_fs_error`, '1')
  }

  /** What was not synced is gone at once, and whoever reads or writes is told EIO. */
  cutPower(): void {
    execFileSync(xfsProgram('xfs_io'), ['-x', '-c', 'shutdown', this.folder], { stdio: 'pipe' })
  }

  /** Whoever had files open must have ended. The journal of the file system is applied. */
  restorePower(): void {
    execFileSync('umount', [this.folder], { stdio: 'pipe' })
    this.#mount()
  }

  #mount(): void {
    const options = this.#fileSystem === 'ext4' ? 'loop,errors=remount-ro' : 'loop'
    execFileSync('mount', ['-o', options, this.#image, this.folder], { stdio: 'pipe' })
  }

  #unmount(): void {
    if (!this.#isMounted) return
    this.#isMounted = false
    if (this.#isCovered) this.beWritable()
    if (this.#isFrozen) execFileSync('fsfreeze', ['-u', this.folder], { stdio: 'pipe' })
    execFileSync('umount', ['-l', this.folder], { stdio: 'pipe' })
  }
}

async function run(program: string, ...args: readonly string[]): Promise<void> {
  await promisify(execFile)(program, args)
}
