import type { Decision } from './decisions.ts'
import type { Facts } from './log/facts.ts'
import type { LogState } from './log/log-state.ts'
import type { LeaderName } from './state/cluster-state.ts'
import type { Register } from './state/register.ts'

/** Bounds of waiting, in ticks. None of them matters for safety. */
export interface Limits {
  /** a read of etcd without an answer is asked again */
  readonly readTicks: number
  /** an in-sync node that does not keep up for so long is removed (rule 9) */
  readonly silentTicks: number
  /**
   * A leader that has work and cannot commit for so long resigns (rule 2), and gives up handing over. More than
   * `silentTicks`: before that it may still shrink.
   */
  readonly stuckTicks: number
  /** what is only a hint is written down so often (rule 10) */
  readonly rememberTicks: number
  /** who resigned does not stand again for so long */
  readonly standDownTicks: number
}

/** What the parts of a node share. */
export interface Context {
  readonly self: LeaderName
  readonly limits: Limits
  readonly log: LogState
  readonly facts: Facts
  readonly register: Register
  readonly decide: (decision: Decision) => void
}
