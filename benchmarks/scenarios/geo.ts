import { layFarApart } from '../../test/e2e/harness/cluster/far-apart.ts'
import { BridgedNetwork } from '../../test/e2e/harness/network/bridged-network.ts'
import { DelayProxy } from '../../test/e2e/harness/network/delay-proxy.ts'
import { alternate } from '../alternate.ts'
import { ChildProgram } from '../client/child-program.ts'
import { BenchCluster } from '../cluster/bench-cluster.ts'
import { clusterReplica } from '../cluster/cluster-replica.ts'
import type { Run } from '../figures.ts'
import type { CommitterCommand, CommitterReport } from '../programs/committer.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import { type Bench, eight, one, runWith } from '../semi-sync/committing.ts'
import { durableReplica, startReceivers } from '../semi-sync/replicas.ts'
import { SemiSyncSource } from '../semi-sync/source.ts'
import type { Stage } from '../stage.ts'
import { withDurableSource } from './live.ts'

const roundTripMs = 80
const oneWayMs = roundTripMs / 2

const goals: Goal[] = [one, eight].flatMap(({ what }) => [
  {
    what,
    says: `${roundTripMs} ms apart, commits of ${what}: by those with a durable mysqld as far away`,
    figure: (of) =>
      of('kingbus', 'transactionsPerSecond').median /
      of(durableReplica, 'transactionsPerSecond').median,
    least: 0.9,
    aim: true,
  },
  {
    what,
    says: `${roundTripMs} ms apart, ${what}: take-overs, at most`,
    figure: (of) => of('kingbus', 'takeOvers').most,
    most: 0,
  },
])

async function measureAll(stage: Stage): Promise<Measured[]> {
  const { server } = stage.corpus
  const source = new SemiSyncSource(server)
  await stage.removeKingbus()
  await source.install()
  const way = await DelayProxy.start(
    '127.0.0.1',
    { host: '127.0.0.1', port: server.port },
    () => oneWayMs,
  )
  const receivers = await startReceivers(server, way)
  const flags = { 'source-semi-sync': 'true', 'source-start-at': 'newest' }
  const far = await layFarApart(server, oneWayMs)
  const cluster = await BenchCluster.start(server, { ...far.options, flags })
  const program = new ChildProgram<CommitterCommand, CommitterReport>('committer')
  try {
    const ours = clusterReplica(cluster, { standsStill: false })
    await ours.detach()
    let epoch = await cluster.epoch()
    const byCluster = async (bench: Bench): Promise<Run> => {
      const run = await runWith(bench, ours)
      const before = epoch
      epoch = await cluster.epoch()
      return { ...run, takeOvers: epoch - before }
    }
    const measured: Measured[] = []
    for (const load of [one, eight]) {
      const bench = { stage, source, program, load }
      await source.dropReplicas()
      const parties = [
        { who: durableReplica, run: () => runWith(bench, receivers.durable) },
        { who: ours.who, run: () => byCluster(bench) },
      ]
      measured.push(...(await alternate(load.what, parties, { repeats: stage.repeats })))
    }
    return measured
  } finally {
    program.close()
    await cluster.stopAndRemove()
    await far.close()
    await receivers.remove()
    await way.close()
    await source.uninstall()
  }
}

export const geo: Scenario = {
  name: 'geo',
  measures:
    `commits with ${roundTripMs} ms (there and back) between any two nodes, of links and etcd, and none to the ` +
    'source; beside them a mysqld as far from the source; with the settings as they come, and TLS between nodes; ' +
    'counted too is how often another node has taken over',
  shapes: ['small'],
  goals,
  obstacle: () => BridgedNetwork.obstacle(),
  run: (stage) => withDurableSource(stage, () => measureAll(stage)),
}
