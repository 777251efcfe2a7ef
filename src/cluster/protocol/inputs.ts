/*
  Everything that can happen to a node. The node around the protocol gives these to ProtocolNode.step one by one
  and carries out the decisions that come back before the next.
*/

import type { DurableFacts } from './log/durable-facts.ts'
import type { Base, Lineage } from './log/lineage.ts'
import type { Piece, Tail } from './log/record-header.ts'
import type { Message } from './messages.ts'
import type { ClusterState, Member } from './state/cluster-state.ts'

/** A stream's name at this node; never used twice by one process. */
export type StreamId = number

/** What became of a compare-and-swap. */
export type WriteOutcome =
  | { readonly kind: 'applied'; readonly revision: number }
  /** the comparison failed */
  | { readonly kind: 'refused' }
  /** no answer: it may have been applied, and may yet be */
  | { readonly kind: 'unknown' }

/** What the operator asks of the leader (rule 12). */
export type Wish =
  | { readonly kind: 'add'; readonly member: Member }
  | { readonly kind: 'remove'; readonly member: Member }

export type Input =
  /** time goes on, in steps of equal length */
  | { readonly kind: 'tick' }

  // streams
  /** a stream to the node that leads, as `leaderToFollow` names it, is open */
  | { readonly kind: 'stream-opened'; readonly stream: StreamId }
  | { readonly kind: 'stream-closed'; readonly stream: StreamId }
  | { readonly kind: 'message'; readonly stream: StreamId; readonly message: Message }

  // the disk's answers
  /** every record up to here is on the disk */
  | { readonly kind: 'durable'; readonly sequence: number }
  /** the log ends where `truncate` said; of what is left, no more is synced than before */
  | { readonly kind: 'truncated'; readonly to: number; readonly tail: Tail }
  /** the log is empty and begins at what `start-over` said, durably */
  | {
      readonly kind: 'started-over'
      readonly base: Base
      readonly lineage: Lineage
    }
  | { readonly kind: 'remembered'; readonly facts: DurableFacts }
  /** the bytes of a cut or purge are gone, durably */
  | {
      readonly kind: 'removed'
      readonly sequence: number
      /** the running digest at the floor of a purge, and how the file ends there */
      readonly digest: string
      readonly tail: Tail
    }
  | {
      readonly kind: 'digest-read'
      readonly stream: StreamId
      readonly sequence: number
      readonly digest: string
    }
  /** a write or sync failed, or a record is not what its digest says: nothing is reported any more (rule 6) */
  | { readonly kind: 'disk-failed' }

  // etcd's answers
  | { readonly kind: 'state-written'; readonly id: number; readonly outcome: WriteOutcome }
  /** a linearizable read that began after `read-state` asked for it; no state when the key is absent */
  | {
      readonly kind: 'state-read'
      readonly id: number
      readonly revision: number
      readonly state: ClusterState | undefined
    }
  /** what a watch or any other read showed; may be old */
  | { readonly kind: 'state-seen'; readonly revision: number; readonly state: ClusterState }

  // leading
  /** the leader seems to be gone; who waits first is for the caller to decide (rule 2) */
  | {
      readonly kind: 'leader-lost'
      readonly delayTicks: number
      readonly gone: readonly Member[]
    }
  | { readonly kind: 'wish'; readonly wish: Wish }
  | { readonly kind: 'hand-over'; readonly to: Member }

  // the source and the log's contents; of interest to a leader only
  | { readonly kind: 'link-opened' }
  | { readonly kind: 'link-broke' }
  | { readonly kind: 'ingest'; readonly piece: Piece }
  | { readonly kind: 'purge'; readonly floor: number }
