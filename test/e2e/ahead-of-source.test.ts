import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterAll(endEverything)

const empty = (gtid: string): readonly string[] => [
  `SET GTID_NEXT = '${gtid}'`,
  'BEGIN',
  'COMMIT',
  "SET GTID_NEXT = 'AUTOMATIC'",
]

test('a replica that has what the source has lost is refused as by the source', async () => {
  const [source, server] = await Promise.all([1, 2].map((serverId) => Mysqld.start({ serverId })))
  if (source === undefined || server === undefined) throw new Error('no servers')
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  const uuid = await source.value('SELECT @@server_uuid')
  const replica = new Replica(server)
  await replica.attach(source)
  await replica.catchUpWith(source)
  const kingbus = await Kingbus.start({ sourceUrl: source.sourceUrl })
  await kingbus.catchUpWith(source)

  // Transactions of its own matter to nobody, those of the source's uuid that it has not do.
  await server.sql('STOP REPLICA', 'CREATE DATABASE own', ...empty(`${uuid}:100`))
  await replica.attach(source)
  const said = await replica.waitForReceiverError()
  expect(said.words).toMatch(/Replica has more GTIDs than the source has/)
  await server.sql('STOP REPLICA', 'RESET REPLICA ALL')
  await replica.attach(kingbus)
  expect(await replica.waitForReceiverError()).toEqual(said)
  await waitFor({ what: 'the log to name the transaction' }, async () =>
    kingbus.logTail().includes(`"gtids":"${uuid}:100"`),
  )

  await source.sql(...empty(`${uuid}:100`), 'INSERT INTO d.t VALUES (1)')
  await server.sql('STOP REPLICA', 'START REPLICA')
  await replica.catchUpWith(source)
  expect(await replica.bothThreadsRun()).toBe(true)
  expect(await server.value('SELECT GROUP_CONCAT(id) FROM d.t')).toBe('1')
})
