import { afterEach, expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { compareBinlogs } from './harness/compare.ts'
import { Mysqld } from './harness/mysqld.ts'
import { AckChecker } from './harness/semi-sync/ack-checker.ts'
import { CheckedLoad } from './harness/semi-sync/checked-load.ts'
import { CHECKED_FLAGS, startCheckedNode } from './harness/semi-sync/checked-node.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { ProcessTrace } from './harness/semi-sync/process-trace.ts'
import { pause } from './harness/wait.ts'

afterEach(endEverything)

/** Its commits wait for ever, also just after a start. */
const waiting = {
  'plugin-load-add': 'semisync_source.so',
  rpl_semi_sync_source_enabled: 'ON',
  rpl_semi_sync_source_timeout: '3600000',
  max_binlog_size: '1M',
}

test('one node acknowledges what is asked for, in order and never early, whatever befalls it', async () => {
  const source = await Mysqld.start({ serverId: 1, options: waiting })
  const { cuts, checker, kingbus } = await startCheckedNode(source)
  const load = await CheckedLoad.start(source, 71, checker)
  const random = new SeededRandom(71)
  const disturbances = [
    async () => cuts.cut(),
    async () => cuts.cutAfter(random.between(1, 200_000)),
    async () => {
      await kingbus.kill9()
      await kingbus.launch()
    },
    async () => {
      await source.kill9()
      await source.launch()
    },
    async () => void (await source.sql('FLUSH BINARY LOGS')),
    async () => {
      await Promise.all([kingbus.kill9(), source.kill9()])
      await Promise.all([kingbus.launch(), source.launch()])
    },
    async () => {
      kingbus.freeze()
      await pause(random.between(100, 400))
      kingbus.thaw()
    },
  ]
  for (const disturb of [...disturbances, ...disturbances]) {
    await load.more(60)
    await disturb()
  }
  await load.more(60)
  await load.stop()
  await kingbus.catchUpWith(source)
  expect(checker.violations).toEqual([])
  expect(checker.acks).toBeGreaterThan(500)
  expect(checker.dumps).toBeGreaterThan(8)
  const end = (await source.binlogs()).at(-1)
  expect(checker.newest).toEqual({ file: end?.name, position: end?.size })
  expect((await semiSyncCounters(source)).no).toBe(0)
  expect((await compareBinlogs(source, kingbus)).differences).toEqual([])
})

test('three nodes acknowledge what two have on their disks, whichever of them leads', async () => {
  const source = await Mysqld.start({ serverId: 1, options: waiting })
  const traces = [new ProcessTrace(), new ProcessTrace(), new ProcessTrace()]
  const checker = await AckChecker.start({ port: source.port, traces, nodes: 2 })
  const cluster = await KingbusCluster.start({
    source,
    sourceUrl: checker.sourceUrl,
    flags: CHECKED_FLAGS,
    envs: traces.map(({ env }) => env),
  })
  const load = await CheckedLoad.start(source, 72, checker)
  for (let round = 0; round < 3; round += 1) {
    const leader = await cluster.leader()
    await load.more(100)
    if (round === 1) await leader.stop()
    else await leader.kill9()
    await load.more(100)
    await leader.launch()
  }
  await load.more(100)
  await load.stop()
  await cluster.catchUpWith(source)
  expect(checker.violations).toEqual([])
  expect(checker.acks).toBeGreaterThan(300)
  expect(checker.dumps).toBeGreaterThan(3)
  const end = (await source.binlogs()).at(-1)
  expect(checker.newest).toEqual({ file: end?.name, position: end?.size })
  expect((await semiSyncCounters(source)).no).toBe(0)
})
