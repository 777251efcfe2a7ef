/*
  etcd: all that Kingbus has to do with etcd, and the only importer of gRPC. A client that is truthful
  (a write is applied, refused or unknown; a watch loses nothing; a lease says when it is lost), the
  supervision of this node's member, and the register: what a channel keeps in etcd. Knows nothing of
  records, files and the links between nodes.
*/

export type { EtcdTls } from './client/endpoint.ts'
export { EtcdClient } from './client/etcd-client.ts'
export { Lease } from './client/lease.ts'
export { Membership } from './client/membership.ts'
export type { Compare, Operation } from './client/transaction.ts'
export { type WatchMessage, watch } from './client/watch.ts'
export { EtcdMember, type MemberState, memberTls } from './member/etcd-member.ts'
export type { MemberSettings } from './member/member-settings.ts'
export { type CheckedKey, isPassing, type Seen } from './register/checked-key.ts'
export { encodeChecked } from './register/checked-value.ts'
export { Register } from './register/register.ts'
export type { AliveLeader, MemberRecord, NodeRecord } from './register/values.ts'
