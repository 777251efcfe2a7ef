/*
  The part of a node that only a cluster has: what the settings say becomes a ClusterNode.
*/
import {
  Authority,
  ClusterNode,
  ClusterSecret,
  type ClusterSettings,
  readHeld,
} from '../../cluster/index.ts'
import { type ClusterConfig, clusterConfig, formatUrl, type NodeUrl } from '../../config/index.ts'
import { present } from '../../lib/index.ts'
import { type Disk, systemProcesses } from '../../platform/index.ts'
import { type DataDir, ReplicatedLog, type StoreOptions } from '../../store/index.ts'
import type { NodeOptions } from '../node-options.ts'
import { readPem } from '../serve-material.ts'

export interface ClusterParts {
  readonly options: NodeOptions
  readonly dataDir: DataDir
  readonly log: ReplicatedLog
  /** where people and replicas find this node */
  readonly places: () => { readonly address: string | null; readonly adminUrl: string | null }
}

/** The log of a node, which must have what it had. @throws OperationalError E_STORE_DAMAGED, E_STORE_FORMAT */
export async function openLog(
  { path }: DataDir,
  storeOptions: StoreOptions,
): Promise<ReplicatedLog> {
  const heldAtLeast = await readHeld(storeOptions.disk, `${path}/cluster.json`)
  return await ReplicatedLog.open({ ...storeOptions, heldAtLeast })
}

/** @throws OperationalError E_CLUSTER_SECRET and what else keeps it from starting */
export async function buildCluster({
  options,
  dataDir: { path, identity },
  log,
  places,
}: ClusterParts): Promise<ClusterNode> {
  const { disk, clock, random, logger, version, secrets, onBug } = options
  const secret = await ClusterSecret.from(present(secrets.clusterSecret, 'the cluster secret'))
  return await ClusterNode.open({
    settings: await settingsOf(present(clusterConfig(options.config), 'a cluster'), disk),
    secret,
    authority: await Authority.from(secret),
    log,
    folder: path,
    storeId: identity.storeId,
    version,
    disk,
    processes: systemProcesses,
    clock,
    random,
    logger,
    onBug,
    places,
  })
}

async function settingsOf(config: ClusterConfig, disk: Disk): Promise<ClusterSettings> {
  const { name, peerUrl, initialCluster, initialClusterState } = config
  const { heartbeatMs, electionMs, leaseTtlSeconds, observer } = config
  return {
    name,
    peerUrl: urlOf(peerUrl),
    initialCluster: initialCluster.map((node) => ({
      name: node.name,
      peerUrl: urlOf(node.url),
      etcdPeerUrl: urlOf(node.etcdPeerUrl),
      etcdClientUrl: urlOf(node.etcdClientUrl),
    })),
    initialClusterState,
    heartbeatMs,
    electionMs,
    leaseTtlSeconds,
    isObserver: observer,
    etcd: await etcdOf(config, disk),
  }
}

async function etcdOf({ etcd }: ClusterConfig, disk: Disk): Promise<ClusterSettings['etcd']> {
  if (etcd.kind === 'others') return etcd
  if (etcd.kind === 'member') {
    const { binary, peerUrl, clientUrl } = etcd
    return { kind: 'own', binary, peerUrl: urlOf(peerUrl), clientUrl: urlOf(clientUrl) }
  }
  const pem = async (path: string | undefined, key: string): Promise<string> =>
    await readPem(disk, present(path, key), key)
  return {
    kind: 'given',
    endpoints: etcd.endpoints.map((url) => urlOf(url).host),
    tls: {
      authority: await pem(etcd.caFile, 'cluster.tls.ca-file'),
      certificate: await pem(etcd.certFile, 'cluster.tls.cert-file'),
      key: await pem(etcd.keyFile, 'cluster.tls.key-file'),
    },
  }
}

function urlOf(url: NodeUrl): URL {
  return new URL(formatUrl(url))
}
