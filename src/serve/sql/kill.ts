import { hasRight } from '../session/session-state.ts'
import { type Answer, OK } from './answer.ts'
import type { Cursor } from './cursor.ts'
import { ExpressionParser } from './expression.ts'
import type { Scope } from './scope.ts'
import { interrupted, SqlError } from './sql-error.ts'
import { numberOf } from './value.ts'

/** KILL [CONNECTION | QUERY] id: one's own sessions, or anybody's with the right to administer. */
export function kill(cursor: Cursor, scope: Scope): Answer {
  const onlyQuery = cursor.takeWord('QUERY')
  if (!onlyQuery) cursor.takeWord('CONNECTION')
  const id = Number(numberOf(new ExpressionParser(cursor).parse()(scope)))
  cursor.expectEnd()
  const { session, sessions } = scope
  const victim = sessions.find(id)
  if (victim === undefined) throw new SqlError(1094, 'HY000', `Unknown thread id: ${id}`)
  if (victim.state.user !== session.user && !hasRight(session, 'administer')) {
    throw new SqlError(1095, 'HY000', `You are not owner of thread ${id}`)
  }
  // A dump is the query of its session, and ends with it.
  if (!onlyQuery || victim.state.command.startsWith('Binlog Dump')) victim.kill()
  else victim.interrupt()
  if (id === session.connectionId) throw interrupted()
  return OK
}
