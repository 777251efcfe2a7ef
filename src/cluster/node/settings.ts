import type { EtcdTls } from '../etcd/index.ts'

/** One of the first nodes, and where it is. */
export interface FirstNode {
  readonly name: string
  readonly peerUrl: URL
  /** of its member of etcd */
  readonly etcdPeerUrl: URL
  readonly etcdClientUrl: URL
}

/** How a node reaches etcd. */
export type EtcdSettings =
  /** by a member that it runs: path of the program, or its name on the PATH */
  | {
      readonly kind: 'own'
      readonly binary: string
      readonly peerUrl: URL
      readonly clientUrl: URL
    }
  /** by the members of the other nodes */
  | { readonly kind: 'others' }
  /** the operator's; `host:port` each */
  | { readonly kind: 'given'; readonly endpoints: readonly string[]; readonly tls: EtcdTls }

/** What the operator says of a cluster to one of its nodes. */
export interface ClusterSettings {
  readonly name: string
  /** where the other nodes find this one */
  readonly peerUrl: URL
  readonly initialCluster: readonly FirstNode[]
  readonly initialClusterState: 'new' | 'existing'
  /** of etcd; a tick of the protocol is as long */
  readonly heartbeatMs: number
  /** of etcd; a node that does not keep up for so long does not count any more */
  readonly electionMs: number
  readonly leaseTtlSeconds: number
  readonly isObserver: boolean
  readonly etcd: EtcdSettings
}
