import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { compareBinlogs, serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld, replicationUser } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterAll(endEverything)

test('a Kingbus whose source is another Kingbus has the same bytes, whichever is killed', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const near = await Kingbus.start({ sourceUrl: source.sourceUrl })
  const far = await Kingbus.start({
    sourceUrl: `mysql://${replicationUser}@127.0.0.1:${near.port}`,
  })
  // A replica waits 60 s before it connects again by default.
  const clauses = ['SOURCE_CONNECT_RETRY=1', 'SOURCE_RETRY_COUNT=1000']
  const replica = await Replica.start(far, { serverId: 2 }, { clauses })
  const load = await Load.start(source, { seed: 9, restMs: 2 })
  const more = async (): Promise<void> => {
    const { committed } = load
    await waitFor({ what: 'more of the load' }, async () => load.committed > committed + 200)
  }
  await far.waitForState('streaming')
  await more()
  await near.kill9()
  await near.launch()
  await more()
  await far.kill9()
  await far.launch()
  await more()
  await load.stop()
  await replica.catchUpWith(source, 60_000)
  expect(await serverDifferences(source, replica.server)).toEqual([])
  for (const kingbus of [near, far]) {
    expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
  }
})
