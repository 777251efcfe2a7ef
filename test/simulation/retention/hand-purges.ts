/* Purges that people ask for: with `kingbus purge`, which is refused where somebody keeps a file, or in SQL. */
import { OperationalError } from '../../../src/lib/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import { Violation } from '../violation.ts'
import type { RunningNode } from './month-node.ts'
import type { MonthWorld } from './world.ts'

const SECOND_MS = 1000
const HOUR_MS = 3600 * SECOND_MS
/** Somebody keeps a file, or a dump was just about to begin. */
const REFUSALS = ['E_FILE_IN_USE', 'E_FILE_NEEDED', 'E_PEER_UNREACHABLE', 'E_NOT_LEADER']

export interface AskedPurge {
  /** the first file that is to stay */
  readonly to: string
  readonly force: boolean
}

export class HandPurges {
  readonly #world: MonthWorld
  readonly #random: SeededRandom
  /** under way, or just over */
  asked: AskedPurge | undefined

  constructor(world: MonthWorld) {
    this.#world = world
    this.#random = world.random.fork()
  }

  async run(): Promise<void> {
    const world = this.#world
    while (!world.isEnding) {
      await world.sleep(this.#random.between(10, 80) * HOUR_MS)
      const { running } = world.node
      if (running === undefined) continue
      await this.#purge(running)
      // What has gone is looked at in the meantime.
      await world.sleep(SECOND_MS)
      this.asked = undefined
    }
  }

  async #purge(running: RunningNode): Promise<void> {
    const world = this.#world
    const files = running.store.files()
    const to = this.#random.pick(files)
    const isSql = this.#random.chance(0.5)
    const force = !isSql && this.#random.chance(0.3)
    this.asked = { to: to.name, force }
    const which = isSql || to.lastTimestamp === 0 || this.#random.chance(0.7)
    const beforeMs = to.lastTimestamp * 1000
    const wish = which ? { to: to.name } : { beforeMs }
    world.note(`a purge by hand to ${to.name}${force ? ', by force' : ''}`)
    try {
      const { purgeDesk } = running.retention
      if (!isSql) await purgeDesk.purge({ ...wish, force, dryRun: true, partial: false })
      this.#check(running, files[0]?.name, 'a dry run')
      const done = await purgeDesk.purge({ ...wish, force, dryRun: false, partial: isSql })
      world.count(force ? 'purge by force' : 'purge by hand')
      this.#check(running, done.upTo ?? files[0]?.name, 'a purge')
    } catch (thrown) {
      if (world.node.running !== running) return
      if (!(thrown instanceof OperationalError) || !REFUSALS.includes(thrown.code)) throw thrown
      world.count('purge refused')
    }
  }

  /** Nobody else purges meanwhile. */
  #check(running: RunningNode, oldest: string | undefined, what: string): void {
    const found = running.store.files()[0]?.name
    if (this.#world.node.running !== running || found === oldest) return
    const message = `after ${what} the oldest file is ${found}, and not ${oldest}`
    throw new Violation('a purge by hand removes what it says', message)
  }
}
