/*
  What the node around the protocol has to do, in this order. Disk work of one node is carried out in the order in
  which it was decided. What a crash interrupts is decided again by the next process.
*/

import type { StreamId } from './inputs.ts'
import type { DurableFacts } from './log/durable-facts.ts'
import type { Base, Lineage } from './log/lineage.ts'
import type { RecordHeader, Removal } from './log/record-header.ts'
import type { Message } from './messages.ts'
import type { ClusterState } from './state/cluster-state.ts'

export type Alarm =
  /** the digest at the shared point differs: damage, or a foreign store (rule 5) */
  | 'digest-differs'
  /** etcd was lost or restored, or belongs to another cluster (rule 11) */
  | 'register-went-back'
  | 'disk-failed'

export type Decision =
  // streams
  | { readonly kind: 'send'; readonly stream: StreamId; readonly message: Message }
  | { readonly kind: 'close'; readonly stream: StreamId }
  /** send the log's records from this sequence on, as they come, on this stream */
  | { readonly kind: 'feed'; readonly stream: StreamId; readonly from: number }

  // the disk
  /** write these behind the log and sync; answered by `durable` */
  | { readonly kind: 'append'; readonly headers: readonly RecordHeader[] }
  /** take away every record behind this one, newest first; answered by `truncated` */
  | { readonly kind: 'truncate'; readonly to: number }
  | {
      readonly kind: 'start-over'
      readonly base: Base
      readonly lineage: Lineage
    }
  | { readonly kind: 'remember'; readonly facts: DurableFacts }
  /** take the bytes away that a committed cut or purge gives up; answered by `removed` */
  | { readonly kind: 'remove'; readonly removal: Removal }
  | { readonly kind: 'read-digest'; readonly stream: StreamId; readonly sequence: number }

  // etcd
  /** write this value if the key has this revision still; answered by `state-written` */
  | {
      readonly kind: 'write-state'
      readonly id: number
      readonly compare: number
      readonly state: ClusterState
    }
  /** a linearizable read; answered by `state-read` */
  | { readonly kind: 'read-state'; readonly id: number }

  // what has become true
  /** it leads this epoch now, or none */
  | { readonly kind: 'leads'; readonly epoch: number | undefined }
  /** gives up the lease of the leader, so that others take over */
  | { readonly kind: 'resign' }
  | { readonly kind: 'committed'; readonly sequence: number }
  /** what lies outside transactions up to here may be shown (rule 10) */
  | { readonly kind: 'visible'; readonly sequence: number }
  /** what lies outside transactions up to here may be acknowledged to the source (rule 15) */
  | { readonly kind: 'acknowledge'; readonly sequence: number }
  /** whether a connection to the source may be made or kept (rule 15) */
  | { readonly kind: 'link'; readonly isAllowed: boolean }
  /** the node works no more until somebody acts */
  | { readonly kind: 'stopped'; readonly alarm: Alarm }
