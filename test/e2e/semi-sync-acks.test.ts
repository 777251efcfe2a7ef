import { afterEach, expect, test } from 'vitest'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { endEverything } from './harness/child.ts'
import { KingbusCluster } from './harness/cluster/kingbus-cluster.ts'
import { compareBinlogs } from './harness/compare.ts'
import { Kingbus } from './harness/kingbus.ts'
import { Load } from './harness/load.ts'
import { Mysqld } from './harness/mysqld.ts'
import { CutProxy } from './harness/network/cut-proxy.ts'
import { AckChecker } from './harness/semi-sync/ack-checker.ts'
import { semiSyncCounters } from './harness/semi-sync/counters.ts'
import { ProcessTrace } from './harness/semi-sync/process-trace.ts'
import { pause, waitFor } from './harness/wait.ts'

afterEach(endEverything)

/** Its commits wait for ever, also just after a start. */
const waiting = {
  'plugin-load-add': 'semisync_source.so',
  rpl_semi_sync_source_enabled: 'ON',
  rpl_semi_sync_source_timeout: '3600000',
  max_binlog_size: '1M',
}
const ours = { 'source-semi-sync': 'true', 'source-tls': 'disabled' }

/** Several connections, each with its own tables. */
async function startLoads(source: Mysqld, seed: number, checker: AckChecker): Promise<Load[]> {
  const starting = [0, 1, 2, 3].map((index) =>
    Load.start(source, { seed: seed + index, schema: `load_${index}` }),
  )
  const watching = new AbortController()
  const violated = waitFor({ what: 'the tables' }, async () => {
    expect(checker.violations).toEqual([])
    return watching.signal.aborted
  })
  const loads = Promise.all(starting)
  // A commit that is never acknowledged would be waited for without end.
  await Promise.race([loads, violated])
  watching.abort()
  return loads
}

const committedBy = (loads: readonly Load[]): number =>
  loads.reduce((sum, { committed }) => sum + committed, 0)

/** So many more commits are made, and nothing about their acknowledgements is wrong. */
async function expectMore(
  loads: readonly Load[],
  more: number,
  checker: AckChecker,
): Promise<void> {
  const goal = committedBy(loads) + more
  await waitFor({ what: `${goal} commits`, timeoutMs: 60_000 }, async () => {
    expect(checker.violations).toEqual([])
    return committedBy(loads) >= goal
  })
}

test('one node acknowledges what is asked for, in order and never early, whatever befalls it', async () => {
  const source = await Mysqld.start({ serverId: 1, options: waiting })
  const cuts = await CutProxy.start(source.port)
  const trace = new ProcessTrace()
  const checker = await AckChecker.start({ port: cuts.port, traces: [trace] })
  const kingbus = await Kingbus.start({
    sourceUrl: checker.sourceUrl,
    flags: ours,
    env: trace.env,
  })
  const loads = await startLoads(source, 71, checker)
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
    await expectMore(loads, 60, checker)
    await disturb()
  }
  await expectMore(loads, 60, checker)
  await Promise.all(loads.map((load) => load.stop()))
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
    flags: ours,
    envs: traces.map(({ env }) => env),
  })
  const loads = await startLoads(source, 72, checker)
  for (let round = 0; round < 3; round += 1) {
    const leader = await cluster.leader()
    await expectMore(loads, 100, checker)
    if (round === 1) await leader.stop()
    else await leader.kill9()
    await expectMore(loads, 100, checker)
    await leader.launch()
  }
  await expectMore(loads, 100, checker)
  await Promise.all(loads.map((load) => load.stop()))
  await cluster.catchUpWith(source)
  expect(checker.violations).toEqual([])
  expect(checker.acks).toBeGreaterThan(300)
  expect(checker.dumps).toBeGreaterThan(3)
  const end = (await source.binlogs()).at(-1)
  expect(checker.newest).toEqual({ file: end?.name, position: end?.size })
  expect((await semiSyncCounters(source)).no).toBe(0)
})
