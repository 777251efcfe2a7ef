import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { fileDifference } from './harness/compare.ts'
import { MariadbReplica } from './harness/mariadb/mariadb-replica.ts'
import { Mariadbd } from './harness/mariadb/mariadbd.ts'
import { waitFor } from './harness/wait.ts'

afterAll(endEverything)

test('a cluster follows a MariaDB source when its leader is killed, and replicas go from node to node', async () => {
  const source = await Mariadbd.start({ serverId: 11 })
  await source.sql('CREATE DATABASE d', 'CREATE TABLE d.t (id INT PRIMARY KEY AUTO_INCREMENT)')
  const cluster = await KingbusCluster.start({ source, nativePassword: true })
  const leader = await cluster.leader()
  const follower = cluster.nodes.find((node) => node !== leader)
  if (follower === undefined) throw new Error('there are three nodes')
  const replica = await MariadbReplica.start(follower, { serverId: 21 }, { by: 'slave_pos' })
  const write = async (count: number): Promise<void> => {
    for (let done = 0; done < count; done += 1) await source.sql('INSERT INTO d.t VALUES (NULL)')
  }
  await write(50)
  await source.sql('FLUSH BINARY LOGS')
  await write(50)
  await replica.catchUpWith(source)
  await leader.kill9()
  await write(50)
  await replica.catchUpWith(source, 60_000)
  await leader.launch()
  for (const node of cluster.nodes) {
    await replica.server.sql('STOP SLAVE')
    await write(20)
    await replica.attach(node, { by: 'slave_pos' })
    await replica.catchUpWith(source, 60_000)
  }
  const wanted = await source.gtidBinlogPos()
  for (const node of cluster.nodes) {
    await waitFor({ what: `a node to hold ${wanted}` }, async () => {
      return (await node.status()).gtidExecuted === wanted
    })
    for (const { name, path } of node.binlogs()) {
      expect(fileDifference(path, join(source.dataFolder, name), true)).toBeUndefined()
    }
  }
  const checksum = 'CHECKSUM TABLE d.t'
  expect(await replica.server.sql(checksum)).toEqual(await source.sql(checksum))
  await cluster.stop()
}, 180_000)
