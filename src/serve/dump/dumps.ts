import { type Logger, waitUntil } from '../../lib/index.ts'
import type { Clock } from '../../platform/index.ts'
import { comparePositions, isFileName } from '../../store/index.ts'
import {
  type DumpEnd,
  type DumpRequest,
  type DumpSink,
  FIRST_DUMP_SEQUENCE,
} from '../dump-request.ts'
import type { DumpProgress, Replicas } from '../replicas.ts'
import { type AskSource, lostBySource } from './ahead-of-source.ts'
import type { BinlogReader } from './binlog-reader.ts'
import { ChunkPool } from './chunk-pool.ts'
import { AHEAD, DumpStream, REPLACED } from './dump-stream.ts'
import { findStart } from './find-start.ts'
import { SharedChunks } from './shared-chunks.ts'
import { StartGate } from './start-gate.ts'

/**
 * A dump that comes before the first file waits so long for it, less than a replica's patience
 * (replica_net_timeout, 60 s by default): refused at once, the replica would stay away for its
 * SOURCE_CONNECT_RETRY, 60 s too.
 */
const FIRST_FILE_WAIT_MS = 30_000

export interface DumpsOptions {
  readonly reader: BinlogReader
  readonly replicas: Replicas
  readonly clock: Clock
  readonly logger: Logger
  /** ours, in the events that we make */
  readonly serverId: number
  /** undefined: nobody is asked what the source has */
  readonly askSource?: AskSource
}

/** All dumps of one listener: what they share is here. */
export class Dumps {
  readonly #options: DumpsOptions
  readonly #pool = new ChunkPool()
  readonly #chunks = new SharedChunks(this.#pool)
  readonly #gate: StartGate

  constructor(options: DumpsOptions) {
    this.#options = options
    this.#gate = new StartGate(options.clock)
  }

  /**
   * Until `letGo`, at most `forMs`, no dump begins: each has its file open already, or waits. False when one that
   * was on its way has not opened its file within that time.
   */
  async hold(forMs: number): Promise<boolean> {
    return await this.#gate.close(forMs)
  }

  letGo(): void {
    this.#gate.open()
  }

  /** chunk buffers in use, by dumps and by what is kept to share */
  get buffersInUse(): number {
    return this.#pool.taken
  }

  /** Runs until the client has gone, an error, or the end that a non-blocking dump has. */
  async run(request: DumpRequest, sink: DumpSink): Promise<DumpEnd> {
    const { reader, replicas } = this.#options
    const progress: DumpProgress = {
      file: '',
      position: 0,
      begun: undefined,
      state: 'sending',
      bytesSent: 0,
    }
    const stop = new AbortController()
    const pass = (): void => stop.abort(sink.signal.reason)
    if (sink.signal.aborted) pass()
    sink.signal.addEventListener('abort', pass, { once: true })
    const { nonBlocking } = request
    const replace = (): void => stop.abort(REPLACED)
    replicas.beginDump(request.replica, { progress, replace, nonBlocking })
    let opened = (): void => {}
    const over = new AbortController()
    let watched = Promise.resolve()
    try {
      await this.#firstFile(stop.signal)
      opened = await this.#gate.enter(stop.signal)
      const start = await findStart(reader, request)
      if ('error' in start) {
        return { kind: 'error', sequence: FIRST_DUMP_SEQUENCE, error: start.error }
      }
      if (request.isSemiSync) this.#beginSemiSync(request)
      const shared = { ...this.#options, pool: this.#pool, chunks: this.#chunks }
      const session = { request, sink, progress, stop: stop.signal, opened }
      watched = this.#endIfAhead(request, stop, over.signal)
      return await new DumpStream(shared, session).run(start)
    } finally {
      opened()
      over.abort()
      sink.signal.removeEventListener('abort', pass)
      await watched
    }
  }

  /** Ends the dump of a replica that holds what the source has lost, as soon as the source says so. */
  async #endIfAhead(
    { held, from, nonBlocking, replica }: DumpRequest,
    stop: AbortController,
    over: AbortSignal,
  ): Promise<void> {
    const { askSource, logger } = this.#options
    if (askSource === undefined || held === undefined || from !== undefined || nonBlocking) return
    const lost = await lostBySource(held, { ...this.#options, askSource }, over)
    if (lost === undefined) return
    const { user, address, uuid } = replica
    logger.error(
      { user, address, uuid, gtids: lost.toLine() },
      'a replica that holds transactions of the source which the source has not got is refused',
    )
    stop.abort(AHEAD)
  }

  /** A place beyond the visible end, for which a dump waits, says nothing of what will be stored before it. */
  #beginSemiSync({ replica, from, held }: DumpRequest): void {
    const { replicas, reader } = this.#options
    const visible = reader.visible.value
    const isByPosition = held === undefined && from !== undefined && isFileName(from.file)
    const isShown = isByPosition && visible !== undefined && comparePositions(from, visible) <= 0
    replicas.beginSemiSync(replica.connectionId, isShown ? from : undefined)
  }

  async #firstFile(stop: AbortSignal): Promise<void> {
    const { reader, clock } = this.#options
    if (reader.visible.value !== undefined) return
    const patience = new AbortController()
    const cancel = clock.after(FIRST_FILE_WAIT_MS, () => patience.abort())
    const signal = AbortSignal.any([stop, patience.signal])
    await waitUntil(reader.visible, (visible) => visible !== undefined, signal)
    cancel()
  }
}
