import type { SemiSyncReplica } from '../semi-sync/replicas.ts'
import type { BenchCluster } from './bench-cluster.ts'

/** A cluster that acknowledges, by whichever of its nodes leads. The CPU time is that of its three nodes. */
export function clusterReplica(
  cluster: BenchCluster,
  /** nodes and members of etcd stand still while others are measured; they take over anew afterwards */
  { standsStill }: { readonly standsStill: boolean },
): SemiSyncReplica {
  return {
    who: 'kingbus',
    cpuSeconds: () => cluster.cpuSeconds(),
    async attach() {
      if (standsStill) await cluster.signal('SIGCONT')
      const leader = await cluster.settled()
      await leader.startSource()
    },
    async detach() {
      const leader = await cluster.settled()
      await leader.stopSource()
      if (standsStill) await cluster.signal('SIGSTOP')
    },
  }
}
