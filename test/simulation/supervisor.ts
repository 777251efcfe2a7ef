import { messageOf, OperationalError } from '../../src/lib/index.ts'
import type { Store } from '../../src/store/index.ts'
import { BINLOGS } from './node.ts'
import { isDiskFailure } from './replica.ts'
import { Violation } from './violation.ts'
import type { World } from './world.ts'

/** A failed write or sync is told within this time. */
const FAILURE_TOLD_MS = 5_000

/** Starts the node whenever it is down, as systemd does, and the operator who acts on `failed`. */
export class Supervisor {
  readonly #world: World
  /** the source has lost what the node holds: nothing more is taken, as promised */
  isRefused = false
  #isEnding = false
  /** the node is being started, or looked over after its start */
  #isStarting = false
  /** other actions need the process as it is */
  isPaused = false
  /** when the process started, or last went on behind one */
  #failuresAtStart = 0
  /** how often the disk had gone when the process started, and was there then */
  #goneAtStart = 0
  /** the journal takes nothing */
  #hasFailed = false
  /** a failure that the process is to get over by itself */
  #leftAlone: Error | undefined
  #failedAtMs: number | undefined

  constructor(world: World) {
    this.#world = world
  }

  /** Runs until `end`. */
  async run(): Promise<void> {
    const world = this.#world
    while (!this.#isEnding) {
      if (world.node.running === undefined) await this.#start()
      else await this.#check()
      await world.clock.sleep(5)
    }
  }

  /** The node ends in order; nobody starts it again. */
  async end(): Promise<void> {
    this.#isEnding = true
    await this.stop()
  }

  async stop(): Promise<void> {
    await this.#world.until(() => !this.#isStarting, Number.POSITIVE_INFINITY)
    const { node, witness, ends, fleet } = this.#world
    if (node.running === undefined) return
    const before = ends.value
    node.isServing = false
    await fleet.disconnectAll()
    if (ends.value !== before) return
    const stopped = node.stop().catch((thrown: unknown) => {
      // The disk fails at the very end: what was not synced may be lost, and nobody was told of it.
      if (!isDiskFailure(thrown)) throw thrown
      node.die('kill')
    })
    await Promise.race([stopped, ends.changed()])
    witness.watch(undefined)
    if (ends.value === before) ends.set(before + 1)
  }

  die(death: 'kill' | 'power cut'): void {
    this.#world.node.die(death)
    this.#ended()
  }

  /** Once more from the disk alone: everything is there. */
  async restartOnce(): Promise<void> {
    await this.#start()
    if (this.#world.node.running === undefined) {
      throw new Violation('the node opens', 'after a stop in order')
    }
    await this.stop()
  }

  /** After every step: what the process cannot hide. */
  look(): void {
    const { node, time } = this.#world
    const running = node.running
    if (running === undefined) return
    const { phase } = running.link.state.value
    const hasFailed = running.journal.failed.value !== undefined
    if (this.#hasFailed && !hasFailed) {
      this.#world.count('went on behind a failure of its disk')
      this.#failuresAtStart = this.#failures()
    }
    this.#hasFailed = hasFailed
    const isTold = hasFailed && phase !== 'streaming'
    if (this.#failures() === this.#failuresAtStart || isTold) {
      this.#failedAtMs = undefined
      return
    }
    this.#failedAtMs ??= time.nowMs
    if (time.nowMs - this.#failedAtMs < FAILURE_TOLD_MS) return
    throw new Violation('states say what happened', 'a write or sync failed, and nobody is told')
  }

  async #start(): Promise<void> {
    const { node, clock, random, witness, ends } = this.#world
    await clock.sleep(random.between(1, 60))
    this.#isStarting = true
    const { disk } = this.#world
    this.#failuresAtStart = this.#failures()
    this.#goneAtStart = this.#gone() - (disk.isGone ? 1 : 0)
    this.#failedAtMs = undefined
    this.#hasFailed = false
    const died = (death: string): void => {
      this.#world.count(`died by ${death} at an operation`)
      this.#world.note(`the process died: ${death}`)
      this.#ended()
    }
    try {
      const death = ends.changed()
      const running = await Promise.race([node.start(died), death])
      if (running === undefined) return
      this.#world.count('start')
      witness.watch(running.store)
      await Promise.race([this.#checkOpened(running.store), death])
    } catch (thrown) {
      if (thrown instanceof Violation) throw thrown
      this.die('kill')
      this.#world.note(`it does not open: ${messageOf(thrown)}`)
      if (this.#removeDamagedIndex(thrown)) return
      if (!this.#isExcused(thrown)) throw new Violation('the node opens', textOf(thrown))
    } finally {
      this.#isStarting = false
    }
  }

  async #checkOpened(store: Store): Promise<void> {
    try {
      await this.#world.witness.checkOpened(store)
    } catch (thrown) {
      if (thrown instanceof OperationalError && thrown.code === 'E_FILE_UNKNOWN') return
      if (!isDiskFailure(thrown)) throw thrown
    }
  }

  async #check(): Promise<void> {
    const { node, random } = this.#world
    const { running, failure } = node
    if (running === undefined || this.isPaused) return
    // No failure of the disk ends a process that has begun.
    if (failure !== undefined) {
      throw new Violation('no promise of the code breaks', textOf(failure))
    }
    const { phase, code, reason } = running.link.state.value
    const mayGoOn = code === 'E_STORE_WRITE' && phase === 'paused'
    if (!(phase === 'failed' || mayGoOn) || this.isRefused) return
    const why = running.journal.failed.value
    if (mayGoOn && (why === undefined || why === this.#leftAlone)) return
    if (mayGoOn && random.chance(0.7)) {
      this.#leftAlone = why
      return
    }
    if (code === 'E_SOURCE_DIVERGED' || code === 'E_SOURCE_SHORTER') {
      this.#checkRefusal(running.store, `${code}: ${reason}`)
      return
    }
    const isExpected =
      (code === 'E_STORE_WRITE' && this.#mayNotWrite()) ||
      (code === 'E_STORE_DAMAGED' && this.#world.mayBeDamaged)
    if (!isExpected) throw new Violation('states say what happened', `${code}: ${reason}`)
    this.#world.count('failed and started again')
    await this.#world.clock.sleep(random.between(1, 500))
    if (random.chance(0.5)) await this.stop()
    else this.die(random.pick(['kill', 'power cut']))
  }

  #checkRefusal(store: Store, reason: string): void {
    const { lost, expected } = this.#world
    const { end } = store
    const isRight =
      lost !== undefined &&
      end?.file === lost.name &&
      end.position > expected.get(lost.name).keptEnd
    if (!isRight) throw new Violation('states say what happened', reason)
    this.isRefused = true
    this.#world.count('refused a source that has lost its end')
  }

  #ended(): void {
    const { witness, ends, fleet } = this.#world
    witness.watch(undefined)
    fleet.cutAll()
    ends.set(ends.value + 1)
  }

  /** What the documentation tells the operator to do. */
  #removeDamagedIndex(thrown: unknown): boolean {
    const { damagedIndex, disk } = this.#world
    if (damagedIndex === undefined || !(thrown instanceof OperationalError)) return false
    if (thrown.code !== 'E_STORE_DAMAGED' && thrown.code !== 'E_STORE_FORMAT') return false
    this.#world.damagedIndex = undefined
    disk.folders.change([[damagedIndex, undefined]])
    disk.folders.settle(BINLOGS, disk.folders.mark)
    this.#world.count('damaged index removed by the operator')
    return true
  }

  /** Bytes that a cut keeps are read before anything is written. */
  #mayNotWrite(): boolean {
    const { met } = this.#world.disk
    const isUnread = met.has('read fails') || met.has('disk gone')
    return this.#failures() > this.#failuresAtStart || isUnread
  }

  #failures(): number {
    const { met } = this.#world.disk
    return (met.get('sync fails') ?? 0) + (met.get('write fails') ?? 0)
  }

  #gone(): number {
    return this.#world.disk.met.get('disk gone') ?? 0
  }

  #isExcused(thrown: unknown): boolean {
    if (this.#failures() > this.#failuresAtStart || isDiskFailure(thrown)) return true
    if (this.#gone() > this.#goneAtStart) return true
    const { freeBytes } = this.#world.disk
    if (freeBytes < 100_000) return true
    return (
      thrown instanceof OperationalError &&
      thrown.code === 'E_STORE_DAMAGED' &&
      this.#world.mayFindDamage
    )
  }
}

function textOf(thrown: unknown): string {
  return thrown instanceof Error ? (thrown.stack ?? thrown.message) : messageOf(thrown)
}
