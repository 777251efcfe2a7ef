import { assert } from '../../lib/index.ts'
import type { Won } from './candidate.ts'
import type { Context } from './context.ts'
import type { StreamId, Wish } from './inputs.ts'
import { type Point, sharedPoint } from './log/lineage.ts'
import type { Piece, RecordHeader } from './log/record-header.ts'
import type { Join, News, Report } from './messages.ts'
import type { Peer } from './peer.ts'
import { type ClusterState, isMember, keyOf, type Member } from './state/cluster-state.ts'
import { added, grown, removed, type Standing, shrunk, withSets } from './state/membership.ts'
import type { Settlement } from './state/register.ts'

/** The leader's part of a node in one epoch: rules 3, 7, 8, 9, 12, 14, 15. */
export class Leader {
  readonly epoch: number
  /** the state by which it leads, with its revision */
  base: ClusterState
  revision: number
  /** after-sets that were sent and are not settled; all compare with `revision` */
  tried: readonly ClusterState[] = []
  /** the end of the log at the beginning of the epoch (rule 8) */
  startEnd: number
  /** Invariant: never goes back, never beyond the own durable end. */
  committed: number
  /** by keyOf */
  readonly peers = new Map<string, Peer>()
  readonly streams = new Map<StreamId, Peer>()
  /** The question that every counted node has to answer before the source is asked for anything (rule 15). */
  round = 1
  isLinked = false
  /** This in-sync node shall lead as soon as everything is committed; given up when that takes too long. */
  heir: Member | undefined
  #heirTicks = 0
  #wish: Wish | undefined
  readonly #silentTicks = new Map<string, number>()
  #stuckTicks = 0
  #acknowledged = 0
  readonly context: Context

  constructor(context: Context, { state, revision }: Won) {
    this.context = context
    this.epoch = state.epoch
    this.base = state
    this.revision = revision
    this.startEnd = context.log.written
    this.committed = context.facts.now.known
  }

  /** Rule 3: the epoch's first record; then rule 14. */
  begin(): void {
    const { facts } = this.context
    facts.see(this.base)
    this.appendStart()
    this.giveUpHalf()
  }

  appendStart(): void {
    this.append({ kind: 'epoch-start', crc: 0, ...this.context.log.tail })
  }

  append(fields: Omit<RecordHeader, 'sequence' | 'epoch'>): void {
    const { log, decide } = this.context
    const header = { ...fields, sequence: log.written + 1, epoch: this.epoch }
    log.append(header)
    decide({ kind: 'append', headers: [header] })
  }

  // ---- the source's records

  /** Rule 14: nothing with bytes behind a cut until that is committed and its bytes are gone. */
  get takesBytes(): boolean {
    return this.isLinked && this.heir === undefined && this.context.log.pendingCut === undefined
  }

  ingest(piece: Piece): void {
    assert(this.takesBytes, 'a record with bytes while none is taken')
    assert(piece.kind === 'bytes' || this.context.log.isAtRest, 'a file begins in a transaction')
    this.append(piece)
  }

  purge(floor: number): void {
    const { log } = this.context
    if (floor <= log.base.sequence || floor > this.committed) return
    this.append({ kind: 'purge', crc: 0, floor, ...log.tail })
  }

  linkOpened(): void {
    this.isLinked = true
    this.#acknowledged = 0
  }

  linkBroke(): void {
    this.isLinked = false
    this.round += 1
    for (const { stream, point } of this.peers.values()) {
      if (point !== undefined) continue
      this.context.decide({ kind: 'send', stream, message: { kind: 'known', ...this.news() } })
    }
    this.giveUpHalf()
  }

  /** Rule 14: the file ends again at the last point outside a transaction. */
  giveUpHalf(): void {
    const { log } = this.context
    if (!this.needsCut()) return
    this.append({ kind: 'cut', crc: 0, end: log.tail.boundary, boundary: log.tail.boundary })
  }

  needsCut(): boolean {
    const { log } = this.context
    return !this.isLinked && !log.isAtRest && log.pendingCut === undefined
  }

  /** Rule 15: the request for a dump acknowledges everything before it. */
  get mayLink(): boolean {
    if (this.isLinked) return this.heir === undefined
    return this.heir === undefined && this.isWhole() && this.isAllCommitted() && this.isAnswered()
  }

  /** No transaction is open, and no bytes of one that was given up are left. */
  isWhole(): boolean {
    const { log } = this.context
    return log.isAtRest && log.pendingCut === undefined
  }

  isAllCommitted(): boolean {
    return this.committed >= this.context.log.written
  }

  /** Every counted node has followed this epoch since the link broke: nobody led a higher one before that. */
  isAnswered(): boolean {
    return this.counted().every(
      (member) => this.#isSelf(member) || this.peers.get(keyOf(member))?.round === this.round,
    )
  }

  // ---- followers

  news(): News {
    return { committed: this.committed, version: this.base.version, round: this.round }
  }

  /** Rule 5: what both logs share. A stream of the same member before this one is dead. */
  join(stream: StreamId, { member, lineage }: Join): void {
    const { decide, log, self } = this.context
    if (keyOf(member) === keyOf(self)) {
      decide({ kind: 'close', stream })
      return
    }
    const before = this.peers.get(keyOf(member))
    if (before !== undefined) this.drop(before)
    const point = this.shared(lineage)
    const peer: Peer = { member, stream, point, end: undefined, round: 0 }
    this.peers.set(keyOf(member), peer)
    this.streams.set(stream, peer)
    if (point.sequence >= log.base.sequence) {
      decide({ kind: 'read-digest', stream, sequence: point.sequence })
    } else {
      this.#startOver(peer)
    }
  }

  shared(lineage: Join['lineage']): Point {
    return sharedPoint(this.context.log.lineage, lineage)
  }

  /** What is shared has been purged here: the follower begins anew at the base. */
  #startOver(peer: Peer): void {
    const { log, decide } = this.context
    const { base, lineage } = log
    peer.point = undefined
    const offer = { kind: 'start-over', epoch: this.epoch, base } as const
    const known = lineage.filter(({ sequence }) => sequence < base.sequence)
    const upTo = [...known, { epoch: base.epoch, sequence: base.sequence }]
    const { cluster } = this.base
    const message = { ...offer, cluster, lineage: upTo, ...this.news() }
    decide({ kind: 'send', stream: peer.stream, message })
    decide({ kind: 'feed', stream: peer.stream, from: base.sequence + 1 })
  }

  digestRead(stream: StreamId, sequence: number, digest: string): void {
    const { decide, log } = this.context
    const peer = this.streams.get(stream)
    if (peer?.point?.sequence !== sequence) return
    const { point } = peer
    // A purge came between: the records behind the point are gone.
    if (sequence < log.base.sequence) return this.#startOver(peer)
    peer.point = undefined
    const { epoch } = this
    const { cluster } = this.base
    decide({
      kind: 'send',
      stream,
      message: { kind: 'shared', cluster, epoch, point, digest, ...this.news() },
    })
    decide({ kind: 'feed', stream, from: sequence + 1 })
  }

  /** Rule 6: a report counts while its stream lives. */
  report(stream: StreamId, { end, round }: Report): void {
    const peer = this.peerOn(stream)
    if (peer === undefined) return
    if (end > (peer.end ?? -1)) this.#silentTicks.delete(keyOf(peer.member))
    peer.end = end
    peer.round = round
  }

  peerOn(stream: StreamId): Peer | undefined {
    return this.streams.get(stream)
  }

  streamClosed(stream: StreamId): void {
    const peer = this.streams.get(stream)
    if (peer !== undefined) this.drop(peer, false)
  }

  drop(peer: Peer, isOpen = true): void {
    this.streams.delete(peer.stream)
    if (this.peers.get(keyOf(peer.member)) === peer) this.peers.delete(keyOf(peer.member))
    if (isOpen) this.context.decide({ kind: 'close', stream: peer.stream })
  }

  // ---- committing

  /** Rule 7: in-sync as the register may show it now or later. */
  counted(): readonly Member[] {
    const all = [this.base, ...this.tried].flatMap(({ inSync }) => inSync)
    return [...new Map(all.map((member) => [keyOf(member), member])).values()]
  }

  endOf(member: Member): number {
    if (this.#isSelf(member)) return this.ownEnd()
    return this.peers.get(keyOf(member))?.end ?? 0
  }

  ownEnd(): number {
    return this.context.log.durable
  }

  /** @returns whether more is committed than before */
  advance(): boolean {
    const end = Math.min(...this.counted().map((member) => this.endOf(member)))
    if (end <= this.committed) return false
    this.committed = end
    this.context.facts.hear(end)
    this.#stuckTicks = 0
    return true
  }

  /** Rule 15: nothing is acknowledged before it is committed. */
  acknowledgeable(): number {
    return this.committed
  }

  acknowledge(): void {
    const sequence = this.acknowledgeable()
    if (!this.isLinked || sequence === this.#acknowledged) return
    this.#acknowledged = sequence
    this.context.decide({ kind: 'acknowledge', sequence })
  }

  // ---- the register

  wish(wish: Wish): void {
    this.#wish = wish
  }

  /** One write at a time; what it adds is counted from the moment it is sent (rule 8). */
  considerChange(): void {
    if (this.tried.length > 0) return
    const next = this.nextState()
    if (next === undefined) return
    this.tried = [next]
    this.context.register.write(next, this.revision)
  }

  nextState(): ClusterState | undefined {
    const standing = this.standing()
    const wish = this.#wish
    const wished = wish && (wish.kind === 'add' ? added : removed)(standing, wish.member)
    if (wished !== undefined) {
      this.#wish = undefined
      return wished
    }
    return shrunk(standing) ?? grown(standing)
  }

  standing(): Standing {
    return {
      state: this.base,
      self: this.context.self,
      isReady: (member) => this.isReady(member),
      isPresent: (member) => this.peers.get(keyOf(member))?.end !== undefined,
      isSilent: (member) => this.isSilent(member),
    }
  }

  /** Rule 8. */
  isReady(member: Member): boolean {
    const end = this.peers.get(keyOf(member))?.end
    return end !== undefined && end >= this.readyEnd()
  }

  readyEnd(): number {
    return Math.max(this.committed, this.startEnd)
  }

  isSilent(member: Member): boolean {
    return (this.#silentTicks.get(keyOf(member)) ?? 0) >= this.context.limits.silentTicks
  }

  settled(settlement: Settlement): void {
    if (settlement.kind === 'won') {
      this.base = settlement.state
      this.revision = settlement.revision
      this.tried = []
      this.context.facts.see(this.base)
    } else if (settlement.kind === 'open' && this.tried.length > 0) {
      this.#writeAgain()
    }
  }

  /** Whichever write is applied, the others are dead then: so it may as well be one that changes nothing. */
  #writeAgain(): void {
    const last = this.tried.at(-1)
    if (last === undefined) return
    const gone = this.base.inSync.find((member) => !isMember(member, last.inSync))
    const isBack = gone !== undefined && !this.isSilent(gone)
    const unchanged = this.tried.find(({ inSync }) => inSync === this.base.inSync)
    const state = isBack ? (unchanged ?? withSets(this.base, this.base)) : last
    if (!this.tried.includes(state)) this.tried = [...this.tried, state]
    this.context.register.write(state, this.revision)
  }

  // ---- time

  /** @returns whether it should rather not lead any more (rule 2) */
  tick(): boolean {
    const { log, limits } = this.context
    for (const member of this.base.voters) {
      if (this.#isSelf(member)) continue
      const key = keyOf(member)
      const keepsUp = (this.peers.get(key)?.end ?? -1) >= log.durable
      if (keepsUp) this.#silentTicks.delete(key)
      else this.#silentTicks.set(key, (this.#silentTicks.get(key) ?? 0) + 1)
    }
    this.#heirTicks += 1
    if (this.#heirTicks >= limits.stuckTicks) this.heir = undefined
    this.#stuckTicks = this.isAllCommitted() ? 0 : this.#stuckTicks + 1
    return this.#stuckTicks >= limits.stuckTicks && this.tried.length === 0
  }

  handOver(to: Member): void {
    this.heir = to
    this.#heirTicks = 0
  }

  /** Whether the heir can lead now: it has everything, and the source is not being read. */
  isHeirReady(): boolean {
    const { heir } = this
    if (heir === undefined || this.isLinked || !this.isAllCommitted() || !this.isWhole()) {
      return false
    }
    const isCounted = isMember(heir, this.base.inSync) && this.tried.length === 0
    return isCounted && this.endOf(heir) >= this.context.log.written
  }

  #isSelf(member: Member): boolean {
    return keyOf(member) === keyOf(this.context.self)
  }
}
