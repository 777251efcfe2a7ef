import { readMetadata } from '../metadata/read-metadata.ts'
import { hasRight } from '../session/session-state.ts'
import { changeSource } from './administration/change-source.ts'
import { purgeBinaryLogs } from './administration/purge-binary-logs.ts'
import { showReplicaStatus } from './administration/show-replica-status.ts'
import { startStopReplica } from './administration/start-stop-replica.ts'
import { type Answer, OK } from './answer.ts'
import { showBinlogEvents } from './binlog-events/show-binlog-events.ts'
import { Cursor } from './cursor.ts'
import { kill } from './kill.ts'
import type { Scope } from './scope.ts'
import { select } from './select.ts'
import { set } from './set.ts'
import {
  showBinaryLogStatus,
  showBinaryLogs,
  showCount,
  showEngines,
  showGrants,
  showProcessList,
  showReplicas,
  showStatus,
  showVariables,
  showWarnings,
} from './show.ts'
import { accessDenied, databaseNameError, SqlError } from './sql-error.ts'

/** @param words the keywords that chose this statement, upper case */
type Run = (cursor: Cursor, scope: Scope, words: readonly string[]) => Answer | Promise<Answer>

/*
  Every statement that is understood here, by the keywords that it begins with: alternatives stand with bars
  between them, words that may be left out in brackets. The first row that fits is taken. All that fits
  none is error 1064: a client must never take an OK for a result. Those about tables are read in metadata/.
*/
export const STATEMENTS: ReadonlyArray<readonly [string, Run]> = [
  ['SELECT', select],
  ['SET', set],
  ['SHOW [GLOBAL|SESSION|LOCAL] VARIABLES', showVariables],
  ['SHOW [GLOBAL|SESSION|LOCAL] STATUS', showStatus],
  ['SHOW BINARY LOG STATUS', showBinaryLogStatus],
  ['SHOW MASTER|BINLOG STATUS', showBinaryLogStatus],
  ['SHOW BINARY|MASTER LOGS', showBinaryLogs],
  ['SHOW BINLOG EVENTS', showBinlogEvents],
  ['SHOW REPLICA|SLAVE STATUS', showReplicaStatus],
  ['SHOW REPLICAS', showReplicas],
  ['SHOW SLAVE|REPLICA HOSTS', showReplicas],
  ['SHOW [FULL] PROCESSLIST', showProcessList],
  ['SHOW WARNINGS|ERRORS', showWarnings],
  ['SHOW COUNT', showCount],
  ['SHOW [STORAGE] ENGINES', showEngines],
  ['SHOW GRANTS', showGrants],
  ['KILL', kill],
  ['USE', use],
  ['COMMIT|ROLLBACK', () => OK],
  ['BEGIN', alone],
  ['START TRANSACTION', startTransaction],
  ['FLUSH [NO_WRITE_TO_BINLOG|LOCAL] BINARY LOGS', flushBinaryLogs],
  ['FLUSH', refused('RELOAD')],
  ['LOCK|UNLOCK', refused('LOCK TABLES')],
  ['PURGE BINARY|MASTER LOGS', purgeBinaryLogs],
  ['CHANGE REPLICATION SOURCE TO', changeSource],
  ['CHANGE MASTER TO', changeSource],
  ['CHANGE REPLICATION FILTER', changeFilter],
  ['START|STOP REPLICA|SLAVE', startStopReplica],
  ['RESET', reset],
  ['INSERT|UPDATE|DELETE|REPLACE|CREATE|ALTER|DROP|TRUNCATE|GRANT|REVOKE|RENAME|LOAD', readOnly],
]

/** A statement longer than this is not read. GTID sets in it may be long, all else is short. */
const STATEMENT_CHARACTERS_MOST = 1024 * 1024

/**
 * Answers one statement, at once unless it has to wait for something; throws SqlError, or rejects with it, for one
 * that cannot be done, and OperationalError for what keeps the node from doing it.
 */
export function answerStatement(sql: string, scope: Scope): Answer | Promise<Answer> {
  if (sql.length > STATEMENT_CHARACTERS_MOST) {
    throw new SqlError(1153, '08S01', "Got a packet bigger than 'max_allowed_packet' bytes")
  }
  const cursor = new Cursor(sql)
  if (cursor.atEnd()) throw new SqlError(1065, '42000', 'Query was empty')
  const statements = readMetadata(cursor, scope.session.database)
  if (statements !== undefined) return { kind: 'metadata', statements }
  for (const { steps, run, tellsWarnings, countsWarnings } of PARSED) {
    const words = match(cursor, steps)
    if (words === undefined) continue
    if (!tellsWarnings && !countsWarnings) scope.session.warnings = []
    const answer = run(cursor, scope, words)
    if (countsWarnings) scope.session.warnings = []
    return answer
  }
  throw cursor.error()
}

interface Step {
  readonly words: readonly string[]
  readonly optional: boolean
}

/** They tell of the statement before them, as often as they are asked. */
const ABOUT_WARNINGS: ReadonlySet<string> = new Set(['SHOW WARNINGS|ERRORS', 'SHOW COUNT'])

const PARSED = STATEMENTS.map(([pattern, run]) => ({
  run,
  tellsWarnings: ABOUT_WARNINGS.has(pattern),
  // It may ask for @@warning_count, once.
  countsWarnings: pattern === 'SELECT',
  steps: pattern.split(' ').map(
    (step): Step => ({
      words: step.replace(/[[\]]/g, '').split('|'),
      optional: step.startsWith('['),
    }),
  ),
}))

/** The keywords, or undefined with the cursor back at the start when they are others. */
function match(cursor: Cursor, steps: readonly Step[]): string[] | undefined {
  const found: string[] = []
  for (const { words, optional } of steps) {
    if (cursor.isWord(...words)) found.push(cursor.next().text.toUpperCase())
    else if (!optional) {
      cursor.back(0)
      return undefined
    }
  }
  return found
}

function use(cursor: Cursor, { session }: Scope): Answer {
  const name = cursor.expectName()
  cursor.expectEnd()
  const error = databaseNameError(name)
  if (error !== undefined) throw error
  session.database = name
  return OK
}

function alone(cursor: Cursor): Answer {
  cursor.takeWord('WORK')
  cursor.expectEnd()
  return OK
}

/** A snapshot of nothing would be taken for a snapshot of the source. */
function startTransaction(cursor: Cursor): Answer {
  if (cursor.atEnd()) return OK
  do {
    if (cursor.takeWord('READ')) {
      if (!cursor.takeWord('ONLY', 'WRITE')) throw cursor.error()
    } else {
      cursor.expectWord('WITH')
      throw notSupported("'CONSISTENT SNAPSHOT'")
    }
  } while (cursor.takeSymbol(','))
  cursor.expectEnd()
  return OK
}

function flushBinaryLogs(_: Cursor, { session }: Scope): Answer {
  if (!hasRight(session, 'administer')) throw accessDenied('RELOAD or FLUSH_LOGS')
  throw notSupported("'FLUSH BINARY LOGS': a new file begins here where one begins at the source")
}

function changeFilter(_: Cursor, { session }: Scope): Answer {
  if (!hasRight(session, 'administer')) throw accessDenied('REPLICATION_SLAVE_ADMIN')
  throw notSupported("'CHANGE REPLICATION FILTER': every transaction is kept")
}

function reset(_: Cursor, { session }: Scope): Answer {
  if (!hasRight(session, 'administer')) throw accessDenied('RELOAD or REPLICATION_SLAVE_ADMIN')
  throw notSupported(
    "'RESET': PURGE BINARY LOGS removes files, CHANGE REPLICATION SOURCE TO names another source",
  )
}

function notSupported(what: string): SqlError {
  return new SqlError(1235, '42000', `This version of MySQL doesn't yet support ${what}`)
}

function refused(privilege: string): Run {
  return () => {
    throw accessDenied(privilege)
  }
}

function readOnly(): Answer {
  throw new SqlError(
    1290,
    'HY000',
    'The MySQL server is running with the --read-only option so it cannot execute this statement',
  )
}
