import { runSourceChange } from '../../test/simulation/source-change/world.ts'
import { runShareOf, type SeedSuite, seedCommand } from './seed-command.ts'

const suite: SeedSuite = {
  name: 'source-change',
  description: 'a node whose source is replaced by other servers',
  module: import.meta.url,
  run: (seed, say) => runSourceChange({ seed, say }),
}

export const sourceChange = seedCommand(suite)

await runShareOf(suite)
