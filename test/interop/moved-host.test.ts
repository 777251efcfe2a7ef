import { afterEach, expect, test } from 'vitest'
import { endEverything } from '../e2e/harness/child.ts'
import { Kingbus } from '../e2e/harness/kingbus.ts'
import type { Mysqld } from '../e2e/harness/mysqld.ts'
import { Client, type Target } from './client.ts'
import { readPrepared } from './prepared.ts'
import { FOLLOWER, startSource } from './servers.ts'

afterEach(endEverything)

const ready = readPrepared().filter(({ state }) => state === 'ready')
const debezium = ready.find(({ client }) => client.name === 'debezium')

/** Rows that are there before Debezium is: its snapshot reads them. */
const SNAPSHOT_ROWS = 500

/** Debezium's first snapshot locks the tables for a moment, and reads them. */
async function startSnapshotSource(): Promise<Mysqld> {
  const source = await startSource()
  const numbers = 'WITH RECURSIVE s (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM s WHERE i <'
  await source.sql(
    `GRANT RELOAD, LOCK TABLES, SHOW DATABASES ON *.* TO '${FOLLOWER.user}'@'%'`,
    `INSERT INTO app.t (name, n) ${numbers} ${SNAPSHOT_ROWS}) SELECT CONCAT('old ', i), i FROM s`,
  )
  return source
}

if (debezium !== undefined) {
  /*
    Kingbus passes on no questions about tables here: what Debezium keeps of the tables is enough. The same server id
    and the same files of offsets and of tables, and nothing but host and port becomes another.
  */
  test('Debezium makes its snapshot at the source, goes on at Kingbus, and back: each row once', async () => {
    const source = await startSnapshotSource()
    const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
    await kingbus.catchUpWith(source)
    const at = (name: string, port: number): Target => {
      return { name, port, account: FOLLOWER, serverId: 9001 }
    }
    const program = { ...debezium.client, env: { FOLLOW_SNAPSHOT: 'initial' } }
    const client = new Client(program, at('source', source.port), '')
    const names: string[] = []
    const insert = async (...more: readonly string[]): Promise<void> => {
      names.push(...more)
      for (const name of more) await source.sql(`INSERT INTO app.t (name) VALUES ('${name}')`)
    }

    client.start()
    await client.untilTold(`"old ${SNAPSHOT_ROWS}"`)
    await insert('streamed by the source')
    await client.untilTold('streamed by the source')
    await client.stop()

    await insert('nobody looks', 'nobody looks either')
    await source.sql("UPDATE app.t SET n = 0 WHERE name = 'old 7'")
    await kingbus.catchUpWith(source)
    client.moveTo(at('kingbus', kingbus.port))
    client.start()
    await insert('told by Kingbus')
    await client.untilTold('told by Kingbus')

    await source.sql('ALTER TABLE app.t ADD COLUMN extra VARCHAR(20)', 'FLUSH BINARY LOGS')
    await source.sql("UPDATE app.t SET extra = 'a new column' WHERE name = 'told by Kingbus'")
    await client.untilTold('a new column')
    await kingbus.stop()
    await insert('while Kingbus is down')
    await kingbus.launch()
    await client.untilTold('while Kingbus is down')
    await client.stop()

    await insert('nobody looks again')
    client.moveTo(at('source', source.port))
    client.start()
    await insert('the source again')
    await client.untilTold('the source again')
    await client.stop()

    const told = client.told().filter((line) => line.includes('"t"'))
    const of = (operation: string): string[] =>
      told.filter((line) => line.startsWith(`["${operation}"`))
    expect(of('read')).toHaveLength(SNAPSHOT_ROWS)
    expect(new Set(of('read')).size).toBe(SNAPSHOT_ROWS)
    const inserted = of('insert').map((line) => /"name":"([^"]*)"/.exec(line)?.[1])
    expect(inserted).toEqual(names)
    expect(of('update').map((line) => /"name":"([^"]*)"/.exec(line)?.[1])).toEqual([
      'old 7',
      'told by Kingbus',
    ])
    expect(told).toHaveLength(SNAPSHOT_ROWS + names.length + 2)
  })
}
