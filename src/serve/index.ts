/*
  serve: the stand-in for a source: logins, SQL, and dumps of the stored binlogs to replicas.

  Promises: what a client sends can cost it its connection and nothing else; nobody learns which users there
  are; a slow client waits alone, with bounded memory. It must not know where the binlogs come from or when a
  transaction counts as committed: it shows what the store shows.
*/
export type { Administration, Purged, SourceView, SourceWishes } from './administration.ts'
export type { AskSource } from './dump/ahead-of-source.ts'
export { SERVE_LIMITS, type ServeLimits } from './limits.ts'
export { ReplicaAcks } from './replica-acks.ts'
export {
  type DumpProgress,
  nameOfReplica,
  type ReplicaRow,
  type Replicas,
  type SeenReplica,
} from './replicas.ts'
export { ReplicationServer, type ReplicationServerOptions } from './replication-server.ts'
export type { ServerFacts } from './server-facts.ts'
export { type Listener } from './session/listener.ts'
export type { SessionList } from './session/session-list.ts'
export type { Right, User, Users } from './user.ts'
