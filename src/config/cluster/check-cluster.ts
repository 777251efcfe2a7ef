import { formatAddress } from '../address.ts'
import type { Config, Key } from '../keys.ts'
import { etcdUrlsBeside } from './cluster-config.ts'
import { formatUrl, type NodeUrl } from './urls.ts'

/** etcd ends at its start with more. */
const ELECTION_MS_MOST = 50_000
const HEARTBEATS_PER_ELECTION_LEAST = 5
const PORT_MOST = 65_535

/** Keys that mean nothing to a node that is alone, those without a default. */
const ONLY_IN_A_CLUSTER: readonly Key[] = [
  'cluster.initial-cluster',
  'cluster.secret-file',
  'cluster.endpoints',
  'cluster.tls.ca-file',
  'cluster.tls.cert-file',
  'cluster.tls.key-file',
  'cluster.etcd-peer-url',
  'cluster.etcd-client-url',
]
const TLS_KEYS = ONLY_IN_A_CLUSTER.filter((key) => key.startsWith('cluster.tls.'))
const OWN_ETCD_KEYS: readonly Key[] = ['cluster.etcd-peer-url', 'cluster.etcd-client-url']

/** What is wrong between the settings of the cluster. */
export function checkCluster(config: Config): string[] {
  const peerUrl = config['cluster.peer-url']
  if (peerUrl === undefined) return withoutPeerUrl(config)
  return [
    ...missing(config),
    ...initialCluster(config, peerUrl),
    ...times(config),
    ...etcd(config, peerUrl),
  ]
}

function given(config: Config, keys: readonly Key[]): Key[] {
  return keys.filter((key) => config[key] !== undefined)
}

function withoutPeerUrl(config: Config): string[] {
  const keys = given(config, ONLY_IN_A_CLUSTER)
  if (config['cluster.observer']) keys.push('cluster.observer')
  if (keys.length === 0) return []
  return [
    `${keys.join(', ')} ${keys.length === 1 ? 'is' : 'are'} set, but a node is part of a cluster only ` +
      'with cluster.peer-url: set that too, or take these away',
  ]
}

function missing(config: Config): string[] {
  const needed: readonly Key[] = ['cluster.initial-cluster', 'cluster.secret-file']
  const absent = needed.filter((key) => config[key] === undefined)
  return absent.length === 0
    ? []
    : [`a node with cluster.peer-url needs ${absent.join(' and ')} too`]
}

function initialCluster(config: Config, peerUrl: NodeUrl): string[] {
  const nodes = config['cluster.initial-cluster']
  if (nodes === undefined) return []
  const { name } = config
  const own = nodes.find((node) => node.name === name)
  if (own === undefined) {
    // An observer need not be one of those that the cluster began with.
    if (config['cluster.observer']) return []
    const names = nodes.map((node) => node.name).join(', ')
    return [
      `cluster.initial-cluster names ${names}, and not this node: add ${name}=${formatUrl(peerUrl)}, ` +
        `or set name (${name}) to the one that is meant`,
    ]
  }
  if (formatUrl(own.url) === formatUrl(peerUrl)) return []
  return [
    `cluster.initial-cluster gives ${name} the URL ${formatUrl(own.url)}, and cluster.peer-url is ` +
      `${formatUrl(peerUrl)}: both must be the same`,
  ]
}

function times(config: Config): string[] {
  const heartbeat = config['cluster.heartbeat-interval']
  const election = config['cluster.election-timeout']
  const least = heartbeat * HEARTBEATS_PER_ELECTION_LEAST
  if (election < least) {
    return [
      `cluster.election-timeout ${election} ms must be at least ${HEARTBEATS_PER_ELECTION_LEAST} times ` +
        `cluster.heartbeat-interval (${heartbeat} ms): set it to ${least} or more`,
    ]
  }
  if (election <= ELECTION_MS_MOST) return []
  return [
    `cluster.election-timeout ${election} ms is more than etcd takes: at most ${ELECTION_MS_MOST}`,
  ]
}

function etcd(config: Config, peerUrl: NodeUrl): string[] {
  const problems: string[] = []
  const withEndpoints = config['cluster.endpoints'] !== undefined
  const ownKeys = given(config, OWN_ETCD_KEYS)
  if (ownKeys.length > 0 && (withEndpoints || config['cluster.observer'])) {
    const why = withEndpoints ? 'cluster.endpoints names an etcd of yours' : 'an observer has none'
    problems.push(`${ownKeys.join(', ')} would be of an etcd that this node starts, and ${why}`)
  }
  const tlsKeys = given(config, TLS_KEYS)
  if (tlsKeys.length > 0 && !withEndpoints) {
    problems.push(
      `${tlsKeys.join(', ')} would be for cluster.endpoints, which is not set: the certificates of the ` +
        'etcd that this node starts are made from cluster.secret-file',
    )
  }
  if (!withEndpoints && !config['cluster.observer']) problems.push(...ports(config, peerUrl))
  return problems
}

/** The node, and the two of its etcd. */
function ports(config: Config, peerUrl: NodeUrl): string[] {
  const beside = etcdUrlsBeside(peerUrl)
  const own = [
    ['cluster.etcd-peer-url', config['cluster.etcd-peer-url'] ?? beside.etcdPeerUrl],
    ['cluster.etcd-client-url', config['cluster.etcd-client-url'] ?? beside.etcdClientUrl],
  ] as const
  const taken = new Map([[formatAddress(peerUrl), 'cluster.peer-url']])
  return own.flatMap(([key, url]) => {
    const address = formatAddress(url)
    if (url.port > PORT_MOST)
      return [`${key} would be ${address}, and there is no such port: set it`]
    const other = taken.get(address)
    taken.set(address, key)
    return other === undefined ? [] : [`${key} and ${other} are both ${address}: set another port`]
  })
}
