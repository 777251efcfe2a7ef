/*
  cluster: several nodes with the same records: which of them counts is decided by one register in etcd, the
  bytes go from the leader to the others directly.

  Promises: what is committed is on every in-sync node, and those are a majority of the voters; what was shown
  or acknowledged is never taken back, whatever stops, stalls, lies about its time or loses its network.
  It must not know: sessions, SQL, the source's protocol. `protocol/` decides and touches nothing: no sockets,
  files, clocks or chance. The rules and why they are safe: docs/internals/cluster.md.
*/
export { Authority } from './authority.ts'
export { type CertificateFiles, writeCertificates } from './certificate-files.ts'
export { ClusterSecret } from './cluster-secret.ts'
export { EtcdDesired } from './desired/etcd-desired.ts'
export { readHeld } from './log/facts-file.ts'
export { ClusterNode } from './node/cluster-node.ts'
export type { ReportedNode } from './node/members/node-report.ts'
export type { ClusterSettings } from './node/settings.ts'
export { Candidate } from './protocol/candidate.ts'
export type { Limits } from './protocol/context.ts'
export type { Decision } from './protocol/decisions.ts'
export { Follower } from './protocol/follower.ts'
export type { Input, StreamId, WriteOutcome } from './protocol/inputs.ts'
export { Leader } from './protocol/leader.ts'
export { type DurableFacts, NO_FACTS } from './protocol/log/durable-facts.ts'
export { Facts } from './protocol/log/facts.ts'
export { type Base, extended, type Lineage, shortened } from './protocol/log/lineage.ts'
export type { StoredLog } from './protocol/log/log-state.ts'
export type { RecordHeader, Removal, Tail } from './protocol/log/record-header.ts'
export { Removals } from './protocol/log/removals.ts'
export type { Message, Records } from './protocol/messages.ts'
export { ProtocolNode } from './protocol/protocol-node.ts'
export {
  type ClusterState,
  isMajority,
  isMember,
  keyOf,
  type LeaderName,
  type Member,
  without,
} from './protocol/state/cluster-state.ts'
export { added, grown, shrunk, withSets } from './protocol/state/membership.ts'
export { Register } from './protocol/state/register.ts'
export { planRecovery, type RecoveryPlan, recover } from './recover.ts'
