import { expect } from 'vitest'
import type { Mysqld } from '../e2e/harness/mysqld.ts'
import { waitFor } from '../e2e/harness/wait.ts'
import { type Account, Client, type ClientProgram, PATIENCE_MS } from './client.ts'
import { FOLLOWER, startKingbus, startSource } from './servers.ts'

export interface StoryOptions {
  /** a user of Kingbus alone: what the client gets there is looked at, and nothing at the source */
  readonly onlyAs?: Account
  /** until the source is restarted, its transactions have GTIDs with tags, and every file tells of them */
  readonly tagged?: boolean
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
  const source = await startSource()
  const firstFile = (await source.binlogs()).at(-1)?.name ?? ''
  const kingbus = await startKingbus(source)
  if (options.tagged) await source.sql("SET gtid_next = 'AUTOMATIC:story'")
  const account = options.onlyAs ?? FOLLOWER
  const clients = [
    new Client(
      program,
      { name: 'kingbus', port: kingbus.port, account, serverId: 9001 },
      firstFile,
    ),
    ...(options.onlyAs
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
    for (const client of clients) await client.untilTold(word)
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
