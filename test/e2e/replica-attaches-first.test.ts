import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { serverDifferences } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Mysqld, replicationUser } from './harness/mysqld.ts'
import { CutProxy } from './harness/network/cut-proxy.ts'
import { Replica } from './harness/replica.ts'

afterAll(endEverything)

test('a replica that attaches before the source was ever reached begins as soon as it is', async () => {
  const source = await Mysqld.start({ serverId: 1 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY)')
  const proxy = await CutProxy.start(source.port)
  proxy.refuse()
  const sourceUrl = `mysql://${replicationUser}@127.0.0.1:${proxy.port}`
  const kingbus = await Kingbus.start({ sourceUrl })
  await kingbus.waitForState('waiting')
  const replica = await Replica.start(kingbus, { serverId: 2 })
  proxy.pass()
  // With the default SOURCE_CONNECT_RETRY a refused replica would be away for 60 s.
  await replica.catchUpWith(source, 25_000)
  expect(await serverDifferences(source, replica.server)).toEqual([])
})
