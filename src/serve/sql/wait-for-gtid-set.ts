import { gtidSetOf } from './functions.ts'
import type { Scope } from './scope.ts'
import { interrupted, SqlError } from './sql-error.ts'
import { numberOf, type Value } from './value.ts'

const NAME = 'WAIT_FOR_EXECUTED_GTID_SET'
/** A longer wait is one without an end: a timer holds 24 days. */
const WAIT_MS_MOST = 2 ** 31 - 1

/**
 * WAIT_FOR_EXECUTED_GTID_SET(set [, seconds]): 0 once everything in the set is shown here, 1 when the time is over
 * before; 0 seconds, or none given, is without end. @throws SqlError 1317 when it is killed
 */
export async function waitForGtidSet(values: readonly Value[], scope: Scope): Promise<Value> {
  if (values.length < 1 || values.length > 2) {
    const message = `Incorrect parameter count in the call to native function '${NAME}'`
    throw new SqlError(1582, '42000', message)
  }
  const [wanted = null, seconds = null] = values
  if (wanted === null) return null
  const set = gtidSetOf(wanted)
  const waitMs = Number(numberOf(seconds ?? 0n)) * 1000
  if (waitMs < 0) throw new SqlError(1210, 'HY000', `Incorrect arguments to ${NAME}.`)
  const { facts, binlogs, clock } = scope
  const unwanted = scope.beginWait()
  const late = new AbortController()
  const isBounded = waitMs > 0 && waitMs <= WAIT_MS_MOST
  const cancel = isBounded ? clock.after(waitMs, () => late.abort()) : () => {}
  const over = AbortSignal.any([unwanted, late.signal])
  try {
    while (!facts.executed().contains(set)) {
      if (unwanted.aborted) throw interrupted()
      if (late.signal.aborted) return 1n
      await binlogs.visible.changed(over)
    }
    return 0n
  } finally {
    cancel()
  }
}
