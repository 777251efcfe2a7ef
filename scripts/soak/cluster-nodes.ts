import { runWorld } from '../../test/cluster-nodes/world.ts'
import { runShareOf, type SeedSuite, seedCommand } from './seed-command.ts'

const suite: SeedSuite = {
  name: 'cluster-nodes',
  description: 'whole nodes of a cluster with simulated disks, clock, network, etcd and source',
  module: import.meta.url,
  run: (seed, say) => runWorld({ seed, say }),
}

export const clusterNodes = seedCommand(suite)

await runShareOf(suite)
