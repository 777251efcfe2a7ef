/*
  admin: the HTTP API of a node and its client. Declares what it needs to see of the node (NodeFace) and the
  schemas of what it answers. Promises that nothing but the probes is answered without the token where one is
  set. Knows neither the store nor the sessions: daemon/ shows them to it.
*/
export { AloneCluster, type AloneNode } from './alone-cluster.ts'
export { AdminClient } from './client.ts'
export type { ClusterFace } from './cluster-face.ts'
export type { ClusterStatus, MemberStatus, NewMember } from './cluster-schemas.ts'
export type { NodeFace, ServingStatus, ServingWish } from './node-face.ts'
export {
  type PurgeObstacle,
  type PurgeRequest,
  type PurgeResult,
  purgeSchema,
} from './purge-schemas.ts'
export type { FileRepairStatus, RepairStatus, RepairWish } from './repair-schemas.ts'
export {
  type AbsentReplica,
  absentReplicaSchema,
  DISK_STATES,
  type FileStatus,
  NODE_ROLES,
  type ReplicaStatus,
  SOURCE_STATES,
  type SourceChange,
  type SourceStatus,
  type Status,
  sourceSchema,
} from './schemas.ts'
export { type AdminApp, type AdminOptions, buildAdmin, listenAdmin } from './server.ts'
export type {
  NewUser,
  RetentionChange,
  RetentionStatus,
  UserStatus,
} from './settings-schemas.ts'
export {
  type SwitchRequest,
  type SwitchResult,
  switchRequestSchema,
  switchSchema,
} from './switch-schemas.ts'
export { optionsOf, statusOfUser } from './user-options.ts'
