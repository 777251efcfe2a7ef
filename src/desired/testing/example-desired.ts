import type { Desired, RetentionWish, SourceWish } from '../desired.ts'

export const exampleSource: SourceWish = {
  host: 'db1',
  port: 3306,
  user: 'repl',
  password: 'secret of db1',
  tls: 'preferred',
  caFile: undefined,
  startAt: 'oldest',
  semiSync: false,
}

/** As it is when nothing is configured. */
export const exampleRetention: RetentionWish = {
  maxSizeBytes: undefined,
  maxAgeMs: undefined,
  keepForAbsentReplicasMs: 86_400_000,
  ceilingBytes: undefined,
}

/** As the configuration of a node that is alone wants it. */
export const exampleDesired: Desired = {
  source: exampleSource,
  self: { serverId: 4711, uuid: 'aaaaaaaa-0000-4000-8000-000000004711' },
  isSourceRunning: true,
  retention: exampleRetention,
  users: undefined,
}
