import { messageOf, OperationalError } from '../../../lib/index.ts'
import type { Clock } from '../../../platform/index.ts'
import type { LogRecord, RecordReader, ReplicatedLog } from '../../../store/index.ts'
import { headerOf, type PeerLink } from '../../link/index.ts'
import type { News } from '../../protocol/messages.ts'
import type { RecentRecords } from './recent-records.ts'

/** One message has at most so many records and, but for its last record, so many bytes. */
const RECORDS_MOST = 512
const MESSAGE_BYTES = 1024 * 1024
/** Nothing more is sent while so much waits for the kernel. */
const QUEUED_BYTES_MOST = 8 * 1024 * 1024
/** What is committed while more is on its way is told with the next records, or alone when none come for so long. */
const KNOWN_DELAY_MS = 5
/** After so long it is looked again for a record that is neither in memory nor, yet, in the files. */
const MISSING_PAUSE_MS = 10

export interface FeedOptions {
  readonly link: PeerLink
  readonly log: ReplicatedLog
  readonly recent: RecentRecords
  /** undefined when this node does not lead any more */
  readonly news: () => News | undefined
  readonly clock: Clock
}

/**
 * Sends the records of a leader's log to one follower, and what else that has to know, as they come. What is recent
 * goes out at once; what is not is read from the files.
 */
export class Feed {
  readonly #options: FeedOptions
  /** the next record to send; undefined until it is said where to begin */
  #next: number | undefined
  #told: News | undefined
  #reader: OpenReader | undefined
  #isBusy = false
  #isOver = false
  #cancelTelling: (() => void) | undefined

  constructor(options: FeedOptions) {
    this.#options = options
  }

  /** Begins at this sequence. @param told what the follower was just told with it */
  begin(from: number, told: News | undefined): void {
    this.#next = from
    this.#told = told
    this.nudge()
  }

  /** There may be something new to send. */
  nudge(): void {
    if (this.#isBusy || this.#next === undefined) return
    while (!this.#isOver && this.#sendRecent()) {
      if (this.#options.link.queuedBytes > QUEUED_BYTES_MOST)
        return this.#later(this.#options.link.writable())
    }
    if (this.#isOver || this.#next > this.#options.log.end) return
    this.#later(this.#sendFromDisk())
  }

  end(): void {
    this.#isOver = true
    this.#cancelTelling?.()
    const { reader } = this.#reader ?? {}
    this.#reader = undefined
    if (reader !== undefined && !this.#isBusy) void reader.close()
  }

  // ---- inside

  /** @returns whether something was sent */
  #sendRecent(): boolean {
    const { recent } = this.#options
    const news = this.#options.news()
    let next = this.#next
    if (news === undefined || next === undefined) return false
    const batch = new Batch()
    while (!batch.isFull) {
      const record = recent.get(next)
      if (record === undefined) break
      batch.add(record)
      next = record.sequence + 1
    }
    this.#next = next
    if (batch.records.length > 0) return this.#send(batch, news)
    this.#tell(news)
    return false
  }

  #tell(news: News): void {
    const { committed, version, round } = news
    const told = this.#told
    const isAsked = version !== told?.version || round !== told.round
    // While more is on its way, the next records are soon to tell it, or another commit.
    const isAll = committed === this.#options.log.end
    if (isAsked || (isAll && committed !== told.committed)) this.#tellNow(news)
    else if (committed !== told.committed) this.#cancelTelling ??= this.#tellLater()
  }

  #tellLater(): () => void {
    return this.#options.clock.after(KNOWN_DELAY_MS, () => {
      this.#cancelTelling = undefined
      const news = this.#options.news()
      // What is being sent from the disk tells it.
      if (news !== undefined && !this.#isBusy && news.committed !== this.#told?.committed)
        this.#tellNow(news)
    })
  }

  #tellNow(news: News): void {
    this.#told = news
    this.#options.link.send({ kind: 'known', ...news })
  }

  #send({ records }: Batch, news: News): true {
    this.#told = news
    this.#options.link.send({ kind: 'records', headers: records.map(headerOf), ...news }, records)
    return true
  }

  #later(work: Promise<void>): void {
    this.#isBusy = true
    void work
      .catch((thrown: unknown) => {
        this.#giveUp(messageOf(thrown))
        if (!(thrown instanceof OperationalError)) throw thrown
      })
      .finally(() => {
        this.#isBusy = false
        if (this.#isOver) this.end()
        else this.nudge()
      })
  }

  /** Nothing more can be sent on this link. Its end is told later; what cannot be read is not read again until then. */
  #giveUp(reason: string): void {
    this.#isOver = true
    this.#options.link.close(reason)
  }

  /** One message of records that are not in memory any more. */
  async #sendFromDisk(): Promise<void> {
    const { log, link, clock } = this.#options
    if (this.#next === undefined) return
    let next: number = this.#next
    if (next <= log.base.sequence) return this.#giveUp(`record ${next} has been purged`)
    const reader = await this.#readerAt(next)
    const batch = new Batch()
    while (!batch.isFull && next > log.base.sequence) {
      const record = await reader.reader.next()
      if (record === undefined) break
      batch.add(record)
      next = record.sequence + 1
      reader.next = next
    }
    this.#next = next
    const news = this.#options.news()
    if (this.#isOver) return
    if (news === undefined || batch.records.length === 0) return await clock.sleep(MISSING_PAUSE_MS)
    this.#send(batch, news)
    await link.writable()
  }

  async #readerAt(next: number): Promise<OpenReader> {
    if (this.#reader?.next === next) return this.#reader
    await this.#reader?.reader.close()
    this.#reader = { reader: this.#options.log.read(next), next }
    return this.#reader
  }
}

/** Reads on where it stands; it cannot go back or ahead. */
interface OpenReader {
  readonly reader: RecordReader
  next: number
}

/** The records of one message; nothing follows a cut in it. */
class Batch {
  readonly records: LogRecord[] = []
  #bytes = 0

  get isFull(): boolean {
    const isFull = this.records.length >= RECORDS_MOST || this.#bytes >= MESSAGE_BYTES
    return isFull || this.records.at(-1)?.kind === 'cut'
  }

  add(record: LogRecord): void {
    this.records.push(record)
    this.#bytes += record.bytes?.length ?? 0
  }
}
