import type { Address } from '../config/index.ts'
import type { ClusterFace } from './cluster-face.ts'
import type { FileStatus, ReplicaStatus, SourceStatus, Status } from './schemas.ts'

/** Which source is to be followed, and how. */
export interface SourceWish {
  /** server_id and server_uuid by which this node shows itself there */
  readonly serverId: number
  readonly uuid: string
  readonly address: Address
  readonly user: string
  readonly password: string
  readonly semiSync: boolean
}

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
  source(): SourceStatus
  files(): FileStatus[]
  replicas(): ReplicaStatus[]
  /** why replicas cannot be served; undefined when they can */
  notReady(): string | undefined
  /**
   * Resolves when it has begun to connect.
   * @throws OperationalError E_SOURCE_UNCONFIGURED
   */
  startSource(wish?: SourceWish): Promise<void>
  /** Resolves when it is stopped. @throws OperationalError E_SOURCE_UNCONFIGURED */
  stopSource(): Promise<void>
  /**
   * Lets replicas connect, where they cannot already, and the user among them.
   * @throws OperationalError E_SERVE_ADDRESS_FIXED, E_USER_EXISTS, E_LISTEN, or one of the users file
   */
  startServing(wish?: ServingWish): Promise<void>
  /** Ends the dumps and lets nobody connect, until it is started again or the process is. */
  stopServing(): Promise<void>
  serving(): ServingStatus
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}
