import { execFileSync } from 'node:child_process'
import { mkdirSync, statfsSync } from 'node:fs'
import { join } from 'node:path'
import { atExit } from '../../e2e/harness/child.ts'
import { makeRunFolder } from '../../e2e/harness/project.ts'
import { pause } from '../../e2e/harness/wait.ts'

const SIZE = '768M'

/** A file system of a node's own, in a file, which can be full or slow while the others' are not. */
export class OwnDisk {
  readonly folder: string
  readonly #ballast: string
  #isMounted = false

  /** Why there can be none here; undefined when there can. */
  static obstacle(): string | undefined {
    try {
      new OwnDisk('try').#unmount()
      return undefined
    } catch {
      return 'no loop device, `mkfs.ext4` or `fsfreeze`'
    }
  }

  constructor(name: string) {
    const parts = makeRunFolder(`disk-${name}`)
    const image = join(parts, 'image')
    this.folder = join(parts, 'mounted')
    this.#ballast = join(this.folder, 'ballast')
    mkdirSync(this.folder)
    run('fsfreeze', '--version')
    run('truncate', '-s', SIZE, image)
    run('mkfs.ext4', '-q', '-m', '0', image)
    run('mount', '-o', 'loop', image, this.folder)
    this.#isMounted = true
    atExit(() => this.#unmount())
  }

  /** Leaves no byte free. */
  fill(): void {
    const { bavail, bsize } = statfsSync(this.folder)
    // What is written meanwhile may need some of it, so the last bytes go one by one.
    for (let size = bavail * bsize; size > 0; size = Math.floor(size / 2)) {
      try {
        run('fallocate', '-o', '0', '-l', String(size), `${this.#ballast}${size}`)
      } catch {
        // Somebody was faster.
      }
    }
  }

  makeRoom(): void {
    run('sh', '-c', `rm -f ${this.#ballast}*`)
  }

  /** Nothing is written for a while, again and again, until the signal fires. */
  async beSlow(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      run('fsfreeze', '-f', this.folder)
      await pause(FROZEN_MS)
      run('fsfreeze', '-u', this.folder)
      await pause(FREE_MS)
    }
  }

  #unmount(): void {
    if (!this.#isMounted) return
    this.#isMounted = false
    run('umount', '-l', this.folder)
  }
}

const FROZEN_MS = 300
const FREE_MS = 30

function run(program: string, ...args: readonly string[]): void {
  execFileSync(program, args, { stdio: 'pipe' })
}
