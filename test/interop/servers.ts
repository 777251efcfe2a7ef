import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Kingbus } from '../e2e/harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from '../e2e/harness/mysqld.ts'
import { makeRunFolder } from '../e2e/harness/project.ts'
import type { Account } from './client.ts'

const METADATA: Account = { user: 'meta', password: 'meta-local' }

/** A user of both servers who may follow the binlog and see the tables. */
export const FOLLOWER: Account = { user: replicationUser, password: replicationPassword }

/** A user of Kingbus alone, who logs in by mysql_native_password: 9.7 has it no more. */
export const NATIVE: Account = { user: 'native', password: 'password' }
const NATIVE_HASH = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'

/** A user of Kingbus alone, from whom GTIDs with tags are hidden. */
export const TAGLESS: Account = { user: 'tagless', password: 'tagless-local' }

/** A source with the schema `app`, a table to change, and one to see in that a client has begun. */
export async function startSource(): Promise<Mysqld> {
  const source = await Mysqld.start({ serverId: 81 })
  await source.sql(
    'CREATE DATABASE app',
    `CREATE USER '${METADATA.user}'@'%' IDENTIFIED BY '${METADATA.password}'`,
    `GRANT SELECT, SHOW VIEW ON app.* TO '${METADATA.user}'@'%'`,
    // At the source a client's own user needs to see what Kingbus asks the source for.
    `GRANT SELECT ON app.* TO '${FOLLOWER.user}'@'%'`,
    // canal's history of tables lists each schema that SHOW DATABASES shows; this one is shown to everybody.
    `GRANT SELECT ON performance_schema.* TO '${METADATA.user}'@'%', '${FOLLOWER.user}'@'%'`,
    'CREATE TABLE app.t (id INT PRIMARY KEY AUTO_INCREMENT, name VARCHAR(40), n INT UNSIGNED)',
    'CREATE TABLE app.begun (id INT PRIMARY KEY AUTO_INCREMENT)',
    'FLUSH BINARY LOGS',
  )
  return source
}

/** A Kingbus that holds what the source has, and passes questions about tables on to it. */
export async function startKingbus(source: Mysqld): Promise<Kingbus> {
  const folder = makeRunFolder('interop')
  const passwordFile = join(folder, 'metadata-password')
  const usersFile = join(folder, 'users.yaml')
  const secret = { mode: 0o600 }
  writeFileSync(passwordFile, METADATA.password, secret)
  const { user, password } = FOLLOWER
  writeFileSync(
    usersFile,
    `- {name: ${user}, password: ${password}, rights: [replicate]}\n` +
      `- {name: ${NATIVE.user}, password-hash: '${NATIVE_HASH}', rights: [replicate]}\n` +
      `- {name: ${TAGLESS.user}, password: ${TAGLESS.password}, rights: [replicate], tagged-gtids: hidden}\n`,
    secret,
  )
  const kingbus = await Kingbus.start({
    sourceUrl: source.sourceUrl,
    flags: {
      'serve-users-file': usersFile,
      'serve-metadata': 'pass-through',
      'serve-metadata-user': METADATA.user,
      'serve-metadata-password-file': passwordFile,
    },
  })
  await kingbus.catchUpWith(source)
  return kingbus
}
