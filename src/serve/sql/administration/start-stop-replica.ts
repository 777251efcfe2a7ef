import { hasRight } from '../../session/session-state.ts'
import { type Answer, OK } from '../answer.ts'
import type { Cursor } from '../cursor.ts'
import type { Scope } from '../scope.ts'
import { accessDenied, SqlError } from '../sql-error.ts'
import { passChannel } from './channel.ts'

/**
 * START | STOP REPLICA [IO_THREAD] [FOR CHANNEL '']: the link to the source, on whichever node of a cluster has it;
 * so it stays after a restart. What is received is kept at once, so that there is no SQL thread to stop alone.
 */
export async function startStopReplica(
  cursor: Cursor,
  scope: Scope,
  words: readonly string[],
): Promise<Answer> {
  passThreads(cursor)
  if (cursor.isWord('UNTIL', 'USER', 'PASSWORD', 'DEFAULT_AUTH', 'PLUGIN_DIR')) {
    throw notSupported(`${words.join(' ')} ... ${cursor.token.text.toUpperCase()}`)
  }
  passChannel(cursor)
  cursor.expectEnd()
  if (!hasRight(scope.session, 'administer')) throw accessDenied('REPLICATION_SLAVE_ADMIN')
  if (words[0] === 'START') await scope.administration.startSource()
  else await scope.administration.stopSource()
  return OK
}

function passThreads(cursor: Cursor): void {
  const threads: string[] = []
  if (cursor.isWord(...THREADS)) {
    do {
      if (!cursor.isWord(...THREADS)) throw cursor.error()
      threads.push(cursor.next().text.toUpperCase())
    } while (cursor.takeSymbol(','))
  }
  const isApplierAlone = threads.length > 0 && threads.every((thread) => thread === 'SQL_THREAD')
  if (isApplierAlone) throw notSupported('SQL_THREAD alone: what is received is kept at once')
}

const THREADS: readonly string[] = ['IO_THREAD', 'RELAY_THREAD', 'SQL_THREAD']

function notSupported(what: string): SqlError {
  return new SqlError(1235, '42000', `A binlog server does not support ${what}`)
}
