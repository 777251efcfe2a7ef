import type { Desired, SourceWish } from '../desired.ts'

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

/** As the configuration of a node that is alone wants it. */
export const exampleDesired: Desired = {
  source: exampleSource,
  self: { serverId: 4711, uuid: 'aaaaaaaa-0000-4000-8000-000000004711' },
  isSourceRunning: true,
  retention: { maxSizeBytes: undefined, maxAgeMs: undefined },
  users: undefined,
}
