import { messageOf, OperationalError } from '../../src/lib/index.ts'
import {
  decodeRotate,
  EventType,
  formatGtid,
  type Gtid,
  GtidSet,
  PacketReader,
  readEventHeader,
} from '../../src/mysql/index.ts'
import type { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../src/platform/testing/simulated-clock.ts'
import { ProcessDied } from '../../src/platform/testing/simulated-process.ts'
import type { Dumps } from '../../src/serve/dump/dumps.ts'
import {
  type DumpEnd,
  type DumpRequest,
  type DumpSink,
  FIRST_DUMP_SEQUENCE,
} from '../../src/serve/dump-request.ts'
import type { Expected } from './expected.ts'
import { isArtificial, isSameDescription } from './source/events.ts'
import { type Checker, Violation } from './violation.ts'

const CHECKER: Checker = 'clients are shown true bytes, in order, once'

/** Keeps writes of one moment in their order, however large the time is. */
const HELD_APART_MS = 0.001

export interface ReplicaParts {
  readonly expected: Expected
  readonly clock: ProcessClock
  readonly random: SeededRandom
  readonly byGtids: boolean
  /** it can be known again; default not */
  readonly uuid?: string
  /** a period that is picked anew for each session, in its place */
  readonly heartbeatPeriodMs?: number
}

/** A client that keeps what it has between its sessions, and compares whatever it is sent. */
export class SimulatedReplica {
  readonly #expected: Expected
  readonly #clock: ProcessClock
  readonly #random: SeededRandom
  readonly name: string
  readonly #byGtids: boolean
  readonly #uuid: string | undefined
  readonly #heartbeatPeriodMs: number | undefined
  /** transactions that it has; of a client by file and position those of its own past */
  held = GtidSet.empty()
  /** behind the last whole transaction, where it has a place */
  #safe: { file: string; position: number } | undefined
  #file = ''
  #at = 0
  /** the next event is a FORMAT_DESCRIPTION that begins no file */
  #isBeginning = false
  /** the session has said where it begins */
  #hasBegun = false
  #cut: AbortController | undefined
  #packets: PacketReader | undefined
  violation: Violation | undefined
  eventsCount = 0

  constructor(name: string, parts: ReplicaParts) {
    this.name = name
    this.#uuid = parts.uuid
    this.#heartbeatPeriodMs = parts.heartbeatPeriodMs
    this.#expected = parts.expected
    this.#clock = parts.clock
    this.#random = parts.random
    this.#byGtids = parts.byGtids
  }

  /** Of the last session: a part of an event has come, and not all of it. */
  get isInsideEvent(): boolean {
    return this.#packets?.idle === false
  }

  /** Everything up to there was read, and was true. */
  hasPassed(file: string, position: number): boolean {
    return this.#file > file || (this.#file === file && this.#at > position)
  }

  /** The present session has been told where it begins. */
  get hasBegun(): boolean {
    return this.#hasBegun
  }

  disconnect(): void {
    this.#cut?.abort('gone')
  }

  /** Begins anew, as a replica that was given a copy of everything up to there. */
  restore(held: GtidSet): void {
    this.held = held
    this.#safe = undefined
  }

  /**
   * One session; resolves when it has ended.
   * @param slownessMs a write takes so long at most to arrive; picked where it is not given
   */
  async run(
    dumps: Dumps,
    connectionId: number,
    nonBlocking = false,
    slownessMs = this.#random.pick([0.05, 0.2, 5]),
  ): Promise<DumpEnd> {
    // What is still on its way to a session that has ended reaches nobody.
    this.#cut?.abort('gone')
    this.#cut = new AbortController()
    this.#hasBegun = false
    const packets = new PacketReader({ limit: 2 ** 30, firstSequence: FIRST_DUMP_SEQUENCE })
    this.#packets = packets
    const cut = this.#cut
    let arrivesMs = 0
    const sink: DumpSink = {
      signal: cut.signal,
      write: (bytes, done) => {
        const nowMs = this.#clock.monotonicMs()
        const inOrderMs = arrivesMs + HELD_APART_MS
        arrivesMs = Math.max(inOrderMs, nowMs + this.#random.fraction() * slownessMs)
        this.#clock.after(arrivesMs - nowMs, () => {
          if (!cut.signal.aborted) this.#take(packets, Buffer.from(bytes))
          done()
        })
      },
    }
    return await dumps.run(this.#request(connectionId, nonBlocking), sink)
  }

  #request(connectionId: number, nonBlocking: boolean): DumpRequest {
    const from = this.#byGtids ? undefined : (this.#safe ?? { file: '', position: 4 })
    return {
      from,
      held: this.#byGtids ? this.held.clone() : undefined,
      nonBlocking,
      heartbeatVersion: 2,
      heartbeatPeriodMs: this.#heartbeatPeriodMs ?? this.#random.pick([0, 100, 30_000]),
      checksum: 'CRC32',
      isSemiSync: false,
      replica: {
        serverId: 0,
        uuid: this.#uuid,
        connectionId,
        user: 'repl',
        address: `${this.name}:1`,
      },
    }
  }

  #take(packets: PacketReader, bytes: Buffer): void {
    if (this.violation !== undefined) return
    try {
      packets.push(bytes, (payload) => {
        this.#event(payload.subarray(1))
        return undefined
      })
    } catch (thrown) {
      this.violation =
        thrown instanceof Violation
          ? thrown
          : new Violation(CHECKER, `${this.name}: ${messageOf(thrown)}`)
    }
  }

  #event(event: Buffer): void {
    const { type, logPos, size } = readEventHeader(event)
    this.eventsCount += 1
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) return
    if (isArtificial(event)) {
      const { file, position } = decodeRotate(event, 'CRC32')
      this.#file = file
      this.#at = Number(position)
      this.#isBeginning = true
      if (!this.#byGtids && !this.#hasBegun) this.held = this.#expected.get(file).heldAt(this.#at)
      this.#hasBegun = true
      return
    }
    const file = this.#expected.get(this.#file)
    if (this.#isBeginning) {
      this.#isBeginning = false
      const first = file.events[0]
      if (!isSameDescription(event, file.view(4, first?.end ?? 4))) {
        throw new Violation(CHECKER, `${this.name}: ${this.#file} begins with other bytes`)
      }
      this.#at = Math.max(this.#at, first?.end ?? 0)
      return
    }
    const start = logPos - size
    if (start > this.#at) this.#checkLeftOut(start)
    if (start < this.#at || !event.equals(file.view(start, logPos))) {
      const where = `${this.#file}:${start} to ${logPos}, expected at ${this.#at}`
      throw new Violation(CHECKER, `${this.name}: the event of type ${type} at ${where}`)
    }
    this.#at = logPos
    const written = file.events.find(({ end }) => end === logPos)
    if (written?.gtid !== undefined) this.#complete(written.gtid)
    if (written?.boundary === true) this.#safe = { file: this.#file, position: logPos }
  }

  /** Only transactions that the client holds may be left out. */
  #checkLeftOut(to: number): void {
    const { events } = this.#expected.get(this.#file)
    const left = events.filter(({ position, end }) => position >= this.#at && end <= to)
    const missed = left.find(({ gtid }) => gtid !== undefined && !this.#has(gtid))
    const ends = left.at(-1)?.boundary ?? false
    if (this.#byGtids && ends && missed === undefined) return
    const message = `${this.name}: ${this.#file} from ${this.#at} to ${to} was left out`
    throw new Violation(CHECKER, message)
  }

  #has(gtid: Gtid): boolean {
    return this.held.has(gtid)
  }

  #complete(gtid: Gtid): void {
    if (this.#has(gtid)) {
      throw new Violation(CHECKER, `${this.name} is sent ${formatGtid(gtid)} again`)
    }
    this.held.add(gtid)
  }
}

/** The disk did not give what was asked for, or the process is no more: no fault of the product. */
export function isDiskFailure(thrown: unknown): boolean {
  if (thrown instanceof ProcessDied) return true
  if (thrown instanceof OperationalError || !(thrown instanceof Error)) return false
  return 'code' in thrown && thrown.code === 'EIO'
}
