/*
  What leader and follower say to each other. A stream has one follower and one leader, each one process;
  messages on it keep their order and end with it.
*/

import type { Base, Lineage, Point } from './log/lineage.ts'
import type { RecordHeader } from './log/record-header.ts'
import type { Member } from './state/cluster-state.ts'

/** What the leader lets its followers know with whatever it sends. */
export interface News {
  readonly committed: number
  /** (epoch, version) of the state by which it leads (rule 11) */
  readonly version: number
  /** the leader's question; the follower's next report answers it (rule 15) */
  readonly round: number
}

/** Follower to leader: the first message of a stream (rule 5). */
export interface Join {
  readonly kind: 'join'
  /** undefined in a store that has never been in a cluster */
  readonly cluster: string | undefined
  readonly member: Member
  readonly incarnation: number
  readonly promised: number
  readonly lineage: Lineage
}

/** Leader to follower: what both logs share; records follow from there. */
export interface Shared extends News {
  readonly kind: 'shared'
  readonly cluster: string
  readonly epoch: number
  readonly point: Point
  /** the running digest of the leader's log at `point` */
  readonly digest: string
}

/** Leader to follower: what both logs share has been purged here; the follower's log begins anew at `base`. */
export interface StartOver extends News {
  readonly kind: 'start-over'
  readonly cluster: string
  readonly epoch: number
  readonly base: Base
  /** up to `base` */
  readonly lineage: Lineage
}

/**
 * Leader to follower: the next records, with their bytes beside them. Nothing follows a cut in the same message,
 * so that its bytes can be taken away before the next one is stored.
 */
export interface Records extends News {
  readonly kind: 'records'
  readonly headers: readonly RecordHeader[]
}

/** Leader to follower: only news. */
export interface Known extends News {
  readonly kind: 'known'
}

/** Follower to leader: up to here its log is durable (rule 6). */
export interface Report {
  readonly kind: 'report'
  readonly end: number
  readonly round: number
}

/** Leader to follower: it asks this in-sync node to lead. */
export interface HandOver {
  readonly kind: 'hand-over'
}

/** To a follower that joined a node which does not lead, or not by the follower's cluster. */
export interface Refusal {
  readonly kind: 'refusal'
  readonly why: 'not-leader' | 'other-cluster'
}

export type Message = Join | Shared | StartOver | Records | Known | Report | HandOver | Refusal
