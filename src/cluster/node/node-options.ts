import type { Logger } from '../../lib/index.ts'
import type { Clock, Disk, Processes, Random } from '../../platform/index.ts'
import type { ReplicatedLog } from '../../store/index.ts'
import type { Authority } from '../authority.ts'
import type { ClusterSecret } from '../cluster-secret.ts'
import type { ClusterSettings } from './settings.ts'

/** What a node of a cluster is made of. */
export interface ClusterNodeOptions {
  readonly settings: ClusterSettings
  readonly secret: ClusterSecret
  readonly authority: Authority
  readonly log: ReplicatedLog
  /** the data directory */
  readonly folder: string
  /** the id of its store */
  readonly storeId: string
  /** of Kingbus */
  readonly version: string
  readonly disk: Disk
  readonly processes: Processes
  readonly clock: Clock
  readonly random: Random
  readonly logger: Logger
  readonly onBug: (bug: unknown) => void
  /** where people and replicas find this node */
  readonly places: () => { readonly address: string | null; readonly adminUrl: string | null }
}
