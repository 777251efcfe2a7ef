import type { ClusterStatus, MemberStatus, NewMember } from './cluster-schemas.ts'

/**
 * What the API shows of the cluster and may ask of it, on any of its nodes; a node that is alone has one too
 * (AloneCluster). Changes resolve when they are made, and throw an OperationalError where they cannot be:
 * E_CLUSTER_NONE, E_MEMBER_UNKNOWN, E_MEMBER_EXISTS, E_MEMBER_REFUSED, or one of etcd's.
 */
export interface ClusterFace {
  status(): Promise<ClusterStatus>
  members(): Promise<MemberStatus[]>
  add(member: NewMember): Promise<void>
  changeUrl(name: string, peerUrl: string): Promise<void>
  remove(name: string): Promise<void>
  /** A planned hand-over; resolves when that node leads. */
  lead(name: string): Promise<void>
}
