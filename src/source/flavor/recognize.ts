import type { Flavor } from '../../mysql/index.ts'
import type { SourceProfile } from '../preflight.ts'
import { columnOf, type SourceConnection } from '../source-connection.ts'
import { mariadbFlavor } from './mariadb-flavor.ts'
import { mysqlFlavor } from './mysql-flavor.ts'
import type { SourceFlavor } from './source-flavor.ts'

const FLAVORS: Readonly<Record<Flavor, SourceFlavor>> = {
  mysql: mysqlFlavor,
  mariadb: mariadbFlavor,
}

/** What server this is, and how to talk with it. @throws OperationalError as SourceFlavor.readProfile */
export async function recognize(
  connection: SourceConnection,
): Promise<{ profile: SourceProfile; flavor: SourceFlavor }> {
  const row = await connection.queryRow('SELECT @@version AS version')
  const version = columnOf(row, 'version')
  const flavor = FLAVORS[/mariadb/i.test(version) ? 'mariadb' : 'mysql']
  return { profile: await flavor.readProfile(connection, version), flavor }
}
