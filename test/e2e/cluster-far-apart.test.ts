import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { layFarApart } from './harness/cluster/far-apart.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { Mysqld } from './harness/mysqld.ts'
import { BridgedNetwork } from './harness/network/bridged-network.ts'

afterAll(endEverything)

const oneWayMs = 40

const obstacle = BridgedNetwork.obstacle()
if (obstacle === undefined) {
  test('three nodes 80 ms apart from the first moment come up and keep their first leader', async () => {
    const source = await Mysqld.start({ serverId: 1 })
    const far = await layFarApart(source, oneWayMs)
    const cluster = await KingbusCluster.start({ source, ...far.options })
    const leader = await cluster.leader()
    const roles = cluster.nodes.map((node, index) => {
      return [cluster.nameOf(index), node === leader ? 'leader' : 'in-sync'] as const
    })
    await cluster.waitForRoles(Object.fromEntries(roles))
    await source.sql('CREATE DATABASE far')
    await source.sql('CREATE TABLE far.away (id INT PRIMARY KEY)')
    await source.sql('INSERT INTO far.away VALUES (1)')
    await cluster.catchUpWith(source)
    // Every take-over begins an epoch, the first one too.
    for (const node of cluster.nodes) expect((await cluster.status(node)).epoch).toBe(1)
    await cluster.stop()
    await far.close()
  })
} else {
  console.warn(`${obstacle}: a cluster over long ways is left out`)
}
