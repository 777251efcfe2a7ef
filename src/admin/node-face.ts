import type { FileStatus, ReplicaStatus, SourceStatus, Status } from './schemas.ts'

/** What the API shows of a node and may ask of it; `daemon/` implements it. */
export interface NodeFace {
  status(): Promise<Status>
  source(): SourceStatus
  files(): FileStatus[]
  replicas(): ReplicaStatus[]
  /** why replicas cannot be served; undefined when they can */
  notReady(): string | undefined
  /** Resolves when it has begun to connect. @throws OperationalError E_SOURCE_UNCONFIGURED */
  startSource(): Promise<void>
  /** Resolves when it is stopped. @throws OperationalError E_SOURCE_UNCONFIGURED */
  stopSource(): Promise<void>
  metrics(): Promise<{ readonly contentType: string; readonly text: string }>
}
