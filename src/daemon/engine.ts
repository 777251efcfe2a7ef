/*
  What makes records durable and shows them, and where the node finds what the operator wants: the store of a node
  that is alone, with files beside it, or the log of a cluster's node, with etcd. The rest of the node does not know
  which.
*/
import type { ClusterNode } from '../cluster/index.ts'
import { type Address, clusterConfig, formatAddress, readUsersFile } from '../config/index.ts'
import { type Desired, type DesiredState, FileDesired, firstDesired } from '../desired/index.ts'
import { type Journal, LocalJournal } from '../journal/index.ts'
import { Watch, type Watched } from '../lib/index.ts'
import { type BinlogStore, type DataDir, Store } from '../store/index.ts'
import type { ClusterWishes } from './cluster/cluster-wishes.ts'
import type { NodeOptions } from './node-options.ts'
import { ClusterUsers, FileUsers, type NodeUsers } from './node-users.ts'
import type { ReplicaMemory } from './retention/replica-memory.ts'

export interface Engine {
  readonly store: BinlogStore
  readonly journal: Journal
  /** whether this node is the one to read the source, and to purge */
  readonly leads: Watched<boolean>
  /** what the configuration wants; `desired` is what holds */
  readonly configured: Desired
  readonly desired: DesiredState
  readonly users: NodeUsers
  /** of a node that is alone: the same journal, to be read anew when it has failed */
  readonly local: LocalJournal | undefined
  /** undefined on a node that is alone */
  readonly cluster: ClusterParts | undefined
}

interface ClusterParts {
  readonly node: ClusterNode
  readonly wishes: ClusterWishes
  readonly replicaMemory: ReplicaMemory
}

/** @throws OperationalError: the store, the users file, the settings of the cluster */
export async function openEngine(
  options: NodeOptions,
  dataDir: DataDir,
  listening: { readonly address: Address | undefined },
): Promise<Engine> {
  const { disk, logger } = options
  const where = { disk, folder: dataDir.binlogs, storeId: dataDir.identity.storeId }
  const storeOptions = { ...where, logger: logger.child({ part: 'store' }) }
  return clusterConfig(options.config) === undefined
    ? await openAlone(options, dataDir, storeOptions)
    : await openInCluster(options, dataDir, { storeOptions, listening })
}

type StoreOptions = Parameters<typeof Store.open>[0]

async function openAlone(
  options: NodeOptions,
  dataDir: DataDir,
  storeOptions: StoreOptions,
): Promise<Engine> {
  const { disk, random, logger } = options
  const users = await FileUsers.open(
    { disk, path: usersFile(options, dataDir), log: logger },
    random,
  )
  const store = await Store.open(storeOptions)
  const configured = configuredBy(options, dataDir, undefined)
  const desired = await FileDesired.open({
    disk,
    path: desiredFile(dataDir.path),
    first: configured,
  })
  const journal = new LocalJournal(store)
  const alone = { leads: new Watch(true), local: journal, cluster: undefined }
  return { store, journal, configured, desired, users, ...alone }
}

async function openInCluster(
  options: NodeOptions,
  dataDir: DataDir,
  {
    storeOptions,
    listening,
  }: {
    readonly storeOptions: StoreOptions
    readonly listening: { readonly address: Address | undefined }
  },
): Promise<Engine> {
  // Loaded here, so that a node that is alone has neither etcd's client nor the rest in its memory.
  const { buildCluster, openLog } = await import('./cluster/build-cluster.ts')
  const { ClusterWishes: Wishes } = await import('./cluster/cluster-wishes.ts')
  const { EtcdReplicaMemory: Memory } = await import('./cluster/etcd-replica-memory.ts')
  const { disk, random } = options
  const entries = await readUsersFile(disk, usersFile(options, dataDir))
  const configured = configuredBy(options, dataDir, entries)
  const log = await openLog(dataDir, storeOptions)
  const places = () => ({
    address: listening.address === undefined ? null : formatAddress(listening.address),
    adminUrl: adminUrlOf(options),
  })
  const node = await buildCluster({ options, dataDir, log, places })
  const wishes = new Wishes({ ...options, node, first: configured })
  const { desired, leads } = wishes
  const users = new ClusterUsers(desired, random)
  const cluster = { node, wishes, replicaMemory: new Memory(node.register) }
  const journals = { journal: node.journal, local: undefined }
  return { store: log, ...journals, leads, configured, desired, users, cluster }
}

/** Beside the binlogs; docs/reference/config.md tells people of it. */
export const desiredFile = (dataDir: string): string => `${dataDir}/desired.json`

function usersFile({ config }: NodeOptions, { path }: DataDir): string {
  return config['serve.users-file'] ?? `${path}/users.yaml`
}

function configuredBy(
  { config, secrets }: NodeOptions,
  { identity }: DataDir,
  users: Desired['users'],
): Desired {
  const self = { serverId: identity.sourceReplicaServerId, uuid: identity.sourceReplicaUuid }
  return firstDesired({ config, secrets, self, users })
}

function adminUrlOf({ config }: NodeOptions): string {
  const scheme = config['admin.cert-file'] === undefined ? 'http' : 'https'
  return `${scheme}://${formatAddress(config['admin.listen'])}`
}
