/*
  What makes records durable and shows them: the store of a node that is alone, or the log of a cluster's node. The
  rest of the node does not know which.
*/

import type { ClusterNode } from '../cluster/index.ts'
import { type Address, clusterConfig, formatAddress } from '../config/index.ts'
import { type Journal, LocalJournal } from '../journal/index.ts'
import { Watch, type Watched } from '../lib/index.ts'
import { type BinlogStore, type DataDir, ReplicatedLog, Store } from '../store/index.ts'
import { buildCluster } from './cluster/build-cluster.ts'
import type { NodeOptions } from './node-options.ts'

export interface Engine {
  readonly store: BinlogStore
  readonly journal: Journal
  /** whether this node is the one to read the source, and to purge */
  readonly leads: Watched<boolean>
  readonly cluster: ClusterNode | undefined
}

/** @throws OperationalError: the store, the settings of the cluster */
export async function openEngine(
  options: NodeOptions,
  dataDir: DataDir,
  listening: { readonly address: Address | undefined },
): Promise<Engine> {
  const config = clusterConfig(options.config)
  const { disk, logger } = options
  const where = { disk, folder: dataDir.binlogs, storeId: dataDir.identity.storeId }
  const storeOptions = { ...where, logger: logger.child({ part: 'store' }) }
  if (config === undefined) {
    const store = await Store.open(storeOptions)
    const journal = new LocalJournal(store)
    return { store, journal, leads: new Watch(true), cluster: undefined }
  }
  const log = await ReplicatedLog.open(storeOptions)
  const places = () => ({
    address: listening.address === undefined ? null : formatAddress(listening.address),
    adminUrl: adminUrlOf(options),
  })
  const cluster = await buildCluster({ options, config, dataDir, log, places })
  return { store: log, journal: cluster.journal, leads: cluster.leads, cluster }
}

function adminUrlOf({ config }: NodeOptions): string {
  const scheme = config['admin.cert-file'] === undefined ? 'http' : 'https'
  return `${scheme}://${formatAddress(config['admin.listen'])}`
}
