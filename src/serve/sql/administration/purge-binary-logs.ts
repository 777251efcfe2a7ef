import type { Purged } from '../../administration.ts'
import { hasRight, type Warning } from '../../session/session-state.ts'
import { type Answer, OK } from '../answer.ts'
import type { Cursor } from '../cursor.ts'
import { ExpressionParser } from '../expression.ts'
import { BINDS_MORE_THAN_SUMS } from '../operators.ts'
import type { Scope } from '../scope.ts'
import { accessDenied, SqlError } from '../sql-error.ts'
import { millisecondsOf } from '../time.ts'
import { numberOf, textOf } from '../value.ts'

/** ER_WARN_PURGE_LOG_IN_USE */
const IN_USE = 1867
/** ER_UNKNOWN_ERROR: MySQL keeps nothing for replicas that are away */
const NEEDED = 1105

/**
 * PURGE BINARY LOGS TO 'file' | BEFORE moment: removes the files before that one, or those whose events are all
 * older, on every node of a cluster; as MySQL, up to the first that somebody keeps, with a warning then. The newest
 * file stays.
 */
export async function purgeBinaryLogs(cursor: Cursor, scope: Scope): Promise<Answer> {
  const upTo = cursor.takeWord('BEFORE') ? fileOfMoment(cursor, scope) : fileNamed(cursor)
  if (!hasRight(scope.session, 'administer')) throw accessDenied('BINLOG_ADMIN')
  if (upTo === undefined) return OK
  const place = scope.binlogs.files().findIndex(({ name }) => name === upTo)
  if (place < 0) throw new SqlError(1373, 'HY000', 'Target log not found in binlog index')
  if (place === 0) return OK
  const warnings = warningsOf(await scope.administration.purge(upTo))
  scope.session.warnings = warnings
  return { kind: 'ok', warnings: warnings.length }
}

function warningsOf({ purged, asked, obstacles }: Purged): Warning[] {
  const readers = obstacles.filter(({ kind }) => kind === 'reader')
  const [first] = readers
  const inUse =
    `file ./${first?.file ?? ''} was not purged because it was being read by ${readers.length} thread(s), ` +
    `purged only ${purged} out of ${asked} files.`
  const others = obstacles.filter(({ kind }) => kind !== 'reader')
  return [
    ...(first === undefined ? [] : [{ level: 'Warning', code: IN_USE, message: inUse } as const]),
    ...others.map(({ message }) => ({ level: 'Warning', code: NEEDED, message }) as const),
  ]
}

function fileNamed(cursor: Cursor): string {
  cursor.expectWord('TO')
  if (cursor.token.kind !== 'string') throw cursor.error()
  const name = cursor.next().text
  cursor.expectEnd()
  return name
}

/** The first file with an event that is not older; undefined when all are. */
function fileOfMoment(cursor: Cursor, scope: Scope): string | undefined {
  const ms = readMoment(cursor, scope)
  cursor.expectEnd()
  const files = scope.binlogs.files()
  return files.find(({ lastTimestamp, active }) => active || lastTimestamp * 1000 >= ms)?.name
}

/** expression [± INTERVAL n unit ...], or DATE_SUB | DATE_ADD (expression, INTERVAL n unit), in UTC */
function readMoment(cursor: Cursor, scope: Scope): number {
  const start = cursor.index
  const isSum = cursor.takeWord('DATE_ADD', 'ADDDATE')
  if (isSum || cursor.takeWord('DATE_SUB', 'SUBDATE')) {
    cursor.expectSymbol('(')
    const ms = readBase(cursor, scope)
    cursor.expectSymbol(',')
    const interval = readInterval(cursor, scope)
    cursor.expectSymbol(')')
    return isSum ? ms + interval : ms - interval
  }
  cursor.back(start)
  let ms = readBase(cursor, scope)
  while (cursor.isSymbol('+', '-')) {
    const sign = cursor.next().text === '+' ? 1 : -1
    ms += sign * readInterval(cursor, scope)
  }
  return ms
}

function readBase(cursor: Cursor, scope: Scope): number {
  const value = new ExpressionParser(cursor).parse(BINDS_MORE_THAN_SUMS)(scope)
  const text = textOf(value) ?? ''
  const ms = millisecondsOf(/^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text} 00:00:00` : text)
  if (ms !== undefined) return ms
  throw new SqlError(1525, 'HY000', `Incorrect DATETIME value: '${text}'`)
}

const UNITS_MS: Readonly<Record<string, number>> = {
  SECOND: 1000,
  MINUTE: 60_000,
  HOUR: 3_600_000,
  DAY: 86_400_000,
  WEEK: 604_800_000,
}

function readInterval(cursor: Cursor, scope: Scope): number {
  cursor.expectWord('INTERVAL')
  const count = Number(numberOf(new ExpressionParser(cursor).parse()(scope)))
  const unit = UNITS_MS[cursor.token.text.toUpperCase()]
  if (unit === undefined || cursor.token.kind !== 'word') throw cursor.error()
  cursor.next()
  return count * unit
}
