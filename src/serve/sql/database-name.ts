import { SqlError } from './sql-error.ts'

/** The longest name that MySQL allows. */
const CHARACTERS_MOST = 64

/**
 * Why a name cannot be that of a default database. Kingbus has no databases: any name that one could have is taken,
 * whichever way it comes, so that clients that log in with one work unchanged.
 */
export function databaseNameError(name: string): SqlError | undefined {
  if (name === '') return new SqlError(1046, '3D000', 'No database selected')
  if ([...name].length > CHARACTERS_MOST) {
    return new SqlError(1059, '42000', `Identifier name '${name}' is too long`)
  }
  if (name.endsWith(' ')) return new SqlError(1102, '42000', `Incorrect database name '${name}'`)
  return undefined
}
