import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect } from 'vitest'
import { Kingbus } from '../e2e/harness/kingbus.ts'
import { Mysqld, replicationPassword, replicationUser } from '../e2e/harness/mysqld.ts'
import { makeRunFolder } from '../e2e/harness/project.ts'
import { waitFor } from '../e2e/harness/wait.ts'
import { type Account, Client, type ClientProgram } from './client.ts'

/** Slow ones are Java programs that start, and wait before they connect again. */
const PATIENCE_MS = 90_000

const METADATA: Account = { user: 'meta', password: 'meta-local' }

/** A user of both servers who may follow the binlog and see the tables. */
const FOLLOWER: Account = { user: replicationUser, password: replicationPassword }

/** A user of Kingbus alone, who logs in by mysql_native_password: 9.7 has it no more. */
const NATIVE: Account = { user: 'native', password: 'password' }
const NATIVE_HASH = '*2470C0C06DEE42FD1618BB99005ADCA2EC9D1E19'

export interface StoryOptions {
  /** cannot log in to a 9.7 source: only what it gets from Kingbus is looked at */
  readonly onlyNative?: boolean
  readonly sourceOptions?: Readonly<Record<string, string>>
}

/**
 * One client at Kingbus and the same at the source, told the same in the end: across a rotation, a restart of
 * Kingbus, a change of the table, a restart of the client and one of the source.
 * @returns what both were told
 */
export async function tellStory(
  program: ClientProgram,
  options: StoryOptions = {},
): Promise<readonly string[]> {
  const source = await startSource(options)
  const firstFile = (await source.binlogs()).at(-1)?.name ?? ''
  const kingbus = await startKingbus(source)
  const account = options.onlyNative ? NATIVE : FOLLOWER
  const clients = [
    new Client(
      program,
      { name: 'kingbus', port: kingbus.port, account, serverId: 9001 },
      firstFile,
    ),
    ...(options.onlyNative
      ? []
      : [
          new Client(
            program,
            { name: 'source', port: source.port, account, serverId: 9002 },
            firstFile,
          ),
        ]),
  ]
  const arrived = async (word: string): Promise<void> => {
    for (const client of clients) await waitForWord(client, word)
  }
  for (const client of clients) client.start()
  for (const client of clients) await begun(client, source)

  await source.sql("INSERT INTO app.t (name, n) VALUES ('first', 1), ('other', 4000000000)")
  await arrived('first')

  await source.sql('FLUSH BINARY LOGS', "INSERT INTO app.t (name) VALUES ('behind a rotation')")
  await arrived('behind a rotation')

  await kingbus.stop()
  await source.sql("UPDATE app.t SET name = 'while Kingbus is down' WHERE name = 'other'")
  await kingbus.launch()
  await arrived('while Kingbus is down')

  await source.sql(
    'ALTER TABLE app.t ADD COLUMN extra VARCHAR(20) AFTER id',
    "INSERT INTO app.t (extra, name, n) VALUES ('new column', 'ä€', 7)",
  )
  await arrived('new column')

  for (const client of clients) await client.stop()
  await source.sql("INSERT INTO app.t (name) VALUES ('while the client is down')")
  for (const client of clients) client.start()
  await arrived('while the client is down')

  await source.restart()
  await source.sql(
    "INSERT INTO app.t (name) VALUES ('behind a restart of the source')",
    'DELETE FROM app.t WHERE n = 7',
    "INSERT INTO app.t (name) VALUES ('last')",
  )
  await arrived('last')

  for (const client of clients) await client.stop()
  await kingbus.stop()
  await source.stop()
  const [ours = [], theirs = ours] = clients.map((client) => client.changes().filter(isOfStory))
  expect(ours).toEqual(theirs)
  return ours
}

async function startSource({ sourceOptions }: StoryOptions): Promise<Mysqld> {
  const source = await Mysqld.start({
    serverId: 81,
    ...(sourceOptions === undefined ? {} : { options: sourceOptions }),
  })
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

async function startKingbus(source: Mysqld): Promise<Kingbus> {
  const folder = makeRunFolder('interop')
  const passwordFile = join(folder, 'metadata-password')
  const usersFile = join(folder, 'users.yaml')
  const secret = { mode: 0o600 }
  writeFileSync(passwordFile, METADATA.password, secret)
  const { user, password } = FOLLOWER
  writeFileSync(
    usersFile,
    `- {name: ${user}, password: ${password}, rights: [replicate]}\n` +
      `- {name: ${NATIVE.user}, password-hash: '${NATIVE_HASH}', rights: [replicate]}\n`,
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

/** Some clients begin where the source is when they are ready: changes are made until the first of them is told. */
async function begun(client: Client, source: Mysqld): Promise<void> {
  const explain = (): string => client.logTail()
  const patience = { what: `${client.name} to begin`, timeoutMs: PATIENCE_MS, stepMs: 300, explain }
  await waitFor(patience, async () => {
    if (!client.isRunning) throw new Error(`${client.name} ended; ${explain()}`)
    await source.sql('INSERT INTO app.begun VALUES ()')
    return !client.changes().every(isOfStory)
  })
}

function isOfStory(change: string): boolean {
  return !change.includes('"begun"')
}

async function waitForWord(client: Client, word: string): Promise<void> {
  const explain = (): string =>
    `; ${client.logTail()}\nand was told\n${client.changes().join('\n')}`
  await waitFor(
    { what: `'${word}' at ${client.name}`, timeoutMs: PATIENCE_MS, explain },
    async () => {
      if (!client.isRunning) throw new Error(`${client.name} ended ${explain()}`)
      return client.changes().some((line) => line.includes(word))
    },
  )
}
