import type { StreamId } from './inputs.ts'
import type { Point } from './log/lineage.ts'
import type { Member } from './state/cluster-state.ts'

/** What the leader knows of one node that follows it. All of it dies with the stream (rule 6). */
export interface Peer {
  readonly member: Member
  readonly stream: StreamId
  /** waits for the digest there; records are sent when it is undefined */
  point: Point | undefined
  /** the end that it reported in this epoch; undefined before the first report */
  end: number | undefined
  /** the last of the leader's questions that it answered (rule 15) */
  round: number
}
