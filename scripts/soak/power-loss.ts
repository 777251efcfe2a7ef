import { Command, Option } from 'commander'
import { present } from '../../src/lib/index.ts'
import { runOneNode } from '../../test/crashes/power-loss/one-node-run.ts'
import type { PowerPlan, PowerResult } from '../../test/crashes/power-loss/power-plan.ts'
import { runThreeNodes } from '../../test/crashes/power-loss/three-nodes-run.ts'
import { endEverything } from '../../test/e2e/harness/child.ts'
import { type FileSystem, OwnDisk } from '../../test/e2e/harness/disks/own-disk.ts'
import { soakRun } from './soak-run.ts'

const FILE_SYSTEMS = ['ext4', 'xfs'] as const satisfies readonly FileSystem[]
const WHOSE = ['one-node', 'three-nodes'] as const
/** A new source and empty nodes after so many. */
const CUTS_OF_A_WORLD = 12

interface Options {
  readonly seed: string
  readonly minutes: string
  readonly only?: (typeof WHOSE)[number]
}

const runs: Readonly<Record<(typeof WHOSE)[number], (plan: PowerPlan) => Promise<PowerResult>>> = {
  'one-node': runOneNode,
  'three-nodes': runThreeNodes,
}

async function run({ seed, minutes, only }: Options): Promise<void> {
  const obstacles = FILE_SYSTEMS.map((one) => OwnDisk.powerObstacle(one))
  const obstacle = obstacles.find((one) => one !== undefined)
  if (obstacle !== undefined) {
    console.error(obstacle)
    process.exitCode = 2
    return
  }
  const whose = WHOSE.filter((one) => only === undefined || one === only)
  const kinds = whose.flatMap((one) => FILE_SYSTEMS.map((fileSystem) => ({ one, fileSystem })))
  const which = only === undefined ? '' : ` --only ${only}`
  const again = `npm run soak -- power-loss --seed ${seed} --minutes ${minutes}${which}`
  await soakRun(again, async (say) => {
    const until = performance.now() + Number(minutes) * 60_000
    const total = { cuts: 0, committed: 0 }
    let isLost = false
    for (let world = 0; performance.now() < until && !isLost; world += 1) {
      const { one, fileSystem } = present(kinds[world % kinds.length], 'a kind')
      const plan = { seed: Number(seed) + world, fileSystem, cuts: CUTS_OF_A_WORLD, say }
      const { cuts, committed, losses } = await runs[one](plan)
      total.cuts += cuts
      total.committed += committed
      for (const loss of losses) say(`LOST ${loss}`)
      isLost = losses.length > 0
      await endEverything()
    }
    say(`${isLost ? 'FAIL' : 'PASS'}, ${total.cuts} cuts, ${total.committed} transactions`)
    return { failed: isLost }
  })
}

export const powerLoss = new Command('power-loss')
  .description(
    'disks that lose power under load; each time what was acknowledged or served must be there',
  )
  .option('--seed <n>', 'what happens when', String(Date.now() % 1_000_000))
  .option('--minutes <n>', 'how long', '10')
  .addOption(new Option('--only <whose>', 'of a node alone or of a whole cluster').choices(WHOSE))
  .action(run)
