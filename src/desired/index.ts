/*
  desired: what the operator wants of a node or a cluster, as far as it is changed while nodes run: which source,
  running or stopped, retention, users. The configuration is its first value; what was changed by a
  command holds afterwards. `DesiredState` is the engine's face; `FileDesired` is the one of a node that is alone.

  Promises: a change is kept before it is answered, and changes at the same time do not overwrite each other. It must
  not know: who acts on it.
*/
export type { Desired, DesiredState, RetentionWish, SourceWish } from './desired.ts'
export { DesiredUsers } from './desired-users.ts'
export { differences } from './differences.ts'
export { FileDesired } from './file-desired.ts'
export { firstDesired } from './first-desired.ts'
export { checkDesired, identitySchema, retentionSchema, sourceSchema } from './schemas.ts'
