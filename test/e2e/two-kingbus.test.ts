import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { compareBinlogs, serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld } from './harness/mysqld.ts'
import { Replica } from './harness/replica.ts'
import { waitFor } from './harness/wait.ts'

afterAll(endEverything)

test('a replica with SOURCE_CONNECTION_AUTO_FAILOVER goes between two that read one source', async () => {
  const source = await Mysqld.start({ serverId: 1, options: { max_binlog_size: '1M' } })
  const both = [
    await Kingbus.start({ sourceUrl: source.sourceUrl }),
    await Kingbus.start({ sourceUrl: source.sourceUrl }),
  ] as const
  const replica = new Replica(await Mysqld.start({ serverId: 2 }))
  await replica.attachToAny(both)
  const load = await Load.start(source, { seed: 31, restMs: 2 })
  for (const [from, to] of [both, both.toReversed()]) {
    if (from === undefined || to === undefined) throw new Error('there are two')
    await replica.waitForSource(from)
    await from.kill9()
    await replica.waitForSource(to)
    const { committed } = load
    await waitFor({ what: 'more of the load' }, async () => load.committed > committed + 50)
    await from.launch()
    await from.waitForState('streaming')
  }
  await load.stop()
  await replica.catchUpWith(source, 60_000)
  expect(await serverDifferences(source, replica.server)).toEqual([])
  for (const kingbus of both) {
    expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
  }
})
