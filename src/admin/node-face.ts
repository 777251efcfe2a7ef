import type { Address } from '../config/index.ts'
import type { ClusterFace } from './cluster-face.ts'
import type { PurgeRequest, PurgeResult } from './purge-schemas.ts'
import type { RepairStatus, RepairWish } from './repair-schemas.ts'
import type {
  AbsentReplica,
  FileStatus,
  ReplicaStatus,
  SourceChange,
  SourceStatus,
  Status,
} from './schemas.ts'
import type { NewUser, RetentionChange, RetentionStatus, UserStatus } from './settings-schemas.ts'
import type { SwitchRequest, SwitchResult } from './switch-schemas.ts'

/** Where replicas are to connect, and as whom. */
export interface ServingWish {
  readonly address: Address
  readonly user: string
  readonly password: string
}

export interface ServingStatus {
  /** where replicas connect, or would if they could; undefined before anything listened */
  readonly address: Address | undefined
  readonly isOpen: boolean
  /** the user that was given last with a start; undefined before */
  readonly user: string | undefined
}

/** What the API shows of a node and may ask of it; `daemon/` implements it. */
export interface NodeFace {
  readonly cluster: ClusterFace
  status(): Promise<Status>
  /**
   * As the node has it that reads the source.
   * @throws OperationalError E_NOT_LEADER when none does, or E_PEER_* when it does not answer
   */
  source(): Promise<SourceStatus>
  files(): FileStatus[]
  replicas(): ReplicaStatus[]
  /**
   * Those that are away, from every node.
   * @throws OperationalError E_NOT_LEADER when no node leads, or E_PEER_* when it does not answer, as below
   */
  absentReplicas(): Promise<AbsentReplica[]>
  /**
   * Keeps nothing any more for one that is away.
   * @param name its uuid or host
   * @throws OperationalError E_REPLICA_UNKNOWN
   */
  forgetReplica(name: string): Promise<void>
  /** @throws OperationalError E_FILE_UNKNOWN, E_FILE_IN_USE, E_FILE_NEEDED */
  purge(request: PurgeRequest): Promise<PurgeResult>
  /** why replicas cannot be served; undefined when they can */
  notReady(): string | undefined
  /**
   * Any node takes it. Resolves when it is kept and, unless that takes long, when the node that reads the source has
   * begun to connect: with its status then, or as this node sees it where that one cannot be asked.
   * @param change to another source than before, or other settings of it
   * @throws OperationalError E_SOURCE_UNCONFIGURED, E_CONFIG_INVALID, or what keeps it from being kept
   */
  startSource(change?: SourceChange): Promise<SourceStatus>
  /** As startSource; when it is stopped. */
  stopSource(): Promise<SourceStatus>
  /** As startSource; one that is stopped stays so. */
  setSource(change: SourceChange): Promise<SourceStatus>
  /**
   * Any node takes it. Resolves when the new source is kept and, unless that takes long, connected to; of a dry run
   * with what was found.
   * @throws OperationalError E_SWITCH_REFUSED (nothing has changed), E_CONFIG_INVALID, or what keeps it from being kept
   */
  switchSource(request: SwitchRequest): Promise<SwitchResult>
  /** @throws OperationalError E_ETCD_UNAVAILABLE while a cluster's are not known here, as below */
  retention(): RetentionStatus
  /** @throws OperationalError E_CONFIG_INVALID, or what keeps it from being kept */
  setRetention(change: RetentionChange): Promise<void>
  users(): Promise<UserStatus[]>
  /** @throws OperationalError E_USER_EXISTS, E_USERS_INVALID, or what keeps it from being kept */
  addUser(user: NewUser): Promise<void>
  /** @throws OperationalError E_USER_UNKNOWN, or as addUser */
  removeUser(name: string): Promise<void>
  /**
   * Lets replicas connect, where they cannot already, and the user among them.
   * @throws OperationalError E_SERVE_ADDRESS_FIXED, E_USER_EXISTS, E_LISTEN, or one of the users file
   */
  startServing(wish?: ServingWish): Promise<void>
  /** Ends the dumps and lets nobody connect, until it is started again or the process is. */
  stopServing(): Promise<void>
  serving(): ServingStatus
  /** the repair that is under way on this node, or the last one */
  repair(): RepairStatus
  /** Does not wait for its end. @throws OperationalError E_REPAIR_RUNNING, E_FILE_UNKNOWN */
  startRepair(wish: RepairWish): RepairStatus
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}
