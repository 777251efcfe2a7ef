import { runWorld } from '../../test/cluster-simulation/world.ts'
import { runShareOf, type SeedSuite, seedCommand } from './seed-command.ts'

const suite: SeedSuite = {
  name: 'cluster',
  description: 'the nodes of a cluster with simulated disks, network, etcd and source',
  module: import.meta.url,
  run: (seed, say) => runWorld({ seed, say }),
}

export const cluster = seedCommand(suite)

await runShareOf(suite)
