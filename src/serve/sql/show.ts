import { hasRight } from '../session/session-state.ts'
import { type Answer, integerColumn, rows, textColumn } from './answer.ts'
import type { Cursor } from './cursor.ts'
import { ExpressionParser } from './expression.ts'
import type { Scope } from './scope.ts'
import { accessDenied, SqlError } from './sql-error.ts'
import { statusVariables } from './status.ts'
import { isLike, truthOf } from './value.ts'
import { shownVariables } from './variables.ts'

const NAME_CHARACTERS = 255
const INFO_CHARACTERS = 100

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
  const columns = [textColumn('Variable_name', 64), textColumn('Value', 1024)]
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
    textColumn('File', NAME_CHARACTERS),
    integerColumn('Position'),
    textColumn('Binlog_Do_DB', NAME_CHARACTERS),
    textColumn('Binlog_Ignore_DB', NAME_CHARACTERS),
  ]
  const end = facts.visibleEnd()
  const row = end && [end.file, String(end.position), '', '']
  if (facts.flavor === 'mysql') {
    const executed = facts.executed().toString()
    columns.push(textColumn('Executed_Gtid_Set', executed.length))
    row?.push(executed)
  }
  return rows(columns, row === undefined ? [] : [row])
}

/** SHOW BINARY LOGS, and its older name */
export function showBinaryLogs(cursor: Cursor, scope: Scope): Answer {
  cursor.expectEnd()
  requireBinlogRight(scope)
  const columns = [textColumn('Log_name', NAME_CHARACTERS), integerColumn('File_size')]
  const files = scope.facts.files().map(({ name, size }) => [name, String(size)])
  if (scope.facts.flavor === 'mariadb') return rows(columns, files)
  columns.push(textColumn('Encrypted', 3))
  return rows(
    columns,
    files.map((file) => [...file, 'No']),
  )
}

/** SHOW REPLICAS with its own column names, or SHOW SLAVE HOSTS with the older ones. */
export function showReplicas(cursor: Cursor, scope: Scope, words: readonly string[]): Answer {
  cursor.expectEnd()
  if (!hasRight(scope.session, 'replicate', 'monitor', 'administer')) {
    throw accessDenied('REPLICATION SLAVE')
  }
  const [sourceId, uuid] = words.includes('SLAVE')
    ? ['Master_id', 'Slave_UUID']
    : ['Source_Id', 'Replica_UUID']
  const columns = [
    integerColumn('Server_Id'),
    textColumn('Host', NAME_CHARACTERS),
    integerColumn('Port'),
    integerColumn(sourceId ?? ''),
  ]
  const hasUuid = scope.facts.flavor === 'mysql'
  if (hasUuid) columns.push(textColumn(uuid ?? '', 36))
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
  const all = hasRight(scope.session, 'monitor', 'administer')
  const characters = words.includes('FULL') ? Number.MAX_SAFE_INTEGER : INFO_CHARACTERS
  const states = scope.sessions.all().map(({ state }) => state)
  const dumps = new Map(scope.replicas.list([]).map((row) => [row.connectionId, row.dump?.state]))
  return rows(
    [
      integerColumn('Id'),
      textColumn('User', 32),
      textColumn('Host', NAME_CHARACTERS),
      textColumn('db', 64),
      textColumn('Command', 16),
      integerColumn('Time'),
      textColumn('State', 64),
      textColumn('Info', INFO_CHARACTERS),
    ],
    states
      .filter((state) => all || state.user === scope.session.user)
      .map((state) => [
        String(state.connectionId),
        state.user,
        `${state.host}:${state.port}`,
        state.database ?? null,
        state.command,
        String(Math.max(0, Math.floor((scope.monotonicMs - state.sinceMs) / 1000))),
        DUMP_STATES[dumps.get(state.connectionId) ?? 'none'],
        state.statement?.slice(0, characters) ?? null,
      ]),
  )
}

/** State of a dump in SHOW PROCESSLIST, in MySQL's words. */
const DUMP_STATES = {
  none: null,
  sending: 'Sending binlog event to replica',
  waiting: 'Source has sent all binlog to replica; waiting for more updates',
} as const

/** There are none: what goes wrong is said in the error itself. */
export function showWarnings(cursor: Cursor): Answer {
  if (cursor.takeWord('LIMIT')) cursor.next()
  cursor.expectEnd()
  return rows([textColumn('Level', 7), integerColumn('Code'), textColumn('Message', 512)], [])
}

export function showDatabases(): Answer {
  return rows([textColumn('Database', 64)], [])
}

const PRIVILEGES = {
  replicate: ['REPLICATION SLAVE', 'REPLICATION CLIENT'],
  monitor: ['PROCESS', 'REPLICATION CLIENT'],
  administer: ['PROCESS', 'REPLICATION CLIENT', 'CONNECTION_ADMIN', 'BINLOG_ADMIN'],
} as const

/** SHOW GRANTS of oneself, with our rights in MySQL's words. */
export function showGrants(cursor: Cursor, scope: Scope): Answer {
  if (cursor.takeWord('FOR')) {
    const name = cursor.token.kind === 'string' ? cursor.next().text : cursor.expectName()
    const isSelf = name.toUpperCase() === 'CURRENT_USER' || name === scope.session.user
    if (!isSelf)
      throw new SqlError(1141, '42000', `There is no such grant defined for user '${name}'`)
    while (!cursor.atEnd()) cursor.next()
  }
  cursor.expectEnd()
  const { user, rights } = scope.session
  const privileges = new Set(rights.flatMap((right) => PRIVILEGES[right]))
  const granted = privileges.size === 0 ? 'USAGE' : [...privileges].join(', ')
  const name = user.replaceAll('`', '``')
  const text = `GRANT ${granted} ON *.* TO \`${name}\`@\`%\``
  return rows([textColumn(`Grants for ${user}@%`, 1024)], [[text]])
}

function requireBinlogRight({ session }: Scope): void {
  if (hasRight(session, 'replicate', 'monitor', 'administer')) return
  throw accessDenied('SUPER, REPLICATION CLIENT')
}
