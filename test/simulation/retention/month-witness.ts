import type { GtidSet } from '../../../src/mysql/index.ts'
import type { FileInfo } from '../../../src/store/index.ts'
import { Violation } from '../violation.ts'
import type { MonthClient } from './month-client.ts'
import { LOOK_MS, type RunningNode, UNRECEIVED_BYTES_MOST } from './month-node.ts'
import type { MonthWorld } from './world.ts'

const HOUR_MS = 3_600_000
/** An hour of looks is enough for retention to have done what was to be done. */
const SETTLED_MS = HOUR_MS
/** Between two events of the source; after a start retention knows no later time. */
const CLOCK_LAG_MS = 7_200_000

/** Compares what the store has after each step with what must, may and must not be there. */
export class MonthWitness {
  readonly #world: MonthWorld
  #before: readonly FileInfo[] = []
  /** what the files could take then, whoever was away */
  #mostBytes = Number.POSITIVE_INFINITY
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
      this.#checkNeeds(gone, oldest.name)
      this.#noteGivenUp(gone, files)
      const { previous } = this.#file(oldest.name)
      if (!store.purged().equals(previous)) {
        const message = `${oldest.name} is the oldest, and purged is ${store.purged().toString()}`
        throw new Violation('gtid_purged agrees with the files', message)
      }
      this.#world.count('purge')
    }
    this.#checkLimits(files, gone.length > 0)
    this.#before = files
    this.#mostBytes = this.#world.mostBytes(bytesOf(files))
  }

  /** The node has all that it does not hold. */
  isAllThereFor({ replica }: MonthClient): boolean {
    const oldest = this.#before[0]?.name
    return oldest === undefined || replica.held.contains(this.#file(oldest).previous)
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

  /** Each that went was over a limit, by the time that has truly passed, or was asked to go. */
  #checkReasons(gone: readonly FileInfo[]): void {
    const { wish, trueMs } = this.#world
    let total = bytesOf(this.#before)
    for (const { name, size, lastTimestamp } of gone) {
      const ageMs = trueMs - lastTimestamp * 1000
      const isLarge = total > Math.min(wish.maxSizeBytes ?? Infinity, wish.ceilingBytes ?? Infinity)
      const isOld = wish.maxAgeMs !== undefined && ageMs > wish.maxAgeMs - 2000
      if (!isLarge && !isOld && !this.#isAsked(name)) {
        const message = `${name} went, ${Math.round(ageMs / HOUR_MS)} h old, of ${total} bytes`
        throw new Violation('files go for a reason', message)
      }
      total -= size
    }
  }

  #isAsked(name: string): boolean {
    return name < (this.#world.handPurges.asked?.to ?? '')
  }

  #checkNeeds(gone: readonly FileInfo[], oldest: string): void {
    const { previous } = this.#file(oldest)
    for (const client of this.#world.clients) {
      if (!client.mustBeKept || client.replica.held.contains(previous)) continue
      const needed = this.#lackedOf(gone, client.replica.held)
      if (client.isConnected ? this.#isOnItsWay(needed) : this.#isOverruled(needed)) {
        client.hasLost = true
        this.#world.count('given up')
        continue
      }
      const lacks = previous.subtract(client.replica.held).toString()
      const state = client.isConnected ? 'connected' : 'away'
      const message = `${client.replica.name} is ${state} and lacks ${lacks}; ${oldest} is the oldest`
      throw new Violation('nothing that is needed is gone', message)
    }
  }

  /** Who is away is given up with the first file that it may need: what it was sent last may not have arrived. */
  #noteGivenUp(gone: readonly FileInfo[], files: readonly FileInfo[]): void {
    const last = gone.slice(-1)
    if (!this.#isOverruled(last)) return
    for (const client of this.#world.clients) {
      if (!client.isConnected && this.#mayNeed(client.knownToHold, [...last, ...files]))
        client.hasLost = true
    }
  }

  /** From the first file on of which a client lacks something. */
  #lackedOf(gone: readonly FileInfo[], held: GtidSet): readonly FileInfo[] {
    const next = gone.slice(1).map(({ name }) => this.#file(name).previous)
    const first = next.findIndex((previous) => !held.contains(previous))
    return gone.slice(first === -1 ? -1 : first)
  }

  /** A purge by hand leaves what dumps have open, as MySQL's does: not what a client was sent and has not read. */
  #isOnItsWay(needed: readonly FileInfo[]): boolean {
    return (
      needed.every(({ name }) => this.#isAsked(name)) && bytesOf(needed) <= UNRECEIVED_BYTES_MOST
    )
  }

  /** All of them went by force, or since there was no room for them. */
  #isOverruled(needed: readonly FileInfo[]): boolean {
    if (
      this.#world.handPurges.asked?.force === true &&
      needed.every(({ name }) => this.#isAsked(name))
    )
      return true
    const newest = this.#before.findIndex(({ name }) => name === needed.at(-1)?.name)
    return bytesOf(this.#before.slice(newest)) > this.#mostBytes
  }

  /** What is over a limit is kept for somebody, or goes: by age one file at a time. */
  #checkLimits(files: readonly FileInfo[], isGoing: boolean): void {
    const { wish, time, trueMs } = this.#world
    const total = bytesOf(files)
    const [oldest] = files
    const ageMs = trueMs - (oldest?.lastTimestamp ?? Infinity) * 1000
    const isLarge = total > (wish.maxSizeBytes ?? Infinity)
    const isOld = this.#world.isClockTrue && ageMs > (wish.maxAgeMs ?? Infinity) + CLOCK_LAG_MS
    const isOver = files.length > 1 && (isLarge || isOld)
    const isKept = this.#world.clients.some((client) => {
      if (!client.mayBeKept) return false
      const isAtCeiling = total > this.#world.mostBytes(total)
      return (client.isConnected || !isAtCeiling) && this.#mayNeed(client.knownToHold, files)
    })
    if (!isOver || isKept || isGoing) {
      this.#overSinceMs = undefined
      return
    }
    this.#overSinceMs ??= time.nowMs
    if (time.nowMs - this.#overSinceMs < SETTLED_MS + LOOK_MS) return
    const message = `${total} bytes, the oldest file ${Math.round(ageMs / HOUR_MS)} h old`
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

function bytesOf(files: readonly FileInfo[]): number {
  return files.reduce((sum, { size }) => sum + size, 0)
}
