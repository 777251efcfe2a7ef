import { assert } from '../../lib/index.ts'
import type { Context } from './context.ts'
import type { StreamId } from './inputs.ts'
import type { RecordHeader } from './log/record-header.ts'
import type { Message, News, Records, Shared, StartOver } from './messages.ts'

/** How far a stream to the leader has come (rule 5). */
type Stage =
  /** no stream, or one that is over */
  | 'idle'
  | 'joining'
  /** the digest at the shared point is being read */
  | 'comparing'
  /** the log is being cut back to that point, or begun anew */
  | 'cutting'
  /** the leader's epoch is being made durable as accepted */
  | 'promising'
  | 'following'

/** In these it waits for its own disk. */
const DISK_STAGES: ReadonlySet<Stage> = new Set(['comparing', 'cutting', 'promising'])

/** The follower's part of a node: rules 4, 5, 6, 10. */
export class Follower {
  stream: StreamId | undefined
  stage: Stage = 'idle'
  /** the epoch of the stream's leader */
  epoch = 0
  /** The disk is cutting the log, maybe for a stream that has ended meanwhile: no other is opened until it is done. */
  isCutting = false
  #offer: Shared | StartOver | undefined
  /** the newest of what the leader let it know */
  #news: News | undefined
  /** records that wait until the bytes of a cut before them are gone */
  #held: Records | undefined
  readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  /**
   * While this is false, nothing more is read from the stream. The leader sends records right behind its offer: they
   * wait until the disk has done what that asks for.
   */
  get takesMessages(): boolean {
    return this.#held === undefined && !DISK_STAGES.has(this.stage)
  }

  open(stream: StreamId): void {
    const { facts, self, log, decide } = this.context
    this.leave()
    this.stream = stream
    this.stage = 'joining'
    const { cluster, promised } = facts.now
    const { node, store, incarnation } = self
    const member = { node, store }
    const lineage = log.lineage
    decide({
      kind: 'send',
      stream,
      message: { kind: 'join', cluster, member, incarnation, promised, lineage },
    })
  }

  /** Ends the stream, if there is one. */
  leave(): void {
    if (this.stream !== undefined) this.context.decide({ kind: 'close', stream: this.stream })
    this.closed()
  }

  closed(): void {
    this.stream = undefined
    this.stage = 'idle'
    this.#offer = undefined
    this.#news = undefined
    this.#held = undefined
  }

  take(message: Message): void {
    if (message.kind === 'shared' || message.kind === 'start-over') this.takeOffer(message)
    else if (message.kind === 'records') this.#takeRecords(message)
    else if (message.kind === 'known') this.#takeNews(message)
    else this.leave()
  }

  takeOffer(offer: Shared | StartOver): void {
    const { facts, log, decide } = this.context
    const { cluster } = facts.now
    const isOther = cluster !== undefined && cluster !== offer.cluster
    if (this.stage !== 'joining' || isOther || !this.accepts(offer.epoch)) return this.leave()
    const stream = this.#currentStream()
    this.#offer = offer
    this.#news = offer
    this.epoch = offer.epoch
    this.stage = 'comparing'
    if (offer.kind === 'start-over') return this.cut()
    // What is purged here was committed, so a true leader shares it.
    if (offer.point.sequence < log.base.sequence) return this.leave()
    decide({ kind: 'read-digest', stream, sequence: offer.point.sequence })
  }

  /** Rule 4: nothing is taken from a lower epoch. */
  accepts(epoch: number): boolean {
    return epoch >= this.context.facts.now.promised
  }

  /** @returns false when the digests differ */
  compared(digest: string): boolean {
    if (this.stage !== 'comparing' || this.#offer?.kind !== 'shared') return true
    if (this.#offer.point.sequence < this.context.log.base.sequence) {
      // It was purged meanwhile.
      this.leave()
      return true
    }
    if (!this.agrees(digest, this.#offer.digest)) return false
    this.cut()
    return true
  }

  agrees(digest: string, leaders: string): boolean {
    return digest === leaders
  }

  /** Takes away what the leader's log does not share. */
  cut(): void {
    const offer = this.#offer
    if (offer === undefined) return
    const { log, decide } = this.context
    this.stage = 'cutting'
    if (offer.kind === 'start-over') {
      this.isCutting = true
      decide({
        kind: 'start-over',
        base: offer.base,
        lineage: offer.lineage,
      })
    } else if (log.written > offer.point.sequence) {
      this.isCutting = true
      decide({ kind: 'truncate', to: offer.point.sequence })
    } else {
      this.promise()
    }
  }

  /** The disk has done what `cut` decided. */
  wasCut(): void {
    this.isCutting = false
    if (this.stage === 'cutting') this.promise()
  }

  /** The epoch is accepted once it is durable. */
  promise(): void {
    const { facts } = this.context
    if (!this.accepts(this.epoch)) return this.leave()
    this.stage = 'promising'
    facts.belongTo(this.#offer?.cluster ?? '')
    facts.promise(this.epoch)
    this.promised()
  }

  promised(): void {
    const offer = this.#offer
    if (this.stage !== 'promising' || offer === undefined) return
    if (!this.hasPromised()) return
    this.stage = 'following'
    this.#offer = undefined
    this.believe()
    this.report()
  }

  hasPromised(): boolean {
    return this.context.facts.durable.promised >= this.epoch
  }

  /** Rule 6. */
  report(): void {
    if (this.stage !== 'following') return
    const message = {
      kind: 'report',
      end: this.reportedEnd(),
      round: this.#news?.round ?? 0,
    } as const
    this.context.decide({ kind: 'send', stream: this.#currentStream(), message })
  }

  reportedEnd(): number {
    return this.context.log.durable
  }

  #takeRecords(message: Records): void {
    const isOrderly = this.#held === undefined && this.#fits(message.headers)
    const isExpected = this.stage === 'following' && this.accepts(this.epoch)
    if (!isExpected || !isOrderly) return this.leave()
    const cut = this.context.log.pendingCut
    if (cut !== undefined && message.headers.some(hasBytes)) {
      this.proveCommitted(cut.sequence)
      this.#held = message
      return
    }
    this.append(message)
  }

  /** Rule 14: a leader appends nothing with bytes behind a cut that is not committed. */
  proveCommitted(sequence: number): void {
    this.context.facts.hear(sequence)
  }

  append(message: Records): void {
    const { log, decide } = this.context
    for (const header of message.headers) log.append(header)
    decide({ kind: 'append', headers: message.headers })
    this.#takeNews(message)
  }

  /** Goes on with what waited for the disk. */
  proceed(): void {
    this.promised()
    const held = this.#held
    if (held === undefined || this.mustHold()) return
    this.#held = undefined
    this.append(held)
  }

  mustHold(): boolean {
    return this.context.log.pendingCut !== undefined
  }

  /** In order, without gaps, of epochs that the leader may have, and nothing behind a cut. */
  #fits(headers: readonly RecordHeader[]): boolean {
    const { log } = this.context
    let sequence = log.written
    let epoch = log.lineage.at(-1)?.epoch ?? 0
    let isBehindCut = false
    return headers.every((header) => {
      const fits = header.sequence === sequence + 1 && header.epoch >= epoch && !isBehindCut
      sequence = header.sequence
      epoch = header.epoch
      isBehindCut = header.kind === 'cut'
      return fits && header.epoch <= this.epoch && header.boundary <= header.end
    })
  }

  #takeNews(news: News): void {
    const isAsked = news.round !== this.#news?.round
    this.#news = news
    if (this.stage !== 'following') return
    this.believe()
    if (isAsked) this.report()
  }

  /** A committed end speaks of the leader's log, so it is believed when this log is a part of that. */
  believe(): void {
    if (this.#news === undefined) return
    const { facts } = this.context
    facts.hear(this.#news.committed)
    facts.see({ epoch: this.epoch, version: this.#news.version })
  }

  #currentStream(): StreamId {
    assert(this.stream !== undefined, 'a follower without a stream')
    return this.stream
  }
}

function hasBytes({ kind }: RecordHeader): boolean {
  return kind === 'bytes' || kind === 'file-begin'
}
