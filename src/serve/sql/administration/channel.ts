import type { Cursor } from '../cursor.ts'
import { SqlError } from '../sql-error.ts'

/** [FOR CHANNEL 'name']: there is one, without a name. @throws SqlError 3074 for any other */
export function passChannel(cursor: Cursor): void {
  if (!cursor.takeWord('FOR')) return
  cursor.expectWord('CHANNEL')
  const name = cursor.token.kind === 'string' ? cursor.next().text : cursor.expectName()
  if (name === '') return
  throw new SqlError(3074, 'HY000', `Replica channel '${name}' does not exist.`)
}
