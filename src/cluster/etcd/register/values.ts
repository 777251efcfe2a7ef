/*
  What the keys of a channel hold, as JSON. The state itself is the protocol's (protocol/state/cluster-state.ts);
  here is what its text must be.
*/
import { z } from 'zod'
import type { ClusterState, LeaderName } from '../../protocol/state/cluster-state.ts'

const count = z.int().nonnegative()
const member = z.strictObject({ node: z.string().min(1), store: z.string().min(1) })

const clusterState = z.strictObject({
  cluster: z.string().min(1),
  version: count,
  epoch: count,
  leader: member.extend({ incarnation: count }).optional(),
  voters: z.array(member).min(1),
  inSync: z.array(member).min(1),
})

export function parseClusterState(content: unknown): ClusterState {
  const { leader, ...rest } = clusterState.parse(content)
  return { ...rest, leader }
}

/** Whose life `alive/leader` tells of. */
export type AliveLeader = Pick<LeaderName, 'node' | 'incarnation'>

const aliveLeader = z.strictObject({ node: z.string().min(1), incarnation: count })

export function parseAliveLeader(content: unknown): AliveLeader {
  return aliveLeader.parse(content)
}

const storeToken = z.strictObject({ token: z.string().min(1) })

/** What `stores/ID` has: the token of the last start of a process with that store (rule 13). */
export interface StoreToken {
  readonly token: string
}

export function parseStoreToken(content: unknown): StoreToken {
  return storeToken.parse(content)
}

const nodeRecord = z.looseObject({
  store: z.string().min(1),
  incarnation: count,
  version: z.string(),
  peerUrl: z.string(),
  etcdMember: z.string().optional(),
})

/**
 * What a node says of itself while it lives. All but who it is are hints; a newer version may say
 * more, which this one passes on.
 */
export interface NodeRecord {
  readonly store: string
  readonly incarnation: number
  /** of Kingbus */
  readonly version: string
  readonly peerUrl: string
  /** id of its etcd member, if it has one */
  readonly etcdMember?: string | undefined
  readonly [hint: string]: unknown
}

export function parseNodeRecord(content: unknown): NodeRecord {
  return nodeRecord.parse(content)
}

const memberRecord = z.strictObject({
  peerUrl: z.string().min(1),
  etcdPeerUrl: z.string().optional(),
  isObserver: z.boolean(),
})

/** A node that the operator wants in the cluster. */
export interface MemberRecord {
  /** where the others find it */
  readonly peerUrl: string
  /** of its member of etcd; undefined where it has none */
  readonly etcdPeerUrl?: string | undefined
  /** it follows and never counts */
  readonly isObserver: boolean
}

export function parseMemberRecord(content: unknown): MemberRecord {
  return memberRecord.parse(content)
}
