import { errorsOf, hasRight, type SessionState } from '../session/session-state.ts'
import {
  type Answer,
  countColumn,
  integerColumn,
  longTextColumn,
  nameColumn,
  nullable,
  rows,
  shortCountColumn,
  textColumn,
} from './answer.ts'
import type { Cursor } from './cursor.ts'
import { ExpressionParser } from './expression.ts'
import { readLimit } from './row-limit.ts'
import type { Scope } from './scope.ts'
import { accessDenied, SqlError } from './sql-error.ts'
import { statusVariables } from './status.ts'
import { processes } from './tables/process-list.ts'
import { isLike, truthOf } from './value.ts'
import { shownVariables } from './variables.ts'

const NAME_CHARACTERS = 255
const FILE_CHARACTERS = 512
const INFO_CHARACTERS = 100
const FULL_INFO_CHARACTERS = 65_535

/** SHOW [GLOBAL | SESSION] VARIABLES [LIKE 'pattern' | WHERE condition] */
export function showVariables(cursor: Cursor, scope: Scope, words: readonly string[]): Answer {
  return filtered(cursor, scope, shownVariables(scope, words.includes('GLOBAL')))
}

/** SHOW [GLOBAL | SESSION] STATUS [LIKE 'pattern' | WHERE condition] */
export function showStatus(cursor: Cursor, scope: Scope): Answer {
  return filtered(cursor, scope, statusVariables(scope))
}

function filtered(
  cursor: Cursor,
  scope: Scope,
  pairs: readonly (readonly [string, string])[],
): Answer {
  const columns = [nameColumn('Variable_name', 64), textColumn('Value', 1024)]
  if (cursor.takeWord('LIKE')) {
    if (cursor.token.kind !== 'string') throw cursor.error()
    const pattern = cursor.next().text
    cursor.expectEnd()
    return rows(
      columns,
      pairs.filter(([name]) => isLike(name, pattern)),
    )
  }
  if (!cursor.takeWord('WHERE')) {
    cursor.expectEnd()
    return rows(columns, pairs)
  }
  const condition = new ExpressionParser(cursor).parse()
  cursor.expectEnd()
  const holds = ([name, value]: readonly [string, string]): boolean => {
    const row = new Map([
      ['variable_name', name],
      ['value', value],
    ])
    return truthOf(condition(scope, (column) => row.get(column))) === true
  }
  return rows(columns, pairs.filter(holds))
}

/** SHOW BINARY LOG STATUS, and its older names */
export function showBinaryLogStatus(cursor: Cursor, scope: Scope): Answer {
  cursor.expectEnd()
  requireBinlogRight(scope)
  const { facts } = scope
  const columns = [
    nameColumn('File', FILE_CHARACTERS),
    countColumn('Position'),
    nameColumn('Binlog_Do_DB', NAME_CHARACTERS),
    nameColumn('Binlog_Ignore_DB', NAME_CHARACTERS),
  ]
  const end = facts.visibleEnd()
  const row = end && [end.file, String(end.position), '', '']
  if (facts.flavor === 'mysql') {
    const executed = facts.executed().toString()
    columns.push(nameColumn('Executed_Gtid_Set', executed.length))
    row?.push(executed)
  }
  return rows(columns, row === undefined ? [] : [row])
}

/** SHOW BINARY LOGS, and its older name */
export function showBinaryLogs(cursor: Cursor, scope: Scope): Answer {
  cursor.expectEnd()
  requireBinlogRight(scope)
  const columns = [nameColumn('Log_name', NAME_CHARACTERS), countColumn('File_size')]
  const files = scope.facts.files().map(({ name, size }) => [name, String(size)])
  if (scope.facts.flavor === 'mariadb') return rows(columns, files)
  columns.push(nameColumn('Encrypted', 3))
  return rows(
    columns,
    files.map((file) => [...file, 'No']),
  )
}

const REPLICA_COLUMNS = { serverId: 'Server_Id', sourceId: 'Source_Id', uuid: 'Replica_UUID' }
const OLDER_REPLICA_COLUMNS = { serverId: 'Server_id', sourceId: 'Master_id', uuid: 'Slave_UUID' }

/** SHOW REPLICAS with its own column names, or SHOW SLAVE | REPLICA HOSTS (MariaDB's) with the older ones. */
export function showReplicas(cursor: Cursor, scope: Scope, words: readonly string[]): Answer {
  cursor.expectEnd()
  if (!hasRight(scope.session, 'replicate', 'monitor', 'administer')) {
    throw accessDenied('REPLICATION SLAVE')
  }
  const names = words.includes('HOSTS') ? OLDER_REPLICA_COLUMNS : REPLICA_COLUMNS
  const columns = [
    shortCountColumn(names.serverId, 11),
    nameColumn('Host', NAME_CHARACTERS),
    shortCountColumn('Port', 8),
    shortCountColumn(names.sourceId, 11),
  ]
  const hasUuid = scope.facts.flavor === 'mysql'
  if (hasUuid) columns.push(nameColumn(names.uuid, 36))
  const serverId = String(scope.facts.serverId)
  const replicas = scope.replicas.list([]).flatMap((replica) => {
    if (replica.registration === undefined) return []
    const { host, port } = replica.registration
    const row = [String(replica.serverId), host, String(port), serverId]
    return [hasUuid ? [...row, replica.uuid ?? ''] : row]
  })
  return rows(columns, replicas)
}

/** SHOW [FULL] PROCESSLIST: the sessions of everybody for those with the right, else the user's own. */
export function showProcessList(cursor: Cursor, scope: Scope, words: readonly string[]): Answer {
  cursor.expectEnd()
  const isFull = words.includes('FULL')
  const characters = isFull ? FULL_INFO_CHARACTERS : INFO_CHARACTERS
  return rows(
    [
      integerColumn('Id'),
      nameColumn('User', 32),
      nameColumn('Host', NAME_CHARACTERS),
      textColumn('db', 64),
      nameColumn('Command', 16),
      { ...shortCountColumn('Time', 8), flags: integerColumn('').flags },
      textColumn('State', 30),
      (isFull ? longTextColumn : textColumn)('Info', characters),
    ],
    processes(scope).map(({ id, user, host, database, command, seconds, state, info }) => [
      String(id),
      user,
      host,
      database,
      command,
      String(seconds),
      state,
      info?.slice(0, characters) ?? null,
    ]),
  )
}

/** SHOW WARNINGS | ERRORS [LIMIT ...]: of the statement before, what went wrong with it among them. */
export function showWarnings(cursor: Cursor, { session }: Scope, words: readonly string[]): Answer {
  const { skipped, count } = readLimit(cursor)
  cursor.expectEnd()
  const found = words.includes('ERRORS') ? errorsOf(session) : session.warnings
  return rows(
    [nameColumn('Level', 7), shortCountColumn('Code', 5), nameColumn('Message', 512)],
    found
      .slice(skipped, skipped + count)
      .map(({ level, code, message }) => [level, String(code), message]),
  )
}

/** SHOW COUNT(*) WARNINGS | ERRORS */
export function showCount(cursor: Cursor, { session }: Scope): Answer {
  for (const symbol of ['(', '*', ')']) cursor.expectSymbol(symbol)
  const name = cursor.isWord('ERRORS') ? 'error_count' : 'warning_count'
  if (!cursor.takeWord('WARNINGS', 'ERRORS')) throw cursor.error()
  cursor.expectEnd()
  const counted = name === 'error_count' ? errorsOf(session) : session.warnings
  return rows([nullable(countColumn(`@@session.${name}`))], [[String(counted.length)]])
}

/** None: there are no tables. */
export function showEngines(cursor: Cursor): Answer {
  cursor.expectEnd()
  return rows(
    [
      nameColumn('Engine', 64),
      nameColumn('Support', 8),
      nameColumn('Comment', 80),
      textColumn('Transactions', 3),
      textColumn('XA', 3),
      textColumn('Savepoints', 3),
    ],
    [],
  )
}

const PRIVILEGES = {
  replicate: ['REPLICATION SLAVE', 'REPLICATION CLIENT'],
  monitor: ['PROCESS', 'REPLICATION CLIENT'],
  administer: [
    'PROCESS',
    'REPLICATION CLIENT',
    'CONNECTION_ADMIN',
    'REPLICATION_SLAVE_ADMIN',
    'BINLOG_ADMIN',
  ],
} as const

/** SHOW GRANTS of oneself, with our rights in MySQL's words. */
export function showGrants(cursor: Cursor, scope: Scope): Answer {
  if (cursor.takeWord('FOR')) {
    const name = cursor.token.kind === 'string' ? cursor.next().text : cursor.expectName()
    const isSelf = name.toUpperCase() === 'CURRENT_USER' || name === scope.session.user
    if (!isSelf) throw selectDenied(scope.session)
    while (!cursor.atEnd()) cursor.next()
  }
  cursor.expectEnd()
  const { user, rights } = scope.session
  const privileges = new Set(rights.flatMap((right) => PRIVILEGES[right]))
  const granted = privileges.size === 0 ? 'USAGE' : [...privileges].join(', ')
  const name = user.replaceAll('`', '``')
  const text = `GRANT ${granted} ON *.* TO \`${name}\`@\`%\``
  return rows([nameColumn(`Grants for ${user}@%`, 1024)], [[text]])
}

/** MySQL keeps everybody's rights in a table that ordinary users cannot read, and says so. */
function selectDenied({ user, host }: SessionState): SqlError {
  const message = `SELECT command denied to user '${user}'@'${host}' for table 'user'`
  return new SqlError(1142, '42000', message)
}

function requireBinlogRight({ session }: Scope): void {
  if (hasRight(session, 'replicate', 'monitor', 'administer')) return
  throw accessDenied('SUPER, REPLICATION CLIENT')
}
