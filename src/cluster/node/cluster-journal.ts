import type { Journal } from '../../journal/index.ts'
import { assert, OperationalError, Watch, type Watched } from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, GtidSet } from '../../mysql/index.ts'
import type {
  Chunk,
  FileBegin,
  LastTransaction,
  LogEnd,
  ReplicatedLog,
  VisibleEnd,
} from '../../store/index.ts'
import type { Leader } from '../protocol/leader.ts'
import type { Driver } from './driver.ts'

/** `append` makes its caller wait while so much is given and not committed. */
const UNCOMMITTED_BYTES_MOST = 16 * 1024 * 1024

/** A dump from the source, from the moment at which it may be asked for. */
interface Session {
  readonly driver: Driver
  /** the protocol was told that the source is being read */
  isLinked: boolean
  readonly unfollow: () => void
}

/**
 * The journal of a cluster's node: a record is committed when every node that counts has it on its disk. It takes
 * records only within a session, which begins when this node leads and ends when it does not any more.
 */
export class ClusterJournal implements Journal {
  readonly #log: ReplicatedLog
  readonly #driver: Watched<Driver | undefined>
  readonly #visible: Watch<VisibleEnd | undefined>
  readonly #committed = new Watch(0)
  readonly #failed = new Watch<Error | undefined>(undefined)
  #session: Session | undefined
  /** given in the session and not committed, each with the sequence that ends it */
  #waiting: { readonly sequence: number; readonly bytes: number }[] = []
  #waitingBytes = 0

  /** @param driver of the present life of the node */
  constructor(log: ReplicatedLog, driver: Watched<Driver | undefined>) {
    this.#log = log
    this.#driver = driver
    this.#visible = new Watch(log.visible.value)
  }

  // ---- the session with the source

  /**
   * Resolves when a dump may be asked for (rule 15): this node leads, everything in its log is committed, and every
   * node that counts follows it. Half a transaction was given up by then. Rejects when the signal fires.
   */
  async openSession(signal: AbortSignal): Promise<LogEnd | undefined> {
    assert(this.#session === undefined, 'one session at a time')
    const driver = await this.#mayLink(signal)
    // What is held is known when all of it is shown.
    await this.#log.show(driver.committed.value).catch((thrown: unknown) => {
      driver.diskFailed(thrown)
      throw thrown
    })
    if (driver.node.leader?.mayLink !== true) return await this.openSession(signal)
    const unfollow = driver.committed.follow((sequence) => this.#commit(sequence))
    this.#session = { driver, isLinked: false, unfollow }
    this.#committed.set(driver.committed.value)
    this.#visible.set(this.#log.visible.value)
    driver.onAcknowledge = () => this.#visible.set(this.#log.visible.value)
    return undefined
  }

  closeSession(): void {
    const session = this.#session
    if (session === undefined) return
    this.#session = undefined
    session.unfollow()
    session.driver.onAcknowledge = undefined
    if (session.isLinked) session.driver.give({ kind: 'link-broke' })
    this.#waiting = []
    this.#waitingBytes = 0
    this.#committed.set(this.#committed.value)
  }

  async #mayLink(signal: AbortSignal): Promise<Driver> {
    for (;;) {
      signal.throwIfAborted()
      const driver = this.#driver.value
      if (driver === undefined || driver.isOver) await this.#driver.changed(signal)
      else if (driver.node.leader?.mayLink === true) return driver
      else await driver.stepped.changed(signal)
    }
  }

  // ---- records

  // Not `async`: the bytes are copied before the call returns.
  append(chunk: Chunk): Promise<number> {
    const { bytes, crc, boundary, gtids, timestamp } = chunk
    let driver: Driver
    try {
      driver = this.#linked()
    } catch (thrown) {
      return Promise.reject(thrown)
    }
    const end = driver.node.context.log.tail.end + bytes.length
    // Followers are sent them from memory, and the caller uses its buffer again.
    const own = Buffer.from(bytes)
    const offer = { bytes: own, timestamp, gtids: gtids ?? NO_GTIDS }
    driver.ingest({ kind: 'bytes', crc, end, boundary }, offer)
    const sequence = driver.node.context.log.written
    this.#waiting.push({ sequence, bytes: bytes.length })
    this.#waitingBytes += bytes.length
    if (this.#hasRoom) return Promise.resolve(sequence)
    return this.#until(() => this.#hasRoom).then(() => sequence)
  }

  async beginFile(begin: FileBegin): Promise<void> {
    await this.settled()
    const fileBegin = this.#log.beginFacts(begin)
    const place = { end: FIRST_EVENT_POSITION, boundary: FIRST_EVENT_POSITION }
    this.#linked().ingest({ kind: 'file-begin', crc: 0, ...place }, { fileBegin })
    await this.settled()
  }

  async purge(upTo: string): Promise<void> {
    const driver = this.#driver.value
    if (driver?.node.leader === undefined) throw notLeader()
    const floor = this.#log.floorOf(upTo)
    if (floor > this.#log.base.sequence) driver.purge(floor, upTo)
    const { written } = driver.node.context.log
    while (driver.committed.value < written) {
      if (driver.node.leader === undefined) throw notLeader()
      await driver.stepped.changed()
    }
  }

  async settled(): Promise<void> {
    const written = this.#session?.driver.node.context.log.written ?? 0
    await this.#until(() => this.#committed.value >= written)
  }

  close(): Promise<void> {
    this.closeSession()
    return Promise.resolve()
  }

  // ---- what is held

  get committed(): Watched<number> {
    return this.#committed
  }

  /** What may be acknowledged to the source: it moves on only within a session. */
  get visible(): Watched<VisibleEnd | undefined> {
    return this.#visible
  }

  get failed(): Watched<Error | undefined> {
    return this.#failed
  }

  /** Of this node, also while it follows another. */
  get unsyncedBytes(): number {
    return this.#driver.value?.work.unsyncedBytes ?? 0
  }

  /** Of what was given: the disk may be behind. */
  get end(): LogEnd | undefined {
    const file = this.#log.origin?.name
    if (file === undefined) return undefined
    const { end, boundary } = this.#driver.value?.node.context.log.tail ?? this.#log.tail
    return { file, position: end, boundary }
  }

  get origin(): FileBegin | undefined {
    return this.#log.origin
  }

  heldGtids(): GtidSet {
    return this.#log.heldGtids()
  }

  /** Where the disk does not give it, this node leads no more: another one may have it. */
  async lastTransaction(): Promise<LastTransaction | undefined> {
    try {
      return await this.#log.lastTransaction()
    } catch (thrown) {
      if (thrown === this.#log.failure) this.#driver.value?.diskFailed(thrown)
      throw thrown
    }
  }

  // ---- inside

  get #hasRoom(): boolean {
    return this.#waitingBytes <= UNCOMMITTED_BYTES_MOST
  }

  /** The session's driver, which has been told that the source is read. @throws OperationalError E_NOT_LEADER */
  #linked(): Driver {
    const session = this.#session
    const leader = this.#leaderOf(session)
    if (session === undefined || leader === undefined) throw notLeader()
    if (!session.isLinked) {
      if (!leader.mayLink) throw notLeader()
      session.driver.give({ kind: 'link-opened' })
      session.isLinked = true
    }
    if (!leader.takesBytes) throw notLeader()
    return session.driver
  }

  #leaderOf(session: Session | undefined): Leader | undefined {
    return session?.driver.isOver === false ? session.driver.node.leader : undefined
  }

  #commit(sequence: number): void {
    let count = 0
    for (const given of this.#waiting) {
      if (given.sequence > sequence) break
      this.#waitingBytes -= given.bytes
      count += 1
    }
    this.#waiting.splice(0, count)
    this.#committed.set(sequence)
  }

  async #until(condition: () => boolean): Promise<void> {
    const session = this.#session
    while (!condition()) {
      if (this.#session !== session || this.#leaderOf(session) === undefined) throw notLeader()
      await session?.driver.stepped.changed()
    }
  }
}

const NO_GTIDS = GtidSet.empty()

function notLeader(): OperationalError {
  const message = 'this node does not lead the cluster any more: another one reads the source'
  return new OperationalError('E_NOT_LEADER', message)
}
