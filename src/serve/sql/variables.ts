import { type Column, newestOfDomains } from '../../mysql/index.ts'
import { errorsOf } from '../session/session-state.ts'
import { countColumn, integerColumn, nullable } from './answer.ts'
import type { Scope } from './scope.ts'
import { SqlError, unknownVariable } from './sql-error.ts'
import { compare, numberOf, textOf, type Value } from './value.ts'

/*
  System variables, by lower-case name. A `global` one has one value that no client can set; a `session`
  one begins with the value here and may be set by each session for itself, which changes nothing else.
  Booleans are 0 and 1 in a SELECT, OFF and ON in SHOW VARIABLES.
*/
interface Variable {
  readonly scope: 'global' | 'session'
  readonly kind: 'boolean' | 'integer' | 'text'
  readonly value: (scope: Scope) => Value
}

const VERSION_COMMENT = 'Kingbus binlog server'
const MAX_ALLOWED_PACKET = 1024n ** 3n
const SQL_MODE =
  'ONLY_FULL_GROUP_BY,STRICT_TRANS_TABLES,NO_ZERO_IN_DATE,NO_ZERO_DATE,ERROR_FOR_DIVISION_BY_ZERO,' +
  'NO_ENGINE_SUBSTITUTION'

const text = (scope: Variable['scope'], value: Variable['value'] | string): Variable => ({
  scope,
  kind: 'text',
  value: typeof value === 'string' ? () => value : value,
})
const integer = (scope: Variable['scope'], value: bigint): Variable => ({
  scope,
  kind: 'integer',
  value: () => value,
})
const boolean = (scope: Variable['scope'], value: boolean): Variable => ({
  scope,
  kind: 'boolean',
  value: () => (value ? 1n : 0n),
})
const fact = (kind: Variable['kind'], value: Variable['value']): Variable => ({
  scope: 'global',
  kind,
  value,
})

/** As the source has it; until that is known, as it comes. */
const mirrored =
  (name: string, unknown: string): Variable['value'] =>
  ({ facts }) =>
    facts.sourceVariable(name) ?? unknown
const mirroredNumber =
  (name: string, unknown: bigint): Variable['value'] =>
  ({ facts }) => {
    const value = facts.sourceVariable(name) ?? ''
    return /^\d+$/.test(value) ? BigInt(value) : unknown
  }
const mirroredSwitch = (name: string): Variable => ({
  scope: 'session',
  kind: 'boolean',
  value: ({ facts }) => (facts.sourceVariable(name) === 'ON' ? 1n : 0n),
})

/** By which a replica sees that it may be a semi-sync one, under the names of either age. */
const SEMI_SYNC: Readonly<Record<string, Variable>> = {
  rpl_semi_sync_source_enabled: boolean('global', true),
  rpl_semi_sync_master_enabled: boolean('global', true),
}

/** What is true of us and of the binlogs that we hold. */
const OURS: Readonly<Record<string, Variable>> = {
  server_id: fact('integer', ({ facts }) => BigInt(facts.serverId)),
  server_uuid: fact('text', ({ facts }) => facts.serverUuid),
  version: fact('text', ({ facts }) => facts.version),
  version_comment: text('global', VERSION_COMMENT),
  hostname: fact('text', ({ facts }) => facts.hostname),
  port: fact('integer', ({ facts }) => BigInt(facts.port)),
  gtid_executed: fact('text', ({ facts }) => facts.executed().toString()),
  gtid_purged: fact('text', ({ facts }) => facts.purged().toString()),
  gtid_owned: text('global', ''),
  gtid_mode: text('global', 'ON'),
  enforce_gtid_consistency: text('global', 'ON'),
  binlog_checksum: fact('text', ({ facts }) => facts.checksum()),
  binlog_encryption: boolean('global', false),
  log_bin: boolean('global', true),
  log_replica_updates: boolean('global', true),
  log_slave_updates: boolean('global', true),
  read_only: boolean('global', true),
  report_host: text('global', () => null),
  report_port: fact('integer', ({ facts }) => BigInt(facts.port)),
  super_read_only: boolean('global', true),
  innodb_read_only: boolean('global', true),
  // Another Kingbus asks for it: its files are the source's, whichever node of ours it reads from.
  kingbus_source_uuid: fact('text', ({ facts }) => facts.sourceUuid()),
  have_ssl: text('global', 'YES'),
  performance_schema: boolean('global', false),
  ...SEMI_SYNC,
}

/** What a server says of itself that clients want to see and that means nothing here. */
const CUSTOMARY: Readonly<Record<string, Variable>> = {
  auto_increment_increment: integer('session', 1n),
  auto_increment_offset: integer('session', 1n),
  autocommit: boolean('session', true),
  big_tables: boolean('session', false),
  binlog_expire_logs_seconds: integer('global', 0n),
  binlog_format: text('session', mirrored('binlog_format', 'ROW')),
  binlog_row_image: text('session', mirrored('binlog_row_image', 'FULL')),
  binlog_row_metadata: text('global', mirrored('binlog_row_metadata', 'MINIMAL')),
  binlog_row_value_options: text('session', mirrored('binlog_row_value_options', '')),
  binlog_rows_query_log_events: mirroredSwitch('binlog_rows_query_log_events'),
  binlog_transaction_compression: mirroredSwitch('binlog_transaction_compression'),
  character_set_client: text('session', 'utf8mb4'),
  character_set_connection: text('session', 'utf8mb4'),
  character_set_database: text('session', 'utf8mb4'),
  character_set_results: text('session', 'utf8mb4'),
  character_set_server: text('session', mirrored('character_set_server', 'utf8mb4')),
  collation_connection: text('session', 'utf8mb4_0900_ai_ci'),
  collation_database: text('session', 'utf8mb4_0900_ai_ci'),
  collation_server: text('session', mirrored('collation_server', 'utf8mb4_0900_ai_ci')),
  default_storage_engine: text('session', 'InnoDB'),
  error_count: {
    ...integer('session', 0n),
    value: ({ session }) => BigInt(errorsOf(session).length),
  },
  foreign_key_checks: boolean('session', true),
  group_concat_max_len: integer('session', 1024n),
  gtid_next: text('session', 'AUTOMATIC'),
  init_connect: text('global', ''),
  innodb_lock_wait_timeout: integer('session', 50n),
  interactive_timeout: integer('session', 28800n),
  license: text('global', 'Apache-2.0'),
  lock_wait_timeout: integer('session', 31536000n),
  log_bin_basename: text('global', ''),
  lower_case_table_names: fact('integer', mirroredNumber('lower_case_table_names', 0n)),
  // Where a replica keeps its place, as servers before 8.3 say it; orchestrator asks for it with the GTIDs.
  master_info_repository: text('global', 'TABLE'),
  max_allowed_packet: integer('global', MAX_ALLOWED_PACKET),
  max_execution_time: integer('session', 0n),
  max_join_size: integer('session', 18446744073709551615n),
  net_buffer_length: integer('session', 16384n),
  net_read_timeout: integer('session', 30n),
  net_write_timeout: integer('session', 60n),
  protocol_version: integer('global', 10n),
  sql_auto_is_null: boolean('session', false),
  sql_log_bin: boolean('session', true),
  sql_mode: text('session', SQL_MODE),
  sql_notes: boolean('session', true),
  sql_quote_show_create: boolean('session', true),
  sql_safe_updates: boolean('session', false),
  sql_select_limit: integer('session', 18446744073709551615n),
  system_time_zone: text('global', 'UTC'),
  time_zone: text('session', 'SYSTEM'),
  transaction_isolation: text('session', 'REPEATABLE-READ'),
  transaction_read_only: boolean('session', false),
  tx_isolation: text('session', 'REPEATABLE-READ'),
  tx_read_only: boolean('session', false),
  unique_checks: boolean('session', true),
  wait_timeout: integer('session', 28800n),
  warning_count: {
    ...integer('session', 0n),
    value: ({ session }) => BigInt(session.warnings.length),
  },
}

/** What only MySQL has, and MariaDB has not. */
const MYSQL_ONLY: ReadonlySet<string> = new Set([
  'binlog_encryption',
  'binlog_row_value_options',
  'binlog_rows_query_log_events',
  'binlog_transaction_compression',
  'enforce_gtid_consistency',
  'gtid_executed',
  'gtid_mode',
  'gtid_next',
  'gtid_owned',
  'gtid_purged',
  'log_replica_updates',
  'max_execution_time',
  'rpl_semi_sync_master_enabled',
  'rpl_semi_sync_source_enabled',
  'server_uuid',
  'super_read_only',
  'transaction_isolation',
  'transaction_read_only',
])

/** What only MariaDB has: what its replicas and clients ask for. */
const MARIADB_ONLY: Readonly<Record<string, Variable>> = {
  encrypt_binlog: boolean('global', false),
  gtid_binlog_pos: fact('text', ({ facts }) => newestOfDomains(facts.executed())),
  gtid_binlog_state: fact('text', ({ facts }) => facts.executed().toString()),
  gtid_current_pos: fact('text', ({ facts }) => newestOfDomains(facts.executed())),
  gtid_domain_id: integer('session', 0n),
  gtid_ignore_duplicates: boolean('global', false),
  gtid_slave_pos: text('global', ''),
  gtid_strict_mode: boolean('global', false),
  log_bin_compress: boolean('global', false),
}

function byName(variables: Readonly<Record<string, Variable>>): ReadonlyMap<string, Variable> {
  return new Map(Object.entries(variables).sort(([one], [other]) => (one < other ? -1 : 1)))
}

const MYSQL_VARIABLES = byName({ ...OURS, ...CUSTOMARY })
const MARIADB_VARIABLES = byName({
  ...Object.fromEntries([...MYSQL_VARIABLES].filter(([name]) => !MYSQL_ONLY.has(name))),
  ...MARIADB_ONLY,
})

const MYSQL_COMPRESSED = byName(
  Object.fromEntries([...MYSQL_VARIABLES].filter(([name]) => !(name in SEMI_SYNC))),
)

/** Those of a server of the source's kind; over a compressed connection one without the semi-sync plugin. */
function variablesFor({ facts, session }: Scope): ReadonlyMap<string, Variable> {
  if (facts.flavor === 'mariadb') return MARIADB_VARIABLES
  return session.compression === undefined ? MYSQL_VARIABLES : MYSQL_COMPRESSED
}

/** `[GLOBAL. | SESSION. | LOCAL.]name`; error 1193 for one that we do not have. */
export function readSystemVariable(written: string, scope: Scope): Value {
  const { prefix, name } = splitName(written)
  const variable = variablesFor(scope).get(name.toLowerCase())
  if (variable === undefined) throw unknownVariable(name)
  if (prefix === 'SESSION' && variable.scope === 'global') {
    throw new SqlError(1238, 'HY000', `Variable '${name}' is a GLOBAL variable`)
  }
  return valueOf(name.toLowerCase(), variable, scope, prefix === 'GLOBAL')
}

/** The column of a variable that is a number or a switch, as long as its value is one. */
export function shapeOfSystemVariable(
  written: string,
): (column: string, value: Value) => Column | undefined {
  const name = splitName(written).name.toLowerCase()
  const { kind } = MYSQL_VARIABLES.get(name) ?? MARIADB_VARIABLES.get(name) ?? {}
  return (column, value) => {
    if (typeof value !== 'bigint' || kind === 'text') return undefined
    return nullable(
      kind === 'boolean' ? { ...integerColumn(column), length: 1 } : countColumn(column),
    )
  }
}

/** Sets a session's own value; refused for what only SET GLOBAL could set, and unknown names. */
export function setSystemVariable(written: string, value: Value, scope: Scope): void {
  const { prefix, name } = splitName(written)
  const variable = variablesFor(scope).get(name.toLowerCase())
  if (variable === undefined) throw unknownVariable(name)
  if (prefix === 'GLOBAL') {
    throw new SqlError(
      1227,
      '42000',
      'Access denied; you need (at least one of) the SUPER or SYSTEM_VARIABLES_ADMIN ' +
        'privilege(s) for this operation',
    )
  }
  if (variable.scope === 'global') {
    throw new SqlError(
      1229,
      'HY000',
      `Variable '${name}' is a GLOBAL variable and should be set with SET GLOBAL`,
    )
  }
  const kept = variable.kind === 'text' ? textOf(value) : numericValue(name, value)
  scope.session.systemVariables.set(name.toLowerCase(), kept)
}

/** Name and value of every variable, as SHOW VARIABLES shows them, sorted by name. */
export function shownVariables(scope: Scope, global: boolean): (readonly [string, string])[] {
  return [...variablesFor(scope)].map(([name, variable]) => {
    const value = valueOf(name, variable, scope, global)
    if (variable.kind === 'boolean') return [name, compare(value, 0n) === 0 ? 'OFF' : 'ON']
    return [name, textOf(value) ?? '']
  })
}

function valueOf(name: string, variable: Variable, scope: Scope, global: boolean): Value {
  const own = global ? undefined : scope.session.systemVariables.get(name)
  return own === undefined ? variable.value(scope) : own
}

const SWITCHES: Readonly<Record<string, bigint>> = { on: 1n, true: 1n, off: 0n, false: 0n }

function numericValue(name: string, value: Value): Value {
  if (typeof value !== 'string') return value
  const set = SWITCHES[value.toLowerCase()]
  if (set !== undefined) return set
  if (/^\d+$/.test(value)) return numberOf(value)
  throw new SqlError(1232, '42000', `Incorrect argument type to variable '${name}'`)
}

function splitName(written: string): { prefix: 'GLOBAL' | 'SESSION' | undefined; name: string } {
  const found = /^(?:(global|persist|persist_only)|(session|local))\.(.*)$/i.exec(written)
  const name = found?.[3]
  if (found === null || name === undefined) return { prefix: undefined, name: written }
  return { prefix: found[1] === undefined ? 'SESSION' : 'GLOBAL', name }
}
