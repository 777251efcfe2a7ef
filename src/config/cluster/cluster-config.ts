import type { Address } from '../address.ts'
import type { Config } from '../keys.ts'
import { type NamedUrl, type NodeUrl } from './urls.ts'

/** How this node reaches etcd. */
export type EtcdConfig =
  /** one of its own, started and supervised by it */
  | {
      readonly kind: 'member'
      /** path, or a name on the PATH */
      readonly binary: string
      readonly peerUrl: NodeUrl
      readonly clientUrl: NodeUrl
    }
  /** the members of the other nodes: this one is an observer */
  | { readonly kind: 'others' }
  /** the user's */
  | {
      readonly kind: 'endpoints'
      readonly endpoints: readonly NodeUrl[]
      /** paths of PEM files */
      readonly caFile: string | undefined
      readonly certFile: string | undefined
      readonly keyFile: string | undefined
    }

export interface ClusterNode extends NamedUrl {
  /** of its etcd member, where it has one: as configured for this node, for the others by the rule */
  readonly etcdPeerUrl: NodeUrl
  readonly etcdClientUrl: NodeUrl
}

export interface ClusterConfig {
  readonly name: string
  readonly peerUrl: NodeUrl
  /** those that are in the cluster from the beginning; an observer may be missing among them */
  readonly initialCluster: readonly ClusterNode[]
  readonly initialClusterState: 'new' | 'existing'
  readonly heartbeatMs: number
  readonly electionMs: number
  readonly leaseTtlSeconds: number
  readonly observer: boolean
  readonly etcd: EtcdConfig
}

/** The member of etcd beside a node takes the two ports behind the node's. */
const ETCD_PEER_PORT = 1
const ETCD_CLIENT_PORT = 2

/** What the settings say of the cluster; undefined for a node that is alone. */
export function clusterConfig(config: Config): ClusterConfig | undefined {
  const peerUrl = config['cluster.peer-url']
  if (peerUrl === undefined) return undefined
  const own = etcdUrls(config, peerUrl)
  return {
    name: config.name,
    peerUrl,
    initialCluster: (config['cluster.initial-cluster'] ?? []).map((node) => ({
      ...node,
      ...(node.name === config.name ? own : etcdUrlsBeside(node.url)),
    })),
    initialClusterState: config['cluster.initial-cluster-state'],
    heartbeatMs: config['cluster.heartbeat-interval'],
    electionMs: config['cluster.election-timeout'],
    leaseTtlSeconds: config['cluster.lease-ttl'] / 1000,
    observer: config['cluster.observer'],
    etcd: etcdConfig(config, own),
  }
}

type EtcdUrls = Pick<ClusterNode, 'etcdPeerUrl' | 'etcdClientUrl'>

export function etcdUrlsBeside({ host, port }: Address): EtcdUrls {
  return {
    etcdPeerUrl: { secure: true, host, port: port + ETCD_PEER_PORT },
    etcdClientUrl: { secure: true, host, port: port + ETCD_CLIENT_PORT },
  }
}

function etcdUrls(config: Config, peerUrl: NodeUrl): EtcdUrls {
  const { etcdPeerUrl, etcdClientUrl } = etcdUrlsBeside(peerUrl)
  return {
    etcdPeerUrl: config['cluster.etcd-peer-url'] ?? etcdPeerUrl,
    etcdClientUrl: config['cluster.etcd-client-url'] ?? etcdClientUrl,
  }
}

function etcdConfig(config: Config, own: EtcdUrls): EtcdConfig {
  const endpoints = config['cluster.endpoints']
  if (endpoints !== undefined) {
    return {
      kind: 'endpoints',
      endpoints,
      caFile: config['cluster.tls.ca-file'],
      certFile: config['cluster.tls.cert-file'],
      keyFile: config['cluster.tls.key-file'],
    }
  }
  if (config['cluster.observer']) return { kind: 'others' }
  return {
    kind: 'member',
    binary: config['cluster.etcd-binary'],
    peerUrl: own.etcdPeerUrl,
    clientUrl: own.etcdClientUrl,
  }
}
