import { assert } from '../../lib/index.ts'
import { Candidate } from './candidate.ts'
import type { Context, Limits } from './context.ts'
import type { Alarm, Decision } from './decisions.ts'
import { Follower } from './follower.ts'
import type { Input, StreamId } from './inputs.ts'
import { Leader } from './leader.ts'
import type { DurableFacts } from './log/durable-facts.ts'
import { Facts } from './log/facts.ts'
import { LogState, type StoredLog } from './log/log-state.ts'
import { Removals } from './log/removals.ts'
import type { Join, Message } from './messages.ts'
import {
  type ClusterState,
  isSameLeader,
  keyOf,
  type LeaderName,
  type Member,
} from './state/cluster-state.ts'
import { Register, type Settlement } from './state/register.ts'

export interface NodeOptions {
  readonly self: LeaderName
  readonly limits: Limits
  readonly log: StoredLog
  readonly facts: DurableFacts
}

/**
 * One process of a node: what happens goes in, what is to be done comes out. The same inputs give the same
 * decisions; a process that starts again is a new ProtocolNode with what the disk has kept.
 */
export class ProtocolNode {
  readonly context: Context
  readonly follower: Follower
  readonly candidate: Candidate
  readonly removals: Removals
  leader: Leader | undefined
  /** Invariant: never goes back in one process. */
  visible = 0
  stopped: Alarm | undefined
  #isLinkAllowed = false
  #ticks = 0
  #decisions: Decision[] = []

  constructor({ self, limits, log, facts }: NodeOptions) {
    assert(limits.stuckTicks > limits.silentTicks, 'a leader would resign before it may shrink')
    const decide = (decision: Decision): void => void this.#decisions.push(decision)
    this.context = {
      self,
      limits,
      log: new LogState(log),
      facts: new Facts(facts, decide),
      register: new Register(self, decide),
      decide,
    }
    this.follower = new Follower(this.context)
    this.candidate = new Candidate(this.context)
    this.removals = new Removals(this.context)
  }

  /** The first thing that a process does: it asks whether the cluster still is what it remembers (rule 11). */
  start(): readonly Decision[] {
    this.context.register.read(this.context.facts.now)
    this.#proceed()
    return this.#taken()
  }

  step(input: Input): readonly Decision[] {
    if (this.stopped !== undefined) return []
    this.#take(input)
    if (this.stopped === undefined) this.#proceed()
    return this.#taken()
  }

  /** The node to which a stream should be kept; undefined while it leads or nobody does. */
  get leaderToFollow(): LeaderName | undefined {
    const { register, self } = this.context
    const leader = register.state?.leader
    if (!this.maySearch || leader === undefined) return undefined
    return keyOf(leader) === keyOf(self) ? undefined : leader
  }

  /** A stream to a leader may be opened. */
  get maySearch(): boolean {
    const isFree = this.leader === undefined && !this.candidate.isChosen
    return isFree && !this.follower.isCutting && this.stopped === undefined
  }

  #taken(): readonly Decision[] {
    const decisions = this.#decisions
    this.#decisions = []
    return decisions
  }

  #take(input: Input): void {
    const { log, facts } = this.context
    switch (input.kind) {
      case 'tick':
        return this.#tick()
      case 'stream-opened':
        if (this.maySearch) this.follower.open(input.stream)
        else this.context.decide({ kind: 'close', stream: input.stream })
        return
      case 'stream-closed':
        if (this.follower.stream === input.stream) this.follower.closed()
        this.leader?.streamClosed(input.stream)
        return
      case 'message':
        return this.#takeMessage(input.stream, input.message)
      case 'durable':
        log.synced(input.sequence)
        return this.follower.report()
      case 'truncated':
        log.truncated(input.to, input.tail)
        return this.follower.wasCut()
      case 'started-over':
        log.startedOver(input.base, input.lineage)
        return this.follower.wasCut()
      case 'remembered':
        return facts.remembered(input.facts)
      case 'removed':
        return this.removals.removed(input.sequence, input)
      case 'digest-read':
        return this.#takeDigest(input)
      case 'disk-failed':
        return this.#stop('disk-failed')
      case 'state-written':
        return this.#settled(this.context.register.written(input.id, input.outcome, facts.now))
      case 'state-read':
        return this.#takeRead(input)
      case 'state-seen':
        return this.#see(input.revision, input.state)
      case 'leader-lost':
        if (this.leader === undefined) this.candidate.leaderLost(input.delayTicks, input.gone)
        return
      case 'wish':
      case 'hand-over':
      case 'link-opened':
      case 'link-broke':
      case 'ingest':
      case 'purge':
        return this.#takeForLeader(input)
    }
  }

  #takeForLeader(input: Input): void {
    const { leader } = this
    if (leader === undefined) return
    if (input.kind === 'ingest') leader.ingest(input.piece)
    else if (input.kind === 'purge') leader.purge(input.floor)
    else if (input.kind === 'link-opened') leader.linkOpened()
    else if (input.kind === 'link-broke') leader.linkBroke()
    else if (input.kind === 'wish') leader.wish(input.wish)
    else if (input.kind === 'hand-over') leader.handOver(input.to)
  }

  // ---- messages

  #takeMessage(stream: StreamId, message: Message): void {
    if (message.kind === 'join') return this.#takeJoin(stream, message)
    if (message.kind === 'report') return this.leader?.report(stream, message)
    if (stream !== this.follower.stream) return
    if (message.kind === 'hand-over') this.candidate.leaderLost(0, [])
    else this.follower.take(message)
  }

  #takeJoin(stream: StreamId, join: Join): void {
    const { decide, facts } = this.context
    const isOther = join.cluster !== undefined && join.cluster !== facts.now.cluster
    // Rule 1: whoever learns of a higher epoch leads no more.
    if (!isOther && this.isDeposedBy(join)) this.stepDown()
    if (isOther || this.leader === undefined) {
      const why = isOther ? 'other-cluster' : 'not-leader'
      decide({ kind: 'send', stream, message: { kind: 'refusal', why } })
      decide({ kind: 'close', stream })
      return
    }
    this.leader.join(stream, join)
  }

  isDeposedBy({ promised }: Join): boolean {
    return this.leader !== undefined && promised > this.leader.epoch
  }

  #takeDigest({ stream, sequence, digest }: Input & { kind: 'digest-read' }): void {
    this.leader?.digestRead(stream, sequence, digest)
    if (stream !== this.follower.stream) return
    if (!this.follower.compared(digest)) this.#stop('digest-differs')
  }

  // ---- the register

  #takeRead(input: Input & { kind: 'state-read' }): void {
    const { register, facts } = this.context
    const reading = register.takeRead(input)
    if (reading === undefined) return
    const { state, revision } = input
    if (register.contradicts(reading, facts.now, state)) return this.#stop('register-went-back')
    if (state === undefined) return
    facts.belongTo(state.cluster)
    facts.see(state)
    this.#settled(register.settle(revision, state))
    this.candidate.takeState(revision, state)
    this.#noticeEpoch()
  }

  #see(revision: number, state: ClusterState): void {
    const { cluster } = this.context.facts.now
    if (cluster !== undefined && cluster !== state.cluster) return
    this.context.register.see(revision, state)
    if (cluster !== undefined) this.context.facts.see(state)
    this.#noticeEpoch()
  }

  #settled(settlement: Settlement): void {
    if (this.leader === undefined) return this.candidate.settled(settlement)
    if (settlement.kind === 'lost') this.stepDown()
    else this.leader.settled(settlement)
  }

  /** Rule 1: a higher epoch in the register ends this one's leading, and what it was about to begin. */
  #noticeEpoch(): void {
    const epoch = this.context.register.state?.epoch ?? 0
    const { won } = this.candidate
    if (this.leader !== undefined && epoch > this.leader.epoch) this.stepDown()
    if (won !== undefined && epoch > won.state.epoch) this.candidate.giveUp()
  }

  // ---- roles

  stepDown(): void {
    const { leader } = this
    if (leader === undefined) return
    for (const peer of leader.streams.values()) leader.drop(peer)
    this.leader = undefined
    this.context.register.abandon()
    this.context.decide({ kind: 'leads', epoch: undefined })
  }

  resign(): void {
    this.stepDown()
    this.candidate.standDown()
    this.context.decide({ kind: 'resign' })
  }

  #stop(alarm: Alarm): void {
    this.stepDown()
    this.follower.leave()
    this.candidate.giveUp()
    this.#allowLink()
    this.stopped = alarm
    this.context.decide({ kind: 'stopped', alarm })
  }

  #tick(): void {
    const { register, facts, limits } = this.context
    register.tick(limits.readTicks, facts.now)
    this.candidate.tick()
    this.#ticks += 1
    if (this.#ticks % limits.rememberTicks === 0) facts.write()
    if (this.leader?.tick() === true) this.resign()
  }

  // ---- what follows from what has changed

  #proceed(): void {
    this.#begin()
    this.#lead()
    this.removals.proceed()
    this.follower.proceed()
    this.show()
    this.#allowLink()
  }

  /** Rule 1: who has been chosen follows nobody, and begins when its promise is durable. */
  #begin(): void {
    if (this.candidate.isChosen) this.leavesOld()
    const isDiskBusy = this.follower.isCutting || this.removals.underWay !== undefined
    const won = this.candidate.proceed(isDiskBusy)
    if (won === undefined) return
    assert(isSameLeader(won.state.leader, this.context.self), 'leads in the name of another')
    this.leader = new Leader(this.context, won)
    this.context.decide({ kind: 'leads', epoch: won.state.epoch })
    this.leader.begin()
  }

  leavesOld(): void {
    this.follower.leave()
  }

  #lead(): void {
    const { leader } = this
    if (leader === undefined) return
    const before = leader.committed
    if (leader.advance()) {
      assert(leader.committed > before, 'the committed end went back')
      this.context.decide({ kind: 'committed', sequence: leader.committed })
    }
    leader.considerChange()
    leader.acknowledge()
    if (leader.heir !== undefined && leader.isHeirReady()) this.#handOver(leader, leader.heir)
  }

  #handOver(leader: Leader, heir: Member): void {
    const stream = leader.peers.get(keyOf(heir))?.stream
    if (stream !== undefined) {
      this.context.decide({ kind: 'send', stream, message: { kind: 'hand-over' } })
    }
    this.resign()
  }

  /** Rule 10. */
  show(): void {
    const sequence = this.showable()
    if (sequence <= this.visible) return
    this.visible = sequence
    this.context.decide({ kind: 'visible', sequence })
  }

  showable(): number {
    const { log, facts } = this.context
    return Math.min(log.durable, facts.now.known)
  }

  #allowLink(): void {
    const isAllowed = this.leader?.mayLink ?? false
    if (isAllowed === this.#isLinkAllowed) return
    this.#isLinkAllowed = isAllowed
    this.context.decide({ kind: 'link', isAllowed })
  }
}
