import { existsSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { Program } from '../../e2e/harness/kingbus.ts'
import { makeRunFolder, projectFolder } from '../../e2e/harness/project.ts'
import { KILLED, type KillOrder } from './killing-disk.ts'
import type { KillPoint } from './points.ts'

/** The product's command line with a disk that obeys the order. */
export function killed(order: KillOrder): Program {
  const script = join(projectFolder, 'test/crashes/kill-points/killed-kingbus.ts')
  const env = { KILL_ORDER: JSON.stringify(order) }
  return { program: process.execPath, args: ['--import', 'tsx', script], env }
}

/** Whether a process with the order died by it; it has ended. */
export function wasObeyed({ notesFile }: KillOrder): boolean {
  return existsSync(notesFile) && readFileSync(notesFile, 'utf8').endsWith(`${KILLED}\n`)
}

/** The orders of a run, one process after another, and what these have noted. */
export class KillOrders {
  readonly #listed: ReadonlySet<string>
  readonly #operations = new Set<string>()
  readonly #folder = makeRunFolder('notes')
  readonly #file = join(this.#folder, 'notes')

  /** @param listed all changes that a process may make */
  constructor(listed: readonly string[]) {
    this.#listed = new Set(listed)
  }

  /** For the next process; the notes of the one before are read. */
  next({ operation, moment, sparedMost = 0 }: KillPoint, random: SeededRandom): KillOrder {
    this.#take()
    return { operation, moment, spared: random.between(0, sparedMost), notesFile: this.#file }
  }

  /** The same, for a process that is not to die before the file is there. */
  nextArmed(point: KillPoint, random: SeededRandom): KillOrder & { readonly armedBy: string } {
    const armedBy = join(this.#folder, 'armed')
    rmSync(armedBy, { force: true })
    return { ...this.next(point, random), armedBy }
  }

  /** Changes of the disk that processes have made, and that no point is about. */
  unlisted(): string[] {
    this.#take()
    return [...this.#operations].filter((name) => !this.#listed.has(name))
  }

  #take(): void {
    if (!existsSync(this.#file)) return
    const lines = readFileSync(this.#file, 'utf8').split('\n')
    for (const line of lines) if (line !== '' && line !== KILLED) this.#operations.add(line)
    rmSync(this.#file)
  }
}
