import { alternate } from '../alternate.ts'
import { ChildProgram } from '../client/child-program.ts'
import { BenchCluster } from '../cluster/bench-cluster.ts'
import { clusterReplica } from '../cluster/cluster-replica.ts'
import type { CommitterCommand, CommitterReport } from '../programs/committer.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import { type Bench, eight, lone, one, runAlone, runWith } from '../semi-sync/committing.ts'
import { durableReplica, startReceivers } from '../semi-sync/replicas.ts'
import { SemiSyncSource } from '../semi-sync/source.ts'
import type { Stage } from '../stage.ts'
import { withDurableSource } from './live.ts'

const goals: Goal[] = [one, eight].map(({ what }) => ({
  what,
  says: `three nodes, commits of ${what}: by those with a durable mysqld`,
  figure: (of) =>
    of('kingbus', 'transactionsPerSecond').median /
    of(durableReplica, 'transactionsPerSecond').median,
  least: 1,
}))

async function measureAll(stage: Stage): Promise<Measured[]> {
  const { server } = stage.corpus
  const source = new SemiSyncSource(server)
  await stage.removeKingbus()
  await source.install()
  const receivers = await startReceivers(server)
  const cluster = await BenchCluster.start(server, {
    flags: { 'source-semi-sync': 'true', 'source-start-at': 'newest' },
  })
  const ours = clusterReplica(cluster, { standsStill: true })
  await ours.detach()
  const program = new ChildProgram<CommitterCommand, CommitterReport>('committer')
  const partiesOf = (bench: Bench) => [
    { who: 'no replica', run: () => runAlone(bench) },
    ...[receivers.durable, ours].map((replica) => ({
      who: replica.who,
      run: () => runWith(bench, replica),
    })),
  ]
  try {
    const measured: Measured[] = []
    for (const load of [one, eight, lone]) {
      await source.dropReplicas()
      const rounds = { repeats: stage.repeats, warmUps: load === one ? 1 : 0 }
      const parties = partiesOf({ stage, source, program, load })
      measured.push(...(await alternate(load.what, parties, rounds)))
    }
    return measured
  } finally {
    program.close()
    await cluster.signal('SIGCONT')
    await cluster.stopAndRemove()
    await receivers.remove()
    await source.uninstall()
  }
}

export const clusterCommits: Scenario = {
  name: 'cluster-commits',
  measures:
    'as commits, with a cluster of three as the replica: its leader acknowledges what all three have durably; all ' +
    'nodes and their members of etcd share the cores and the disk of this machine; CPU is that of the three nodes',
  shapes: ['small'],
  goals,
  run: (stage) => withDurableSource(stage, () => measureAll(stage)),
}
