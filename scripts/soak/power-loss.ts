import { Command, Option } from 'commander'
import { runOneNode } from '../../test/crashes/power-loss/one-node-run.ts'
import { endEverything } from '../../test/e2e/harness/child.ts'
import { OwnDisk } from '../../test/e2e/harness/own-disk.ts'
import { soakRun } from './soak-run.ts'

const FILE_SYSTEMS = ['ext4', 'xfs'] as const
/** A new source and an empty node after so many. */
const CUTS_OF_A_WORLD = 20

interface Options {
  readonly seed: string
  readonly minutes: string
  readonly only?: (typeof FILE_SYSTEMS)[number]
}

async function run({ seed, minutes, only }: Options): Promise<void> {
  const wanted = FILE_SYSTEMS.filter((one) => only === undefined || one === only)
  const obstacles = wanted
    .map((one) => OwnDisk.powerObstacle(one))
    .filter((one) => one !== undefined)
  if (obstacles.length > 0) {
    for (const obstacle of obstacles) console.error(obstacle)
    process.exitCode = 2
    return
  }
  const which = only === undefined ? '' : ` --only ${only}`
  const again = `npm run soak -- power-loss --seed ${seed} --minutes ${minutes}${which}`
  await soakRun(again, async (say) => {
    const until = performance.now() + Number(minutes) * 60_000
    const total = { cuts: 0, committed: 0 }
    let isLost = false
    for (let world = 0; performance.now() < until; world += 1) {
      const fileSystem = wanted[world % wanted.length] ?? 'ext4'
      const plan = { seed: Number(seed) + world, fileSystem, cuts: CUTS_OF_A_WORLD, say }
      const { cuts, committed, losses } = await runOneNode(plan)
      total.cuts += cuts
      total.committed += committed
      for (const loss of losses) say(`LOST ${loss}`)
      isLost = losses.length > 0
      if (isLost) break
      await endEverything()
    }
    const failed = isLost
    say(`${failed ? 'FAIL' : 'PASS'}, ${total.cuts} cuts, ${total.committed} transactions`)
    return { failed }
  })
}

export const powerLoss = new Command('power-loss')
  .description(
    'disks that lose power under load; each time what was acknowledged or served must be there',
  )
  .option('--seed <n>', 'what happens when', String(Date.now() % 1_000_000))
  .option('--minutes <n>', 'how long', '10')
  .addOption(new Option('--only <what>', 'one of them').choices(FILE_SYSTEMS))
  .action(run)
