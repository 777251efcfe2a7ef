import {
  comparePositions,
  type FileBegin,
  type Journal,
  type LogEnd,
  type Position,
} from '../journal/index.ts'
import {
  assert,
  InvariantError,
  type Logger,
  OperationalError,
  ProtocolError,
  present,
  type Watched,
  waitUntil,
} from '../lib/index.ts'
import { ChecksumError, type GtidSet, type Piece } from '../mysql/index.ts'
import type { Clock } from '../platform/index.ts'
import type { DumpItem, OpenDump, SourceLink } from '../source/index.ts'
import { Acknowledger, type Awaited } from './acknowledger.ts'
import { DurableTimes } from './durable-times.ts'
import { type BeginningDump, FileBeginner } from './file-beginner.ts'
import { holdingsOf, openSourceFile } from './journal-holdings.ts'
import { REPLICAS_LACK, ReplicasHold } from './replicas-hold.ts'

export interface IngestOptions {
  readonly link: SourceLink
  readonly journal: Journal
  readonly clock: Clock
  readonly logger: Logger
  /** a piece that found no room on the disk is tried again after so long, in milliseconds */
  readonly roomRetryMs: number
  /**
   * Everything before it is safe with as many replicas as have to have it before the source is told; undefined: none
   * has to.
   */
  readonly heldByReplicas: Watched<Position | undefined> | undefined
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
interface Session extends BeginningDump {
  readonly dump: OpenDump
  /** undefined where the source was not told of acknowledgements */
  readonly acknowledger: Acknowledger | undefined
}

/** Keeps the journal filled from the source, until the signal fires. */
export class Ingest {
  readonly #options: IngestOptions
  readonly #files: FileBeginner
  readonly #hold: ReplicasHold
  #acknowledging: Acknowledger | undefined
  /** how the file before the newest one began, where this process began the newest */
  #before: FileBegin | undefined
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
    const { journal, logger, clock } = options
    this.#hold = new ReplicasHold({ journal, clock, held: options.heldByReplicas })
    this.durableTimes = new DurableTimes(journal, clock)
    this.#files = new FileBeginner({
      journal,
      logger,
      give: (give, signal) => this.#give(give, signal),
      begun: (before) => {
        this.#before = before
        this.counters.files += 1
      },
    })
  }

  /** Whether the journal has not taken yet what it was given last. */
  get isGiving(): boolean {
    return this.#isGiving
  }

  /** The oldest transaction that the source waits for, that is safe here and not with enough replicas. */
  get lackedByReplicas(): Awaited | undefined {
    const oldest = this.#acknowledging?.oldest
    const visible = this.#options.journal.visible.value
    if (oldest === undefined || visible === undefined) return undefined
    return comparePositions(oldest.end, visible) <= 0 ? oldest : undefined
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
      let failure = journal.failed.value
      // A sync may fail while nothing comes from the source.
      const stopFollowing = journal.failed.follow((now) => {
        failure ??= now
        if (now !== undefined) failing.abort()
      })
      try {
        await this.#attempt(AbortSignal.any([attempt, failing.signal]))
      } catch (thrown) {
        const error = failure ?? thrown
        if (error instanceof InvariantError) throw error
        if (attempt.aborted) continue
        if (error === failure && error instanceof OperationalError) {
          await this.#sitOut(error, attempt, signal)
          continue
        }
        if (error instanceof ChecksumError) this.counters.checksumErrors += 1
        await link.recover(error, signal)
      } finally {
        stopFollowing()
      }
    }
  }

  /** The journal takes nothing until it is read anew; where that is nobody's to do by itself, the operator's turn. */
  async #sitOut(
    failure: OperationalError,
    attempt: AbortSignal,
    signal: AbortSignal,
  ): Promise<void> {
    const { link, journal } = this.#options
    if (failure.reaction !== 'pause') return await link.recover(failure, signal)
    link.pause(failure)
    await waitUntil(journal.failed, (now) => now?.message !== failure.message, attempt)
  }

  /**
   * The source's file that is being written here, once all before it is safely held: the source may purge the
   * files before this one. Undefined before the first, and while what is held is another server's.
   */
  get safeToPurgeTo(): string | undefined {
    const { journal, link } = this.#options
    const visible = journal.visible.value
    // Between a file's end and the next one's first visible byte the next one's name would be too early.
    const shown = [journal.origin, this.#before].find((file) => file?.name === visible?.file)
    return shown?.sourceUuid === link.state.value.serverUuid ? shown?.sourceFile : undefined
  }

  async #attempt(signal: AbortSignal): Promise<void> {
    const { journal } = this.#options
    if (journal.failed.value !== undefined) throw journal.failed.value
    this.#noteGivenUp(await this.#untilTaken(() => journal.openSession(signal), signal))
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
    const { link, journal, logger } = this.#options
    const holdings = await holdingsOf(journal)
    const openFile = await openSourceFile(journal)
    if (link.semiSync.wanted) await this.#hold.catchUp(signal)
    const isAsynchronous = link.semiSync.wanted && !this.#hold.isAll
    const dump = await link.open(holdings, signal, isAsynchronous ? REPLICAS_LACK : undefined)
    this.counters.connects += 1
    const acknowledger = dump.semiSync?.marked === true ? this.#acknowledger(dump) : undefined
    this.#acknowledging = acknowledger
    const stopFollowing = this.#hold.follow(() => acknowledger?.safe(this.#hold.safe))
    const stopTiming = this.durableTimes.begin()
    const ended = new AbortController()
    const anew = isAsynchronous ? this.#beginAnew(ended.signal) : undefined
    const until = anew === undefined ? signal : AbortSignal.any([signal, anew])
    try {
      await this.#follow({ dump, signal: until, held: journal.heldGtids(), openFile, acknowledger })
    } catch (thrown) {
      if (anew?.aborted !== true || signal.aborted || thrown instanceof InvariantError) throw thrown
      logger.info({}, 'replicas have what is stored here: the dump begins anew, semi-synchronously')
    } finally {
      ended.abort()
      stopTiming()
      stopFollowing()
      this.#acknowledging = undefined
      dump.stream.close()
    }
  }

  /** Fires when replicas have everything and a dump that they held up can be a semi-sync one. */
  #beginAnew(signal: AbortSignal): AbortSignal {
    const anew = new AbortController()
    void this.#hold.mayBeginAnew(signal).then(() => anew.abort())
    return anew.signal
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
    let { place } = first
    let isFirst = true
    this.#heard(first)
    if (!continues && first.mirrored) await this.#files.mirror(session, place, beginning?.purged)
    while (true) {
      const item = await stream.next(session.signal)
      this.#heard(item)
      switch (item.kind) {
        case 'piece':
          await this.#store(session, item.piece)
          break
        case 'file':
          place = item.place
          if (item.mirrored) await this.#files.mirror(session, place, undefined)
          break
        case 'head':
          stream.place(
            isFirst && this.#files.isOpen(session, place)
              ? await this.#files.goOn(session, item.head)
              : await this.#files.begin(session, place, item.head),
          )
          isFirst = false
          break
        case 'heartbeat':
          this.#options.link.succeeded()
          break
      }
    }
  }

  async #store({ held, signal, dump, acknowledger }: Session, piece: Piece): Promise<void> {
    const { journal, link } = this.#options
    const end = present(journal.end, 'a file to append to')
    assert(piece.start === end.position, `a piece for ${piece.start} at the end ${end.position}`)
    if (piece.gtids !== undefined) {
      if (piece.gtids.repeats(held)) throw repeated(piece, held)
      held.addAll(piece.gtids)
    }
    if (piece.awaited !== undefined) {
      acknowledger?.expect({
        end: { file: end.file, position: piece.awaited.position },
        place: {
          file: present(journal.origin, 'how the file began').sourceFile,
          position: piece.awaited.sourcePosition,
        },
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

  /** The dump goes on when it is taken. */
  async #give<T>(give: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const taken = await this.#untilTaken(give, signal)
    this.#options.link.resume()
    return taken
  }

  /** While the disk has no room the source waits; the same is given again until there is. */
  async #untilTaken<T>(give: () => Promise<T>, signal: AbortSignal): Promise<T> {
    const { link, journal, clock, roomRetryMs } = this.#options
    while (true) {
      try {
        this.#isGiving = true
        return await give()
      } catch (error) {
        if (!(error instanceof OperationalError) || error.reaction !== 'pause') throw error
        // Nothing is taken before the journal was read anew, and then it ends elsewhere.
        if (journal.failed.value !== undefined) throw error
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
    // Behind transactions that it has left out.
    if (item.kind === 'heartbeat' && progress.place?.file === item.place.file) {
      const position = Math.max(progress.place.position, item.place.position)
      progress.place = { file: item.place.file, position }
    }
    if (item.kind !== 'piece') return
    const { piece } = item
    if (piece.timestamp > 0) progress.newestTimestamp = piece.timestamp
    if (progress.place === undefined) return
    const position = piece.start + piece.bytes.length + piece.shift
    progress.place = { file: progress.place.file, position }
  }
}

function repeated(piece: Piece, held: GtidSet): OperationalError {
  const again = present(piece.gtids, 'the GTIDs of the piece').clone()
  again.removeAll(again.subtract(held))
  const text = again.toLine()
  return new OperationalError(
    'E_SOURCE_DIVERGED',
    `the source sends transactions that are stored here already: ${text}; nothing of them was taken`,
    { gtids: text },
  )
}
