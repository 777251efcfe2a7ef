/*
  One dump, from its first packet to its last:

    for each file: artificial ROTATE, FORMAT_DESCRIPTION, then its events from the position on
    at the visible end: heartbeats, at the period asked for, until more is visible

  Chunks go from the file to the connection as they are, unless a transaction in them may be one
  that the replica holds (SkipFilter). Never more than two writes in flight: a slow client waits
  alone.
*/
import {
  type Logger,
  messageOf,
  OperationalError,
  ProtocolError,
  present,
} from '../../lib/index.ts'
import { FIRST_EVENT_POSITION, type GtidSet, PACKET_HEADER_SIZE } from '../../mysql/index.ts'
import { type Clock, yieldTurn } from '../../platform/index.ts'
import type { Position, VisibleEnd } from '../../store/index.ts'
import type { DumpSink } from '../dump-request.ts'
import { type DumpEnd, type DumpError, type DumpRequest, SHUTDOWN } from '../dump-request.ts'
import type { DumpProgress } from '../replicas.ts'
import type { BinlogFile, BinlogReader } from './binlog-reader.ts'
import { type ChunkPool, READ_OFFSET, SKIPPED_BYTES_MAX } from './chunk-pool.ts'
import {
  bogusEvent,
  damagedEvent,
  MORE_THAN_THE_SOURCE,
  NEXT_FILE_GONE,
  replacedByAnother,
} from './dump-errors.ts'
import { EventsAt } from './event-at.ts'
import { FileHead } from './file-head.ts'
import type { DumpStart } from './find-start.ts'
import { HeartbeatTimer } from './heartbeat-timer.ts'
import { PacketSender } from './packet-sender.ts'
import type { SharedChunks } from './shared-chunks.ts'
import { SkipFilter } from './skip-filter.ts'
import { artificialGtidList, type EventStyle, heartbeat } from './stream-events.ts'

/** The reason of `stop` when a newer dump of the same replica has begun. */
export const REPLACED = 'replaced'
/** The reason of `stop` when the replica holds what the source has lost. */
export const AHEAD = 'ahead'
/** A synchronous read that takes longer found a cold page cache. */
const SLOW_READ_MS = 10
/**
 * So many chunks are then first read on the thread pool, so that nobody else waits for the disk.
 */
const COLD_CHUNKS = 32
/**
 * A dump that is to end inside an event sends so much of it still, so that it can say why it ends.
 */
const LAST_EVENT_BYTES_MAX = 1024 * 1024
/** Header and marker of a packet. */
const PACKET_OVERHEAD = PACKET_HEADER_SIZE + 1
const NOTHING = Buffer.alloc(0)

export interface DumpContext {
  readonly reader: BinlogReader
  readonly pool: ChunkPool
  readonly chunks: SharedChunks
  readonly clock: Clock
  readonly logger: Logger
  readonly serverId: number
}

export interface DumpSession {
  readonly request: DumpRequest
  readonly sink: DumpSink
  readonly progress: DumpProgress
  readonly stop: AbortSignal
  /** called when the first file is open */
  readonly opened: () => void
}

export class DumpStream {
  readonly #context: DumpContext
  readonly #session: DumpSession
  readonly #sender: PacketSender
  readonly #heartbeats: HeartbeatTimer
  readonly #head: FileHead
  #filter: SkipFilter | undefined
  /** what a MariaDB replica has, where it goes by GTIDs */
  #state: GtidSet | undefined
  #toldState = false
  #asked: Position = { file: '', position: 0 }
  #file: BinlogFile | undefined
  /** in the open file: what lies before it was not sent */
  #begunAt = 0
  #coldChunks = 0

  constructor(context: DumpContext, session: DumpSession) {
    const { clock } = context
    this.#context = context
    this.#session = session
    const { sink, stop, request } = session
    this.#sender = new PacketSender({ sink, clock, stop, isSemiSync: request.isSemiSync })
    this.#heartbeats = new HeartbeatTimer({
      clock,
      periodMs: session.request.heartbeatPeriodMs,
      lastSentMs: () => this.#sender.lastSentMs,
      beat: () => {
        if (this.#sender.hasRoom) this.#sender.event(this.#heartbeatAtRest())
      },
    })
    const idle = (seen: VisibleEnd | undefined): Promise<DumpEnd | undefined> => this.#idle(seen)
    this.#head = new FileHead({ ...context, ...session, sender: this.#sender, idle })
  }

  async run(start: DumpStart): Promise<DumpEnd> {
    this.#asked = start
    this.#state = start.state
    if (start.held !== undefined && !start.held.isEmpty) this.#filter = new SkipFilter(start.held)
    try {
      return await this.#sendFrom(start)
    } catch (thrown) {
      return this.#failed(thrown)
    } finally {
      this.#heartbeats.stop()
      await this.#leaveFile()
    }
  }

  async #sendFrom(first: DumpStart): Promise<DumpEnd> {
    let start: DumpStart | undefined = first
    while (start !== undefined) {
      const end = (await this.#begin(start)) ?? (await this.#sendEvents())
      if (end !== undefined) return end
      start = this.#nextFile(start.file)
    }
    return this.#ending('error', NEXT_FILE_GONE)
  }

  async #begin(start: DumpStart): Promise<DumpEnd | undefined> {
    const { reader, chunks } = this.#context
    const file = await reader.openFile(start.file)
    this.#session.opened()
    await this.#leaveFile()
    this.#file = file
    chunks.enter(file.name)
    this.#filter?.beginFile(await reader.previousGtids(file.name))
    this.#begunAt = start.position
    this.#progress({ file: file.name, position: start.position })
    const sent = await this.#head.send(start, file, this.#filter)
    if ('kind' in sent) return sent
    if ('error' in sent) return this.#ending('error', sent.error)
    const { progress } = this.#session
    progress.begun ??= { file: file.name, position: start.jumpTo }
    this.#progress({ position: sent.end })
    this.#begunAt = Math.max(start.position, start.jumpTo)
    if (start.jumpTo > sent.end) {
      // Everything up to there is held: it counts as one skipped run.
      this.#filter?.skippedBefore(start.jumpTo)
      this.#progress({ position: start.jumpTo })
    }
    return undefined
  }

  #nextFile(name: string): DumpStart | undefined {
    const files = this.#context.reader.files()
    const index = files.findIndex((file) => file.name === name)
    const next = index === -1 ? undefined : files[index + 1]
    if (next === undefined) return undefined
    const position = FIRST_EVENT_POSITION
    return { file: next.name, position, jumpTo: position, held: undefined, head: 'as stored' }
  }

  /**
   * Sends what is visible of the file and waits for more; undefined at the end of a file that has a
   * next one.
   */
  async #sendEvents(): Promise<DumpEnd | undefined> {
    const { reader } = this.#context
    for (;;) {
      await this.#sender.room()
      if (this.#session.stop.aborted) return this.#stopped()
      if (this.#coldChunks > 0) await this.#warm()
      const seen = reader.visible.value
      if (this.#sendSome()) {
        await yieldTurn()
        continue
      }
      const told = this.#filter?.takeSkippedTo()
      if (told !== undefined) this.#tellSkipped(told)
      if (seen?.file !== this.#file?.name) return undefined
      // All that is visible lies behind: of it nothing can be met any more.
      this.#filter?.forget(reader.executed())
      const end = await this.#idle(seen)
      if (end !== undefined) return end
    }
  }

  /** One chunk; false when nothing more of the file is visible. */
  #sendSome(): boolean {
    const file = this.#openFile()
    const filter = this.#filter
    const beganMs = this.#context.clock.monotonicMs()
    const mustFilter =
      filter !== undefined && (!filter.idle || filter.mayMeet(this.#context.reader.executed()))
    const sent = mustFilter ? this.#sendFiltered(file, filter) : this.#sendShared(file)
    if (this.#context.clock.monotonicMs() - beganMs > SLOW_READ_MS) this.#coldChunks = COLD_CHUNKS
    return sent
  }

  #sendShared(file: BinlogFile): boolean {
    const { position } = this.#session.progress
    const from = { file, position, awaited: this.#awaited(file) }
    const chunk = this.#context.chunks.take(from, this.#sender.framer)
    if (chunk === undefined) return false
    this.#sender.write(chunk.packets, () => chunk.release())
    this.#progress({ position: chunk.end })
    return true
  }

  #sendFiltered(file: BinlogFile, filter: SkipFilter): boolean {
    const { pool } = this.#context
    const { framer } = this.#sender
    const buffer = pool.take()
    const before = framer.save()
    let size = 0
    try {
      const read = file.read(this.#session.progress.position, buffer.subarray(READ_OFFSET))
      if (read.bytes.length === 0) return false
      const start = read.bytes.byteOffset - buffer.byteOffset
      framer.awaitAt(this.#session.progress.position - start, this.#awaited(file))
      const output = filter.run({
        buffer,
        start,
        end: start + read.bytes.length,
        position: this.#session.progress.position,
        checksum: this.#head.checksum,
        framer,
        skippedTo: (position) => this.#framedSkipped(position),
      })
      size = output.size
      this.#progress({ position: output.position })
    } catch (thrown) {
      framer.restore(before)
      throw thrown
    } finally {
      if (size === 0) pool.give(buffer)
    }
    if (size > 0) this.#sender.write(buffer.subarray(0, size), () => pool.give(buffer))
    else this.#beatWhileSkipping(filter)
    return true
  }

  /** A long run of skipped transactions is silence too. */
  #beatWhileSkipping(filter: SkipFilter): void {
    const periodMs = this.#session.request.heartbeatPeriodMs
    const silentMs = this.#context.clock.monotonicMs() - this.#sender.lastSentMs
    if (periodMs === 0 || silentMs < periodMs) return
    const told = filter.takeSkippedTo()
    if (told !== undefined) this.#sender.event(this.#heartbeat(told))
  }

  /** A replica that holds what is visible last is asked for an acknowledgement here. */
  #tellSkipped(position: number): void {
    const packet = this.#framedSkipped(position, position === this.#awaited(this.#openFile()))
    if (packet.length > 0) this.#sender.write(packet, () => {})
  }

  /**
   * The packet that says that all before the position has been dealt with; empty where it need not be said.
   * MariaDB's own client does not know heartbeats: it is told by a GTID_LIST, and once.
   */
  #framedSkipped(position: number, isAwaited = false): Buffer {
    const state = this.#state
    if (state === undefined) return this.#sender.framed(this.#heartbeat(position), isAwaited)
    if (this.#toldState) return NOTHING
    this.#toldState = true
    const list = artificialGtidList(state, position, this.#style)
    return list.length + PACKET_OVERHEAD > SKIPPED_BYTES_MAX ? NOTHING : this.#sender.framed(list)
  }

  /** Position in the file of the visible end: what ends there is to be acknowledged. */
  #awaited(file: BinlogFile): number | undefined {
    const visible = this.#context.reader.visible.value
    return visible?.file === file.name ? visible.position : undefined
  }

  /** Brings the next chunk into the page cache. */
  async #warm(): Promise<void> {
    const { pool } = this.#context
    this.#coldChunks -= 1
    const buffer = pool.take()
    try {
      const { position } = this.#session.progress
      await this.#openFile().readAsync(position, buffer.subarray(READ_OFFSET))
    } finally {
      pool.give(buffer)
    }
  }

  /**
   * Waits with heartbeats until what is visible is no longer `seen`; says so when the dump ends
   * instead.
   */
  async #idle(seen: VisibleEnd | undefined): Promise<DumpEnd | undefined> {
    const { visible } = this.#context.reader
    const { request, stop } = this.#session
    if (stop.aborted) return this.#stopped()
    if (visible.value !== seen) return undefined
    if (request.nonBlocking) return this.#ending('eof')
    this.#progress({ state: 'waiting' })
    this.#heartbeats.start()
    await visible.changed(stop)
    this.#heartbeats.stop()
    this.#progress({ state: 'sending' })
    return stop.aborted ? this.#stopped() : undefined
  }

  #heartbeat(position: number, file = this.#session.progress.file): Buffer {
    return heartbeat({ file, position }, this.#session.request.heartbeatVersion, this.#style)
  }

  get #style(): EventStyle {
    return { serverId: this.#context.serverId, checksum: this.#head.checksum }
  }

  /**
   * A client that was sent the ROTATE at the end of a file waits in the next one, which may not
   * have begun here yet: a replica stops on a heartbeat that names the old file then.
   */
  #heartbeatAtRest(): Buffer {
    const { position } = this.#session.progress
    const events = new EventsAt(this.#context.pool, this.#openFile())
    try {
      const next = events.rotateBefore(position, this.#begunAt, this.#head.checksum)
      if (next !== undefined) return this.#heartbeat(FIRST_EVENT_POSITION, next.file)
    } catch (thrown) {
      // Damage is dealt with when the dump itself reads there; a heartbeat must go out all the same.
      if (!(thrown instanceof OperationalError)) throw thrown
    }
    return this.#heartbeat(position)
  }

  #progress(change: Partial<DumpProgress>): void {
    Object.assign(this.#session.progress, change, { bytesSent: this.#sender.bytesSent })
  }

  #here(): Position {
    const { file, position } = this.#session.progress
    return { file, position }
  }

  #openFile(): BinlogFile {
    return present(this.#file, 'the open file of a dump')
  }

  async #leaveFile(): Promise<void> {
    const file = this.#file
    if (file === undefined) return
    this.#file = undefined
    this.#context.chunks.leave(file.name)
    await file.close()
  }

  #ending(kind: 'eof' | 'error', error?: DumpError): DumpEnd {
    const { sequence, betweenEvents } = this.#sender.framer
    if (!betweenEvents) return { kind: 'closed', sequence }
    return error === undefined ? { kind, sequence } : { kind, sequence, error }
  }

  #stopped(): DumpEnd {
    const { reason } = this.#session.stop
    if (reason !== SHUTDOWN && reason !== REPLACED && reason !== AHEAD) {
      return { kind: 'closed', sequence: this.#sender.framer.sequence }
    }
    this.#finishEvent()
    if (reason === SHUTDOWN) return this.#ending('eof')
    if (reason === AHEAD) return this.#ending('error', MORE_THAN_THE_SOURCE)
    return this.#ending('error', replacedByAnother(this.#asked, this.#here()))
  }

  #finishEvent(): void {
    const { framer } = this.#sender
    const { pool } = this.#context
    while (!framer.betweenEvents && framer.bytesToBoundary <= LAST_EVENT_BYTES_MAX) {
      const { position } = this.#session.progress
      const buffer = pool.take()
      const { bytes } = this.#openFile().read(position, buffer.subarray(READ_OFFSET))
      const taken = Math.min(bytes.length, framer.bytesToBoundary)
      const start = bytes.byteOffset - buffer.byteOffset
      const size = framer.frame(buffer, start, start + taken, 0)
      this.#sender.write(buffer.subarray(0, size), () => pool.give(buffer))
      this.#progress({ position: position + taken })
      if (taken === 0) return
    }
  }

  /** Where the damage itself is, which may lie behind what was sent, in the file or in its index. */
  #damagedAt({ context: { file, position } }: OperationalError): Position {
    const isKnown = typeof file === 'string' && typeof position === 'number'
    return isKnown ? { file, position } : this.#here()
  }

  /** What was stored cannot be read as it was stored; the rest of the process goes on. */
  #failed(thrown: unknown): DumpEnd {
    const isUnknownFile = thrown instanceof OperationalError && thrown.code === 'E_FILE_UNKNOWN'
    if (isUnknownFile) return this.#ending('error', NEXT_FILE_GONE)
    const isDamage = thrown instanceof OperationalError && thrown.code === 'E_STORE_DAMAGED'
    if (!isDamage && !(thrown instanceof ProtocolError)) throw thrown
    const here = isDamage ? this.#damagedAt(thrown) : this.#here()
    const { user, address } = this.#session.request.replica
    const fields = { ...here, user, address, error: messageOf(thrown) }
    this.#context.logger.error(fields, 'a dump ends at a damaged place of a binlog file')
    const error = isDamage ? damagedEvent(this.#asked, here) : bogusEvent(this.#asked, here)
    return this.#ending('error', error)
  }
}
