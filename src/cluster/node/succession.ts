import type { AliveLeader } from '../etcd/index.ts'
import { isMember, keyOf, type LeaderName, type Member } from '../protocol/state/cluster-state.ts'
import type { Driver } from './driver.ts'

export interface SuccessionOptions {
  readonly driver: Driver
  /** what etcd shows of the leader's life: undefined when nobody leads, or its lease ran out */
  readonly alive: () => AliveLeader | undefined
  /** the last attempt to reach this process failed */
  readonly hasMissed: (leader: LeaderName) => boolean
}

/** A candidate waits so many ticks for each one before it. */
const TICKS_EACH = 3

/**
 * Tells the protocol when the leader seems to be gone (rule 2): its lease has run out, or its link has closed and
 * nobody answers at its address. A wrong guess costs time and nothing else, so it guesses early; of those who may
 * take over one goes first.
 */
export class Succession {
  readonly #options: SuccessionOptions
  /** ticks since the sign of life was missed first */
  #missingTicks = 0

  constructor(options: SuccessionOptions) {
    this.#options = options
  }

  tick(): void {
    const leader = this.#leader
    const isAlive = leader === undefined || this.#showsLife(leader)
    this.#missingTicks = isAlive ? 0 : this.#missingTicks + 1
    this.consider()
  }

  /** Called too when an attempt to reach the leader has failed. */
  consider(): void {
    const { driver } = this.#options
    const { candidate, leader: own, context } = driver.node
    const { state } = context.register
    if (own !== undefined || candidate.stage !== 'idle' || state === undefined) return
    if (!isMember(context.self, state.inSync) || !this.#isLost()) return
    const lost = this.#leader
    const gone: Member[] = lost !== undefined && this.#options.hasMissed(lost) ? [lost] : []
    const others = state.inSync.filter(
      (member) => lost === undefined || keyOf(member) !== keyOf(lost),
    )
    const rank = others.findIndex((member) => keyOf(member) === keyOf(context.self))
    driver.give({ kind: 'leader-lost', delayTicks: Math.max(0, rank) * TICKS_EACH, gone })
  }

  get #leader(): LeaderName | undefined {
    return this.#options.driver.node.context.register.state?.leader
  }

  #isLost(): boolean {
    const leader = this.#leader
    const { self } = this.#options.driver.node.context
    if (leader === undefined) return true
    // This very store led in a life before this one.
    if (keyOf(leader) === keyOf(self)) return true
    if (this.#options.driver.node.follower.stream !== undefined) return false
    return this.#options.hasMissed(leader) || this.#missingTicks > 1
  }

  #showsLife({ node, incarnation }: LeaderName): boolean {
    const alive = this.#options.alive()
    return alive?.node === node && alive.incarnation === incarnation
  }
}
