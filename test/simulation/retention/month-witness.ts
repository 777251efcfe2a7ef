import type { GtidSet } from '../../../src/mysql/index.ts'
import type { FileInfo } from '../../../src/store/index.ts'
import { Violation } from '../violation.ts'
import { LOOK_MS, type RunningNode, UNRECEIVED_BYTES_MOST } from './month-node.ts'
import type { MonthWorld } from './world.ts'

/** An hour of looks is enough for retention to have done what was to be done. */
const SETTLED_MS = 3_600_000
/** Between two events of the source; after a start retention knows no later time. */
const CLOCK_LAG_MS = 7_200_000

/** Compares what the store has after each step with what must, may and must not be there. */
export class MonthWitness {
  readonly #world: MonthWorld
  #before: readonly FileInfo[] = []
  #overSinceMs: number | undefined
  #lookedMs = 0
  #purges = 0
  #running: RunningNode | undefined

  constructor(world: MonthWorld) {
    this.#world = world
  }

  /** The node has ended: the next one begins with what is on the disk. */
  #forget(): void {
    this.#before = []
    this.#overSinceMs = undefined
  }

  /** Before each purge there is a look, too. */
  lookIfDue(): void {
    const { node, time } = this.#world
    const isSame = node.running === this.#running && node.purges === this.#purges
    if (!isSame || time.nowMs - this.#lookedMs >= LOOK_MS) this.look()
  }

  look(): void {
    const { node, time } = this.#world
    const { running, purges } = node
    if (running !== this.#running) this.#forget()
    this.#running = running
    this.#purges = purges
    this.#lookedMs = time.nowMs
    if (running === undefined) return
    const { store } = running
    const files = store.files()
    const [oldest] = files
    if (oldest === undefined) return
    this.#checkOrder(files)
    const gone = this.#before.filter(({ name }) => name < oldest.name)
    if (gone.length > 0) {
      this.#checkReasons(gone)
      this.#checkNeeds(oldest.name)
      const { previous } = this.#file(oldest.name)
      if (!store.purged().equals(previous)) {
        const message = `${oldest.name} is the oldest, and purged is ${store.purged().toString()}`
        throw new Violation('gtid_purged agrees with the files', message)
      }
      this.#world.count('purge')
    }
    this.#checkLimits(files, gone.length > 0)
    this.#before = files
  }

  #checkOrder(files: readonly FileInfo[]): void {
    const { history } = this.#world
    const names = files.map(({ name }) => name)
    const from = history.files.findIndex(({ name }) => name === names[0])
    const expected = history.files.slice(from, from + names.length).map(({ name }) => name)
    if (names.join() !== expected.join()) {
      throw new Violation('files go oldest first', `there are ${names.join()}`)
    }
  }

  /** Each that went was over a limit, by the time that has truly passed. */
  #checkReasons(gone: readonly FileInfo[]): void {
    const { wish, trueMs } = this.#world
    let total = this.#before.reduce((sum, { size }) => sum + size, 0)
    for (const { name, size, lastTimestamp } of gone) {
      const ageMs = trueMs - lastTimestamp * 1000
      const isLarge = total > Math.min(wish.maxSizeBytes ?? Infinity, wish.ceilingBytes ?? Infinity)
      const isOld = wish.maxAgeMs !== undefined && ageMs > wish.maxAgeMs - 2000
      if (!isLarge && !isOld) {
        const message = `${name} went, ${Math.round(ageMs / 3_600_000)} h old, of ${total} bytes`
        throw new Violation('files go for a reason', message)
      }
      total -= size
    }
  }

  #checkNeeds(oldest: string): void {
    const { previous } = this.#file(oldest)
    for (const client of this.#world.clients) {
      if (!client.mustBeKept || client.replica.held.contains(previous)) continue
      const lacks = previous.subtract(client.replica.held).toString()
      const state = client.isConnected ? 'connected' : 'away'
      const message = `${client.replica.name} is ${state} and lacks ${lacks}; ${oldest} is the oldest`
      throw new Violation('nothing that is needed is gone', message)
    }
  }

  /** What is over a limit is kept for somebody, or goes: by age one file at a time. */
  #checkLimits(files: readonly FileInfo[], isGoing: boolean): void {
    const { wish, time, trueMs } = this.#world
    const total = files.reduce((sum, { size }) => sum + size, 0)
    const [oldest] = files
    const ageMs = trueMs - (oldest?.lastTimestamp ?? Infinity) * 1000
    const isLarge = total > (wish.maxSizeBytes ?? Infinity)
    const isOld = this.#world.isClockTrue && ageMs > (wish.maxAgeMs ?? Infinity) + CLOCK_LAG_MS
    const isOver = files.length > 1 && (isLarge || isOld)
    const isKept = this.#world.clients.some((client) => {
      if (!client.mayBeKept) return false
      const isAtCeiling = total > (wish.ceilingBytes ?? Infinity)
      return (client.isConnected || !isAtCeiling) && this.#mayNeed(client.knownToHold, files)
    })
    if (!isOver || isKept || isGoing) {
      this.#overSinceMs = undefined
      return
    }
    this.#overSinceMs ??= time.nowMs
    if (time.nowMs - this.#overSinceMs < SETTLED_MS + LOOK_MS) return
    const message = `${total} bytes, the oldest file ${Math.round(ageMs / 3_600_000)} h old`
    throw new Violation('limits hold', `${message}, and nobody needs it`)
  }

  /** A client that holds these lacks something of the oldest file, or may lack it by what is on its way. */
  #mayNeed(held: GtidSet, files: readonly FileInfo[]): boolean {
    let before = 0
    for (const { name, size } of files.slice(1)) {
      if (!held.contains(this.#file(name).previous)) return true
      if (before > UNRECEIVED_BYTES_MOST) return false
      before += size
    }
    return true
  }

  #file(name: string) {
    const file = this.#world.history.find(name)
    if (file === undefined) throw new Error(`the source never had ${name}`)
    return file
  }
}
