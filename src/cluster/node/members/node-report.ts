/*
  What nodes tell each other about themselves, over calls of the peer link, and what is made of it for people.
*/
import { z } from 'zod'
import { fileAlarm } from '../../../store/index.ts'

const position = z.object({ file: z.string(), position: z.number() }).nullable()

export const nodeReport = z.object({
  name: z.string(),
  /** the cluster that it belongs to; null before it was in one */
  cluster: z.string().nullable(),
  store: z.string(),
  epoch: z.number(),
  isLeading: z.boolean(),
  end: z.number(),
  visible: position,
  /** where replicas connect; null while it does not serve */
  address: z.string().nullable(),
  adminUrl: z.string().nullable(),
  trouble: z.string().nullable(),
  alarms: z.array(fileAlarm),
})

export type NodeReport = z.infer<typeof nodeReport>

export interface ClusterReport {
  readonly name: string
  /** the node's name; undefined when there is none */
  readonly leader: string | undefined
  readonly epoch: number
  readonly committed: { readonly sequence: number; readonly position: NodeReport['visible'] }
  readonly nodes: readonly ReportedNode[]
}

export interface ReportedNode {
  readonly name: string
  readonly role: 'leader' | 'in-sync' | 'catching-up' | 'observer' | 'away'
  readonly peerUrl: string
  readonly isObserver: boolean
  /** undefined when it does not answer */
  readonly report: NodeReport | undefined
}
