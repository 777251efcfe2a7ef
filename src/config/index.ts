/*
  config: the table of settings and their three sources, secrets, the users file, and the limits that no
  folder owns alone. Promises that a Config is whole and checked, that no secret is part of it, and that
  flags, variables, file and documentation follow from one table. Knows nothing of what the settings do.
*/
export {
  type Address,
  addressSchema,
  formatAddress,
  isAnyAddress,
  isLoopback,
  isSameAddress,
  MYSQL_PORT,
  type SourceUrl,
} from './address.ts'
export { type ClusterConfig, clusterConfig, etcdUrlsBeside } from './cluster/cluster-config.ts'
export {
  formatUrl,
  type NodeUrl,
  nodeNameSchema,
  nodeUrlSchema,
  peerUrlSchema,
} from './cluster/urls.ts'
export { exampleFile, keysTable, type Setting, settings } from './describe.ts'
export { OTHER_VARIABLES } from './environment.ts'
export type { Environment } from './given.ts'
export {
  type Config,
  flagOf,
  KEY_NAMES,
  type Key,
  type KeySpec,
  keySpec,
  TLS_MODES,
} from './keys.ts'
export {
  ADMIN_ANSWER_WAIT_MS,
  ADMIN_BODY_BYTES_MOST,
  DISK_LOOK_MS,
  DISK_SLOW_MS,
  DISK_WELL_MS,
  JOURNAL_RETRY,
  JOURNAL_WELL_MS,
  KEEP_FOR_ABSENT_REPLICAS_MS,
  OPEN_FILES_LOOK_MS,
  REPLICAS_LOOK_MS,
  RETENTION_LOOK_MS,
  ROOM_RETRY_MS,
  SHUTDOWN_DUMPS_WAIT_MS,
  SHUTDOWN_WAIT_MS,
  SOURCE_COMMAND_WAIT_MS,
  SWITCH_CATCH_UP_MS,
  SWITCH_MS_MOST,
} from './limits.ts'
export { type LoadedConfig, loadConfig } from './load.ts'
export { durationFrom } from './quantities.ts'
export { loadSecrets, readAdminToken, readSecretFile, type Secrets } from './secrets.ts'
export { sourceAddress } from './source-address.ts'
export { type StartAt, startAtSchema } from './start-at.ts'
export { exposedSecretError, SECRETS } from './unknown-key.ts'
export {
  addEntry,
  addUser,
  isAdmitted,
  type NewUser,
  PASSWORD_PLUGINS,
  type PasswordPlugin,
  removeUser,
  userEntry,
  withoutUser,
  withUser,
} from './user-changes.ts'
export {
  describeOptions,
  needsCertificate,
  TAGGED_GTIDS,
  type TaggedGtids,
  type UserOptions,
  userOptionFields,
} from './user-options.ts'
export { type User, Users, type UsersOptions, userOf } from './users.ts'
export {
  RIGHTS,
  type Right,
  readUsersFile,
  type UserEntry,
  userEntriesSchema,
  userFields,
} from './users-file.ts'
