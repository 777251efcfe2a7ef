import { runMonth } from '../../test/simulation/retention/world.ts'
import { runShareOf, type SeedSuite, seedCommand } from './seed-command.ts'

const suite: SeedSuite = {
  name: 'retention-month',
  description: 'a month of a node whose replicas come and go and whose clock jumps',
  module: import.meta.url,
  run: (seed, say) => runMonth({ seed, say }),
}

export const retentionMonth = seedCommand(suite)

await runShareOf(suite)
