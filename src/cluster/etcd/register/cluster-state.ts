import { z } from 'zod'

const count = z.int().nonnegative()
const storeOf = z.strictObject({ node: z.string().min(1), store: z.string().min(1) })

const clusterState = z.strictObject({
  cluster: z.string().min(1),
  version: count,
  epoch: count,
  leader: storeOf.extend({ incarnation: count }),
  voters: z.array(storeOf).min(1),
  inSync: z.array(storeOf).min(1),
})

/** A node with the store that counts: a wiped node has another store and is not that voter. */
export type NodeStore = Readonly<z.infer<typeof storeOf>>

/** The one value on which the safety of the cluster rests. */
export interface ClusterState {
  /** id of the cluster, made with it */
  readonly cluster: string
  /** one more with every write */
  readonly version: number
  /** one more with every take-over */
  readonly epoch: number
  readonly leader: NodeStore & { readonly incarnation: number }
  readonly voters: readonly NodeStore[]
  readonly inSync: readonly NodeStore[]
}

export function parseClusterState(content: unknown): ClusterState {
  return clusterState.parse(content)
}

/** Whose life `alive/leader` tells of. */
export interface AliveLeader {
  readonly node: string
  readonly incarnation: number
}

const aliveLeader = z.strictObject({ node: z.string().min(1), incarnation: count })

export function parseAliveLeader(content: unknown): AliveLeader {
  return aliveLeader.parse(content)
}

const storeRecord = z.strictObject({ incarnation: count })

/** What `stores/ID` has: the last incarnation that a process began with that store. */
export interface StoreRecord {
  readonly incarnation: number
}

export function parseStoreRecord(content: unknown): StoreRecord {
  return storeRecord.parse(content)
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
