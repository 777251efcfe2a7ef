import { execFileSync } from 'node:child_process'
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { atExit } from '../child.ts'
import { makeRunFolder } from '../project.ts'

const POOL = '400M'
const PROMISED = '1G'
const PIECE = Buffer.alloc(1 << 20, 1)

/**
 * An ext4 file system whose device has promised more than it has, as thin volumes do: when its pool is out of room, a
 * write to it succeeds and its fdatasync fails, and the one after that says that all is well.
 */
export class ThinDisk {
  readonly folder: string
  readonly #pool: string
  #isMounted = true

  constructor(name: string) {
    const parts = makeRunFolder(`thin-${name}`)
    this.#pool = join(parts, 'pool')
    this.folder = join(parts, 'mounted')
    for (const folder of [this.#pool, this.folder]) mkdirSync(folder)
    run('mount', '-t', 'tmpfs', '-o', `size=${POOL}`, 'tmpfs', this.#pool)
    const image = join(this.#pool, 'image')
    run('truncate', '-s', PROMISED, image)
    // A journal would be aborted for good by the first write that fails.
    run('mkfs.ext4', '-q', '-m', '0', '-O', '^has_journal', image)
    run('mount', '-o', 'loop', image, this.folder)
    atExit(() => this.#unmount())
  }

  /** Nothing that is written from now on gets to the device. */
  exhaust(): void {
    const ballast = openSync(this.#ballast, 'w')
    try {
      while (writeSync(ballast, PIECE) === PIECE.length);
    } catch {
      // The pool has no more.
    } finally {
      closeSync(ballast)
    }
  }

  makeRoom(): void {
    rmSync(this.#ballast)
  }

  get #ballast(): string {
    return join(this.#pool, 'ballast')
  }

  #unmount(): void {
    if (!this.#isMounted) return
    this.#isMounted = false
    run('umount', '-l', this.folder)
    run('umount', '-l', this.#pool)
  }
}

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' })
}
