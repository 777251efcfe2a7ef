import { messageOf } from '../../../src/lib/index.ts'
import {
  decodeGtidEvent,
  decodeRotate,
  EventType,
  formatGtid,
  type Gtid,
  GtidSet,
  isGtidEvent,
  PacketReader,
  readEventHeader,
} from '../../../src/mysql/index.ts'
import type { SeededRandom } from '../../../src/platform/testing/seeded-random.ts'
import type { ProcessClock } from '../../../src/platform/testing/simulated-clock.ts'
import type { Dumps } from '../../../src/serve/dump/dumps.ts'
import { type DumpEnd, FIRST_DUMP_SEQUENCE } from '../../../src/serve/dump-request.ts'
import { isArtificial } from '../source/events.ts'
import { type Checker, Violation } from '../violation.ts'
import type { Truth } from './truth.ts'

const CHECKER: Checker = 'clients are shown true bytes, in order, once'
const SLOWNESS_MS = 2

export interface ClientParts {
  readonly name: string
  readonly truth: Truth
  readonly clock: ProcessClock
  readonly random: SeededRandom
}

interface OpenTransaction {
  readonly gtid: Gtid
  readonly events: Buffer[]
  /** bytes that are to come */
  left: number
}

/** A replica by GTID: takes each transaction once, whole, and with the bytes that it has anywhere. */
export class GtidClient {
  readonly #parts: ClientParts
  readonly held = GtidSet.empty()
  /** in the order in which they came */
  readonly gtids: string[] = []
  violation: Violation | undefined
  #cut = new AbortController()
  #open: OpenTransaction | undefined
  #file = ''
  #at = 0

  constructor(parts: ClientParts) {
    this.#parts = parts
  }

  disconnect(): void {
    this.#cut.abort('gone')
  }

  /** One session; resolves when it has ended. */
  async run(dumps: Dumps, connectionId: number, nonBlocking = false): Promise<DumpEnd> {
    this.#cut.abort('gone')
    const cut = new AbortController()
    this.#cut = cut
    this.#open = undefined
    const { clock, random, name } = this.#parts
    const packets = new PacketReader({ limit: 2 ** 30, firstSequence: FIRST_DUMP_SEQUENCE })
    let arrivesMs = 0
    const request = {
      from: undefined,
      held: this.held.clone(),
      nonBlocking,
      heartbeatVersion: 2,
      heartbeatPeriodMs: 0,
      checksum: 'CRC32',
      isSemiSync: false,
      replica: { serverId: 0, uuid: undefined, connectionId, user: 'repl', address: `${name}:1` },
    } as const
    return await dumps.run(request, {
      signal: cut.signal,
      write: (bytes, done) => {
        const nowMs = clock.monotonicMs()
        arrivesMs = Math.max(arrivesMs + 0.001, nowMs + random.fraction() * SLOWNESS_MS)
        clock.after(arrivesMs - nowMs, () => {
          if (!cut.signal.aborted) this.#take(packets, Buffer.from(bytes))
          done()
        })
      },
    })
  }

  #take(packets: PacketReader, bytes: Buffer): void {
    if (this.violation !== undefined) return
    try {
      packets.push(bytes, (payload) => {
        this.#event(payload.subarray(1))
        return undefined
      })
    } catch (thrown) {
      const { name } = this.#parts
      this.violation =
        thrown instanceof Violation
          ? thrown
          : new Violation(CHECKER, `${name}: ${messageOf(thrown)}`)
    }
  }

  #event(event: Buffer): void {
    const { type, logPos, size } = readEventHeader(event)
    if (type === EventType.HEARTBEAT || type === EventType.HEARTBEAT_V2) return
    if (isArtificial(event)) {
      const { file, position } = decodeRotate(event, 'CRC32')
      this.#file = file
      this.#at = Number(position)
      return
    }
    if (type === EventType.FORMAT_DESCRIPTION) return
    if (logPos - size < this.#at) throw this.#wrong(event, `after ${this.#at}`)
    this.#at = logPos
    if (isGtidEvent(type)) this.#begin(event)
    else if (this.#open !== undefined) this.#goOn(this.#open, event)
  }

  #begin(event: Buffer): void {
    const { gtid, transactionLength } = decodeGtidEvent(event, 'CRC32')
    if (gtid === undefined) throw this.#wrong(event, 'without a GTID')
    if (this.#open !== undefined) throw this.#wrong(event, 'inside a transaction')
    if (this.held.has(gtid)) throw this.#wrong(event, `${formatGtid(gtid)} again`)
    this.#open = { gtid, events: [Buffer.from(event)], left: transactionLength - event.length }
  }

  #goOn(open: OpenTransaction, event: Buffer): void {
    open.events.push(Buffer.from(event))
    open.left -= event.length
    if (open.left > 0) return
    this.#open = undefined
    if (open.left < 0 || !this.#parts.truth.isTrue(open)) {
      throw this.#wrong(event, `other bytes of ${formatGtid(open.gtid)}`)
    }
    this.held.add(open.gtid)
    this.gtids.push(formatGtid(open.gtid))
  }

  #wrong(event: Buffer, what: string): Violation {
    const { type, logPos, size } = readEventHeader(event)
    const where = `the event of type ${type} at ${this.#file}:${logPos - size}`
    return new Violation(CHECKER, `${this.#parts.name}: ${where}: ${what}`)
  }
}
