import { runWorld } from '../../test/simulation/world.ts'
import { runShareOf, type SeedSuite, seedCommand } from './seed-command.ts'

const suite: SeedSuite = {
  name: 'simulation',
  description: 'one node with a simulated source, disk and clients',
  module: import.meta.url,
  run: (seed, say) => runWorld({ seed, say }),
}

export const simulation = seedCommand(suite)

await runShareOf(suite)
