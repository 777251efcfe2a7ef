import type { Context } from './context.ts'
import {
  type ClusterState,
  isMajority,
  isMember,
  type Member,
  without,
} from './state/cluster-state.ts'
import type { Settlement } from './state/register.ts'

/** How far a take-over has come (rules 1 and 2). */
type Stage =
  | 'idle'
  | 'waiting'
  /** a linearizable read is under way */
  | 'reading'
  | 'writing'
  /** the register says that it leads; what the old epoch left at the disk is being finished */
  | 'finishing'
  /** the epoch is being made durable as its own */
  | 'promising'

/** An epoch that the register gave to this node. */
export interface Won {
  readonly state: ClusterState
  readonly revision: number
}

/** The part of a node that takes over. */
export class Candidate {
  stage: Stage = 'idle'
  won: Won | undefined
  /** the epoch whose leader seems to be gone, 0 before the first leader; undefined while nothing is known of any */
  #lostEpoch: number | undefined
  #gone: readonly Member[] = []
  #delayTicks = 0
  /** it resigned: it does not stand for so long */
  #standDownTicks = 0
  readonly context: Context

  constructor(context: Context) {
    this.context = context
  }

  /** The register has given it an epoch that it has not begun yet: it follows nobody. */
  get isChosen(): boolean {
    return this.won !== undefined
  }

  leaderLost(delayTicks: number, gone: readonly Member[]): void {
    if (this.stage !== 'idle' || this.#standDownTicks > 0) return
    this.stage = 'waiting'
    this.#lostEpoch = this.#knownEpoch()
    this.#gone = gone
    this.#delayTicks = delayTicks
    if (delayTicks === 0) this.#begin()
  }

  standDown(): void {
    this.giveUp()
    this.#standDownTicks = this.context.limits.standDownTicks
  }

  /** A new leader was seen, or the register went to somebody else: the next wait begins anew. */
  giveUp(): void {
    if (this.stage === 'writing') this.context.register.abandon()
    this.stage = 'idle'
    this.won = undefined
  }

  tick(): void {
    this.#standDownTicks = Math.max(0, this.#standDownTicks - 1)
    if (this.stage !== 'waiting') return
    this.#delayTicks -= 1
    if (this.#delayTicks <= 0) this.#begin()
  }

  #begin(): void {
    const { register, facts } = this.context
    if (this.#isBehind(this.#knownEpoch())) return this.giveUp()
    this.stage = 'reading'
    register.read(facts.now)
  }

  #knownEpoch(): number | undefined {
    const { register, facts } = this.context
    const { promised } = facts.now
    if (register.state === undefined && promised === 0) return undefined
    return Math.max(register.state?.epoch ?? 0, promised)
  }

  /** Somebody leads since the leader was lost. Of the first candidates of a cluster one is first, too. */
  #isBehind(epoch: number | undefined): boolean {
    return epoch !== undefined && this.#lostEpoch !== undefined && epoch > this.#lostEpoch
  }

  /** What the linearizable read showed. */
  takeState(revision: number, state: ClusterState): void {
    if (this.stage !== 'reading') return
    if (this.#isBehind(state.epoch) || !this.mayTakeOver(state)) return this.giveUp()
    this.stage = 'writing'
    this.context.register.write(this.takenOver(state), revision)
  }

  /** Rule 1: only a node that holds everything committed may lead. */
  mayTakeOver(state: ClusterState): boolean {
    return isMember(this.context.self, state.inSync)
  }

  takenOver(state: ClusterState): ClusterState {
    const { self } = this.context
    let { inSync } = state
    for (const gone of this.#gone) {
      const isSelf = isMember(self, [gone])
      const rest = without(inSync, gone)
      if (!isSelf && isMajority(rest.length, state.voters)) inSync = rest
    }
    return {
      ...state,
      version: state.version + 1,
      epoch: state.epoch + 1,
      leader: self,
      inSync,
    }
  }

  settled(settlement: Settlement): void {
    if (this.stage !== 'writing') return
    if (settlement.kind === 'won') {
      this.won = settlement
      this.stage = 'finishing'
    } else if (settlement.kind === 'lost' || settlement.kind === 'open') {
      // A write that is still open may yet win: then nobody leads that epoch, and a new one is taken.
      this.giveUp()
    }
  }

  /**
   * Rule 1: the promise is made when the old epoch's work at the disk is done.
   * @returns the epoch that begins now: its promise is durable
   */
  proceed(isDiskBusy: boolean): Won | undefined {
    const { won } = this
    if (won === undefined) return undefined
    const { log, facts } = this.context
    if (this.stage === 'finishing' && !isDiskBusy && log.durable === log.written) {
      if (!this.mayPromise(won.state.epoch)) {
        this.giveUp()
        return undefined
      }
      this.stage = 'promising'
      facts.promise(won.state.epoch)
    }
    if (this.stage !== 'promising' || !this.hasPromised(won.state.epoch)) return undefined
    this.giveUp()
    return won
  }

  /** It has accepted no epoch as high since. */
  mayPromise(epoch: number): boolean {
    return this.context.facts.now.promised < epoch
  }

  hasPromised(epoch: number): boolean {
    return this.context.facts.durable.promised >= epoch
  }
}
