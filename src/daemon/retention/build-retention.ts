import type { RetentionWish } from '../../desired/index.ts'
import type { Journal } from '../../journal/index.ts'
import type { Logger, Watched } from '../../lib/index.ts'
import type { Clock, Disk } from '../../platform/index.ts'
import type { BinlogStore } from '../../store/index.ts'
import { AllNeeds } from './all-needs.ts'
import type { ClusterPeers } from './cluster-peers.ts'
import { type ClientsOfNode, OwnNeeds } from './node-needs.ts'
import { PurgeDesk } from './purge-desk.ts'
import { ReplicaDesk } from './replica-desk.ts'
import { ReplicaKeeper } from './replica-keeper.ts'
import { FileReplicaMemory, type ReplicaMemory } from './replica-memory.ts'
import { Retention } from './retention.ts'

export interface RetentionOptions {
  /** of the node */
  readonly name: string
  /** the data directory */
  readonly folder: string
  readonly disk: Disk
  readonly store: BinlogStore
  readonly journal: Pick<Journal, 'purge' | 'failed'>
  readonly server: ClientsOfNode
  /** what the operator wants now */
  readonly wish: () => RetentionWish
  /** `disk.min-free`, in bytes */
  readonly minFree: number
  /** made anew at each start */
  readonly process: string
  /** the others of a cluster, and what it remembers of replicas; undefined on a node that is alone */
  readonly cluster:
    | { readonly node: ClusterPeers; readonly replicaMemory: ReplicaMemory }
    | undefined
  /** whether this node decides which files go */
  readonly leads: Watched<boolean>
  readonly clock: Clock
  readonly logger: Logger
  /** how often replicas are looked at, and files that are to go */
  readonly looks: { readonly replicasMs: number; readonly filesMs: number }
}

/** Which files go, and for whom they stay. */
export interface RetentionParts {
  readonly keeper: ReplicaKeeper
  readonly purgeDesk: PurgeDesk
  readonly replicaDesk: ReplicaDesk
  readonly retention: Retention
}

/** Beside the binlogs. */
const replicasFile = (dataDir: string): string => `${dataDir}/replicas.json`

export function buildRetention(options: RetentionOptions): RetentionParts {
  const { name, folder, disk, cluster, wish, clock, looks } = options
  const logger = options.logger.child({ part: 'retention' })
  const node = cluster?.node
  const needs = new AllNeeds({ name, own: new OwnNeeds(options), node, logger })
  const memory = cluster?.replicaMemory ?? new FileReplicaMemory(disk, replicasFile(folder))
  const keepMs = () => wish().keepForAbsentReplicasMs
  const lookMs = looks.replicasMs
  const keeper = new ReplicaKeeper({ ...options, needs, memory, keepMs, lookMs, logger })
  const desk = new PurgeDesk({ ...options, node, needs, keeper, logger })
  return {
    keeper,
    purgeDesk: desk,
    replicaDesk: new ReplicaDesk({ node, keeper, keepMs, clock }),
    retention: new Retention({ ...options, keeper, desk, logger, lookMs: looks.filesMs }),
  }
}
