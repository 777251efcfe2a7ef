/*
  npm run soak -- KIND [OPTIONS]

  Runs of as long as you like, with the code that the tests run for a short while. Each prints the command
  that shows a failure again. `npm run soak -- --help` lists the kinds.
*/
import { Command } from 'commander'
import { bitRot } from './soak/bit-rot.ts'
import { cluster } from './soak/cluster.ts'
import { clusterNodes } from './soak/cluster-nodes.ts'
import { endurance } from './soak/endurance.ts'
import { faults } from './soak/faults.ts'
import { fuzz } from './soak/fuzz.ts'
import { killPoints } from './soak/kill-points.ts'
import { powerLoss } from './soak/power-loss.ts'
import { retentionMonth } from './soak/retention-month.ts'
import { simulation } from './soak/simulation.ts'
import { sourceChange } from './soak/source-change.ts'
import { upheaval } from './soak/upheaval.ts'

const program = new Command('npm run soak --')
  .description(
    'long runs of the tests: each ends at its first failure and prints the command that repeats it',
  )
  .showHelpAfterError()
const KINDS = [
  bitRot,
  cluster,
  clusterNodes,
  endurance,
  faults,
  fuzz,
  killPoints,
  powerLoss,
  retentionMonth,
  simulation,
  sourceChange,
  upheaval,
]
for (const kind of KINDS) program.addCommand(kind)
await program.parseAsync()
