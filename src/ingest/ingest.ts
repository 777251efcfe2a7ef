import type { Journal, LogEnd } from '../journal/index.ts'
import {
  assert,
  crc32,
  InvariantError,
  type Logger,
  OperationalError,
  ProtocolError,
  present,
} from '../lib/index.ts'
import { ChecksumError, FIRST_EVENT_POSITION, type GtidSet, type Piece } from '../mysql/index.ts'
import type { Clock } from '../platform/index.ts'
import type { Beginning, DumpItem, OpenDump, SourceLink, SourcePlace } from '../source/index.ts'
import { Acknowledger } from './acknowledger.ts'
import { DurableTimes } from './durable-times.ts'
import { fileHead } from './file-head.ts'
import { holdingsOf, sourcePlace } from './journal-holdings.ts'

export interface IngestOptions {
  readonly link: SourceLink
  readonly journal: Journal
  readonly clock: Clock
  readonly logger: Logger
  /** a piece that found no room on the disk is tried again after so long, in milliseconds */
  readonly roomRetryMs: number
}

/** Since this ingest was made: at the start of the process, or for new settings of the source. */
export interface IngestCounters {
  bytes: number
  pieces: number
  files: number
  connects: number
  /** events whose checksum was wrong: read again, never shown */
  checksumErrors: number
  /** half transactions that were given up */
  cuts: number
}

/** One dump, from its first item to its end. */
interface Session {
  readonly dump: OpenDump
  readonly signal: AbortSignal
  /** GTIDs in the journal, kept up to date piece by piece */
  readonly held: GtidSet
  /** undefined where the source was not told of acknowledgements */
  readonly acknowledger: Acknowledger | undefined
}

/** Keeps the journal filled from the source, until the signal fires. */
export class Ingest {
  readonly #options: IngestOptions
  readonly counters: IngestCounters = {
    bytes: 0,
    pieces: 0,
    files: 0,
    connects: 0,
    checksumErrors: 0,
    cuts: 0,
  }
  readonly durableTimes: DurableTimes
  #isGiving = false

  constructor(options: IngestOptions) {
    this.#options = options
    this.durableTimes = new DurableTimes(options.journal, options.clock)
  }

  /** Whether the journal has not taken yet what it was given last. */
  get isGiving(): boolean {
    return this.#isGiving
  }

  /**
   * Rejects only with what is our own fault. A journal that failed leaves the link in the state `failed`,
   * and serving goes on.
   */
  async run(signal: AbortSignal): Promise<void> {
    const ended = new AbortController()
    const until = AbortSignal.any([signal, ended.signal])
    const watching = this.#options.link.watchEnd(until)
    try {
      await this.#run(until)
    } finally {
      ended.abort()
      await watching
    }
  }

  async #run(signal: AbortSignal): Promise<void> {
    const { link, journal } = this.#options
    while (!signal.aborted) {
      const attempt = await link.beginAttempt(signal)
      if (attempt.aborted) continue
      const failing = new AbortController()
      // A sync may fail while nothing comes from the source.
      const stopFollowing = journal.failed.follow((failure) => {
        if (failure !== undefined) failing.abort()
      })
      try {
        await this.#attempt(AbortSignal.any([attempt, failing.signal]))
      } catch (thrown) {
        const error = journal.failed.value ?? thrown
        if (error instanceof InvariantError) throw error
        if (attempt.aborted) continue
        if (error instanceof ChecksumError) this.counters.checksumErrors += 1
        await link.recover(error, signal)
      } finally {
        stopFollowing()
      }
    }
  }

  /**
   * The source's file that is being written here, once all before it is safely held: the source may purge the
   * files before this one. Undefined before the first.
   */
  get safeToPurgeTo(): string | undefined {
    const { journal } = this.#options
    const visible = journal.visible.value
    const { origin } = journal
    if (visible === undefined || origin === undefined) return undefined
    // Between a file's end and the next one's first visible byte the next one's name would be too early.
    return visible.file === origin.name ? origin.sourceFile : visible.file
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { journal } = this.#options
    if (journal.failed.value !== undefined) throw journal.failed.value
    this.#noteGivenUp(await journal.openSession(signal))
    try {
      await this.#receive(signal)
    } finally {
      journal.closeSession()
    }
  }

  /** A half transaction was never shown; the source sends it again from its beginning. */
  #noteGivenUp(end: LogEnd | undefined): void {
    if (end === undefined) return
    this.counters.cuts += 1
    const { file, position, boundary } = end
    this.#options.logger.info(
      { file, from: position, to: boundary },
      'half a transaction is read again',
    )
  }

  /** One dump: from its connection to its end. */
  async #receive(signal: AbortSignal): Promise<void> {
    const { link, journal } = this.#options
    const holdings = await holdingsOf(journal)
    const dump = await link.open(holdings, { placement, signal })
    this.counters.connects += 1
    const acknowledger = dump.semiSync?.marked === true ? this.#acknowledger(dump) : undefined
    const stopFollowing = journal.visible.follow((end) => acknowledger?.visible(end))
    const stopTiming = this.durableTimes.begin()
    try {
      await this.#follow({ dump, signal, held: journal.heldGtids(), acknowledger })
    } finally {
      stopTiming()
      stopFollowing()
      dump.stream.close()
    }
  }

  #acknowledger({ stream }: OpenDump): Acknowledger {
    const { link, clock } = this.#options
    return new Acknowledger(({ place, arrivedAtMs }) => {
      stream.acknowledge(place)
      link.acknowledged(place, clock.monotonicMs() - arrivedAtMs)
    })
  }

  async #follow(session: Session): Promise<void> {
    const { stream, beginning, continues } = session.dump
    const first = await stream.next(session.signal)
    if (first.kind !== 'file') {
      throw new ProtocolError('the source does not say first which file it sends')
    }
    this.#heard(first)
    // A file that begins inside the source's has to wait for its FORMAT_DESCRIPTION.
    const whole = first.place.position === FIRST_EVENT_POSITION
    if (!continues && whole) await this.#beginFile(session, first.place, beginning?.purged)
    while (true) {
      const item = await stream.next(session.signal)
      this.#heard(item)
      switch (item.kind) {
        case 'piece':
          await this.#store(session, item.piece)
          break
        case 'file':
          await this.#beginFile(session, item.place, undefined)
          break
        case 'format':
          await this.#beginInside(session, first.place, item.event)
          break
        case 'heartbeat':
          this.#options.link.succeeded()
          break
      }
    }
  }

  async #beginFile(
    { dump, signal }: Session,
    { file, position }: SourcePlace,
    purged: GtidSet | undefined,
  ): Promise<void> {
    const begin = {
      name: file,
      sourceUuid: dump.profile.uuid,
      sourceFile: file,
      sourcePosition: position,
      basePosition: position,
      purged,
    }
    await this.#give(() => this.#options.journal.beginFile(begin), signal)
    this.counters.files += 1
    this.#options.logger.info({ file }, 'a binlog file begins')
  }

  /** The head of a file that begins inside the source's, or what a crash has left undone of it. */
  async #beginInside(
    { dump, held, signal }: Session,
    at: SourcePlace,
    format: Buffer,
  ): Promise<void> {
    const { journal } = this.#options
    const { beginning } = dump
    if (beginning === undefined && this.#hasHead()) return
    const head = fileHead(format, beginning?.purged ?? held)
    const basePosition = FIRST_EVENT_POSITION + head.length
    if (beginning !== undefined) {
      const begin = {
        name: at.file,
        sourceUuid: dump.profile.uuid,
        sourceFile: at.file,
        sourcePosition: at.position,
        basePosition,
        purged: beginning.purged,
      }
      await this.#give(() => journal.beginFile(begin), signal)
      this.counters.files += 1
    }
    const end = present(journal.end, 'the file that was begun')
    const origin = present(journal.origin, 'its origin')
    if (origin.basePosition !== basePosition) {
      throw new ProtocolError('the FORMAT_DESCRIPTION is not the one that the file was begun with')
    }
    for (let from = end.position; from < basePosition; from += HEAD_PIECE_BYTES) {
      const to = Math.min(basePosition, from + HEAD_PIECE_BYTES)
      const bytes = head.subarray(from - FIRST_EVENT_POSITION, to - FIRST_EVENT_POSITION)
      const boundary = to === basePosition ? to : end.boundary
      const chunk = { bytes, crc: crc32(bytes), boundary, gtids: undefined, timestamp: 0 }
      await this.#give(() => journal.append(chunk), signal)
    }
  }

  #hasHead(): boolean {
    const { end, origin } = this.#options.journal
    return end !== undefined && origin !== undefined && end.position >= origin.basePosition
  }

  async #store({ held, signal, dump, acknowledger }: Session, piece: Piece): Promise<void> {
    const { journal, link } = this.#options
    const end = present(journal.end, 'a file to append to')
    assert(piece.start === end.position, `a piece for ${piece.start} at the end ${end.position}`)
    if (piece.gtids !== undefined) {
      if (piece.gtids.repeats(held)) throw repeated(piece, held)
      held.addAll(piece.gtids)
    }
    if (piece.awaited) {
      acknowledger?.expect({
        end: { file: end.file, position: piece.boundary },
        place: sourcePlace(present(journal.origin, 'how the file began'), piece.boundary),
        arrivedAtMs: dump.stream.heardAtMs,
      })
    }
    const { heardAtMs } = dump.stream
    const sequence = await this.#give(() => journal.append(piece), signal)
    this.durableTimes.given(sequence, heardAtMs)
    this.counters.bytes += piece.bytes.length
    this.counters.pieces += 1
    if (piece.boundary > end.boundary) link.succeeded()
  }

  /** While the disk has no room the source waits; the same is given again until there is. */
  async #give<T>(give: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { link, clock, roomRetryMs } = this.#options
    while (true) {
      try {
        this.#isGiving = true
        const taken = await give()
        link.resume()
        return taken
      } catch (error) {
        if (!(error instanceof OperationalError) || error.reaction !== 'pause') throw error
        link.pause(error)
      } finally {
        this.#isGiving = false
      }
      await clock.sleep(roomRetryMs, signal)
      signal.throwIfAborted()
    }
  }

  #heard(item: DumpItem): void {
    const { progress } = this.#options.link
    progress.lastEventAtMs = this.#options.clock.nowMs()
    if (item.kind === 'file') progress.place = item.place
    if (item.kind !== 'piece') return
    const { piece } = item
    if (piece.timestamp > 0) progress.newestTimestamp = piece.timestamp
    if (progress.place === undefined) return
    const position = progress.place.position + piece.bytes.length
    progress.place = { file: progress.place.file, position }
  }
}

const HEAD_PIECE_BYTES = 256 * 1024

/** Our position of the first event of a file that begins inside the source's. */
function placement(format: Buffer, beginning: Beginning | undefined): number {
  const { purged } = present(beginning, 'where to begin')
  return FIRST_EVENT_POSITION + fileHead(format, purged).length
}

function repeated(piece: Piece, held: GtidSet): OperationalError {
  const again = present(piece.gtids, 'the GTIDs of the piece').clone()
  again.removeAll(again.subtract(held))
  const text = again.toString().replaceAll('\n', '')
  return new OperationalError(
    'E_SOURCE_DIVERGED',
    `the source sends transactions that are stored here already: ${text}; nothing of them was taken`,
    { gtids: text },
  )
}
