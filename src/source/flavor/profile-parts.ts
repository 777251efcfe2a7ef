/* What is read of a source in the same way whatever its flavor. */
import { OperationalError } from '../../lib/index.ts'
import type { SourceConnection } from '../source-connection.ts'

/** A Kingbus is recognized by its version. What it has is its source's, so it goes by that one's uuid. */
export function isKingbus(version: string): boolean {
  return /-kingbus\b/.test(version)
}

/** @throws OperationalError E_SOURCE_REFUSED for a Kingbus that knows no source's uuid */
export function refuseEmptyKingbus(version: string, sourceUuid: string): void {
  if (!isKingbus(version) || sourceUuid !== '') return
  throw new OperationalError('E_SOURCE_REFUSED', 'the Kingbus that is the source has nothing yet')
}

export function tooOld(version: string, oldest: string): OperationalError {
  return new OperationalError(
    'E_SOURCE_VERSION',
    `the source has version ${version}; ${oldest} is the oldest that is understood`,
    { version },
  )
}

/** `'repl'@'%'`, of what CURRENT_USER() says. */
export function accountName(currentUser: string): string {
  const at = currentUser.lastIndexOf('@')
  return `'${currentUser.slice(0, at)}'@'${currentUser.slice(at + 1)}'`
}

/** Tells which privileges we have on all databases, also through roles that are active. */
export async function readGrants(
  connection: SourceConnection,
): Promise<(privilege: string) => boolean> {
  const grants = (await connection.query('SHOW GRANTS')).flatMap((grant) => Object.values(grant))
  const listed = grants.flatMap(
    (grant) => /^GRANT (.*) ON \*\.\* TO /.exec(grant ?? '')?.[1]?.split(', ') ?? [],
  )
  return (privilege) => listed.includes('ALL PRIVILEGES') || listed.includes(privilege)
}
