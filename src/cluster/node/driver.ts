import { assert, OperationalError, Watch, type Watched } from '../../lib/index.ts'
import { type Clock, yieldTurn } from '../../platform/index.ts'
import type { LogRecord, ReplicatedLog } from '../../store/index.ts'
import type { Carried, PeerLink } from '../link/index.ts'
import type { Alarm, Decision } from '../protocol/decisions.ts'
import type { Input, StreamId } from '../protocol/inputs.ts'
import type { DurableFacts } from '../protocol/log/durable-facts.ts'
import type { Piece, RecordHeader } from '../protocol/log/record-header.ts'
import { ProtocolNode, type NodeOptions as ProtocolOptions } from '../protocol/protocol-node.ts'
import { FactsWork } from './disk/facts-work.ts'
import { LogWork } from './disk/log-work.ts'
import { RecentRecords } from './disk/recent-records.ts'
import { Stream } from './stream.ts'

/** A follower is read no further while so many of its bytes are not durable. */
const UNSYNCED_BYTES_MOST = 16 * 1024 * 1024
const RECENT_BYTES_MOST = 16 * 1024 * 1024

/** What the register in etcd is asked for; `RegisterWork` carries it out. */
export interface RegisterCalls {
  read(id: number): void
  write(id: number, compare: number, state: ProtocolState): void
}

type ProtocolState = Extract<Decision, { kind: 'write-state' }>['state']

export interface DriverOptions extends Omit<ProtocolOptions, 'log'> {
  readonly log: ReplicatedLog
  readonly register: RegisterCalls
  readonly writeFacts: (facts: DurableFacts) => Promise<void>
  readonly clock: Clock
  /** gives up the sign of life of a leader */
  readonly resign: () => void
  /** the disk failed or the protocol stopped: this life of the node is over */
  readonly ended: (why: Alarm | OperationalError) => void
  /** a promise of the code was broken */
  readonly onBug: (bug: unknown) => void
}

/** What a leader is asked to append; the rest of the record is the protocol's to say. */
type Offer = Partial<Pick<LogRecord, 'bytes' | 'timestamp' | 'gtids' | 'fileBegin' | 'upTo'>>

/**
 * One life of a node: gives the protocol what happens, one thing after another, and carries out what it decides, in
 * that order. Disk, register and links each answer by `give`.
 */
export class Driver {
  readonly node: ProtocolNode
  readonly work: LogWork
  readonly #options: DriverOptions
  readonly #facts: FactsWork
  readonly #streams = new Map<StreamId, Stream>()
  readonly #recent = new RecentRecords(RECENT_BYTES_MOST)
  readonly #leading = new Watch<number | undefined>(undefined)
  readonly #committed: Watch<number>
  readonly #changed = new Watch(0)
  /** records that arrived and are not appended yet */
  readonly #arrived = new Map<number, LogRecord>()
  #offer: Offer | undefined
  #inputs: Input[] = []
  #isStepping = false
  #isOver = false
  #lastStream = 0
  /** the feeds are looked after at the end of this turn of the event loop */
  #isTurnEnding = false
  /** is to be shown when what is unsynced has been reported */
  #toShow: number | undefined
  #acknowledges = false
  #failure: OperationalError | undefined
  /** tells the ingest what may be acknowledged; set while it has a session */
  onAcknowledge: (() => void) | undefined

  constructor(options: DriverOptions) {
    this.#options = options
    const { log, self, limits, facts } = options
    const stored = {
      base: log.base,
      lineage: log.lineage,
      end: log.end,
      tail: log.tail,
      removals: log.removals,
    }
    this.node = new ProtocolNode({ self, limits, facts, log: stored })
    this.work = new LogWork({
      log,
      answer: (input) => this.give(input),
      failed: (thrown) => this.diskFailed(thrown),
    })
    this.#facts = new FactsWork({
      write: options.writeFacts,
      answer: (input) => this.give(input),
      failed: (thrown) => this.diskFailed(thrown),
    })
    this.#committed = new Watch(facts.known)
  }

  /** the epoch that this node leads */
  get leading(): Watched<number | undefined> {
    return this.#leading
  }

  get committed(): Watched<number> {
    return this.#committed
  }

  /** Set after every step: something may be different. */
  get stepped(): Watched<number> {
    return this.#changed
  }

  get isOver(): boolean {
    return this.#isOver
  }

  start(): void {
    this.#carryOut(this.node.start())
    this.#afterwards()
  }

  /** The protocol's next input; those that come while one is being carried out wait for it. */
  give(input: Input): void {
    if (this.#isOver) return
    this.#inputs.push(input)
    if (this.#isStepping) return
    this.#isStepping = true
    try {
      for (let next = this.#inputs.shift(); next !== undefined; next = this.#inputs.shift()) {
        this.#carryOut(this.node.step(next))
        if (next.kind === 'durable') this.#showPutOff()
      }
    } catch (thrown) {
      this.#options.onBug(thrown)
    } finally {
      this.#isStepping = false
    }
    this.#afterwards()
  }

  /** A record of the source. Only while the leader takes bytes. */
  ingest(piece: Piece, offer: Offer): void {
    assert(!this.#isStepping, 'a record is offered while the protocol works')
    this.#offer = offer
    this.give({ kind: 'ingest', piece })
    this.#offer = undefined
  }

  /** The files before `upTo` shall go. */
  purge(floor: number, upTo: string): void {
    this.#offer = { upTo }
    this.give({ kind: 'purge', floor })
    this.#offer = undefined
  }

  // ---- links

  /** A link that this node opened to the leader. */
  opened(link: PeerLink): void {
    this.give({ kind: 'stream-opened', stream: this.#add(link).id })
  }

  /** A link that another node opened to this one. */
  accepted(link: PeerLink): void {
    this.#add(link)
  }

  #add(link: PeerLink): Stream {
    this.#lastStream += 1
    const id = this.#lastStream
    const stream = new Stream(id, link)
    this.#streams.set(id, stream)
    link.receive((carried) => this.#receive(stream, carried))
    void link.closed.then(() => {
      if (this.#streams.get(id) !== stream) return
      this.#forget(id)
      this.give({ kind: 'stream-closed', stream: id })
    })
    return stream
  }

  #forget(id: StreamId): void {
    this.#streams.get(id)?.feed?.end()
    this.#streams.delete(id)
  }

  /** Whether the protocol and the disk can take more of a stream. */
  #takes(stream: Stream): boolean {
    if (this.node.follower.stream !== stream.id) return true
    return this.node.follower.takesMessages && this.work.unsyncedBytes < UNSYNCED_BYTES_MOST
  }

  #receive(stream: Stream, { message, records }: Carried): void {
    if (this.#streams.get(stream.id) !== stream) return
    if (message.kind === 'records' && this.node.follower.stream === stream.id) {
      for (const record of records) this.#arrived.set(record.sequence, record)
    }
    this.give({ kind: 'message', stream: stream.id, message })
    if (this.node.follower.takesMessages) this.#arrived.clear()
  }

  // ---- decisions

  #carryOut(decisions: readonly Decision[]): void {
    for (const decision of decisions) this.#do(decision)
  }

  #do(decision: Decision): void {
    const { register } = this.#options
    switch (decision.kind) {
      case 'send':
        return this.#streams.get(decision.stream)?.link.send(decision.message)
      case 'close': {
        const stream = this.#streams.get(decision.stream)
        this.#forget(decision.stream)
        return stream?.link.close('the protocol ends it')
      }
      case 'feed': {
        const { log, clock } = this.#options
        const news = () => this.node.leader?.news()
        const stream = this.#streams.get(decision.stream)
        return stream?.startFeed({ log, recent: this.#recent, news, clock }, decision.from)
      }
      case 'append':
        return this.#append(decision.headers)
      case 'truncate':
        this.#recent.clear()
        return this.work.truncate(decision.to)
      case 'start-over':
        this.#recent.clear()
        return this.work.startOver(decision.base, decision.lineage)
      case 'remember':
        return this.#facts.remember(decision.facts)
      case 'remove':
        return this.work.remove(decision.removal)
      case 'read-digest':
        return this.work.readDigest(decision.stream, decision.sequence)
      case 'write-state':
        return register.write(decision.id, decision.compare, decision.state)
      case 'read-state':
        return register.read(decision.id)
      case 'committed':
        return this.#committed.set(decision.sequence)
      case 'visible':
        return this.#show(decision.sequence)
      case 'acknowledge':
        this.#acknowledges = true
        return
      case 'link':
        return
      case 'leads':
        this.#recent.clear()
        // What was held back of the old leader's is nobody's record: this leader gives its sequence to another.
        this.#arrived.clear()
        return this.#leading.set(decision.epoch)
      case 'resign':
        return this.#options.resign()
      case 'stopped':
        return this.#end(this.#failure ?? decision.alarm)
    }
  }

  #append(headers: readonly RecordHeader[]): void {
    const records = headers.map((header) => this.#recordOf(header))
    if (this.node.leader !== undefined) {
      for (const record of records) this.#recent.add(record)
    }
    this.work.append(records)
  }

  #recordOf(header: RecordHeader): LogRecord {
    const arrived = this.#arrived.get(header.sequence)
    if (arrived !== undefined) {
      this.#arrived.delete(header.sequence)
      return arrived
    }
    assert(this.node.leader !== undefined, `record ${header.sequence} has not arrived`)
    const { sequence, epoch, kind, crc, end, boundary, floor } = header
    const own = kind === 'epoch-start' || kind === 'cut' ? {} : this.#offer
    const upTo = floor === undefined ? {} : { floor }
    return { sequence, epoch, kind, crc, end, boundary, ...upTo, ...own }
  }

  /**
   * A leader acknowledges what it shows. Who follows reads its files for it, and somebody waits for its report: that
   * goes first.
   */
  #show(sequence: number): void {
    if (this.node.leader !== undefined) return this.#showNow(sequence)
    if (this.work.unsyncedBytes === 0) return this.#showNow(sequence)
    this.#toShow = sequence
  }

  #showPutOff(): void {
    if (this.#toShow !== undefined) this.#showNow(this.#toShow)
  }

  #showNow(sequence: number): void {
    this.#toShow = undefined
    void this.#options.log.show(sequence).catch((thrown: unknown) => this.diskFailed(thrown))
  }

  #afterwards(): void {
    if (this.#acknowledges) {
      this.#acknowledges = false
      this.onAcknowledge?.()
    }
    this.#feedAll()
    for (const stream of this.#streams.values()) stream.isPaused = !this.#takes(stream)
    this.#changed.set(this.#changed.value + 1)
  }

  /** A lone record is sent at once; more of the same turn of the event loop go in as few messages as they fit. */
  #feedAll(): void {
    if (this.#isTurnEnding || this.node.leader === undefined) return
    this.#isTurnEnding = true
    this.#nudgeAll()
    void yieldTurn().then(() => {
      this.#isTurnEnding = false
      this.#nudgeAll()
    })
  }

  #nudgeAll(): void {
    for (const { feed } of this.#streams.values()) feed?.nudge()
  }

  // ---- the end

  /** Of this node's log nothing can be written, or what is gone on from cannot be read: this life is over. */
  diskFailed(thrown: unknown): void {
    if (this.#isOver) return
    if (!(thrown instanceof OperationalError)) return this.#options.onBug(thrown)
    this.#failure ??= thrown
    this.give({ kind: 'disk-failed' })
  }

  #end(why: Alarm | OperationalError): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#changed.set(this.#changed.value + 1)
    this.#options.ended(why)
  }

  /** Ends the links and whatever is under way at the disk; nothing is carried out afterwards. */
  async end(): Promise<void> {
    this.#isOver = true
    for (const { id, link } of this.#streams.values()) {
      this.#forget(id)
      link.close('this node ends')
    }
    this.#leading.set(undefined)
    this.#changed.set(this.#changed.value + 1)
    await this.work.end()
    await this.#facts.end()
  }
}
