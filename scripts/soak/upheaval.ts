import { Command } from 'commander'
import { runUpheaval } from '../../test/e2e/harness/upheaval-run.ts'
import { soakRun } from './soak-run.ts'

/** Everything is compared every ten rounds. */
const compareEvery = 10

function run(options: { seed: string; rounds: string }): Promise<void> {
  const plan = { seed: Number(options.seed), rounds: Number(options.rounds) }
  const again = `npm run soak -- upheaval --seed ${plan.seed} --rounds ${plan.rounds}`
  return soakRun(again, async (say) => {
    const { differences, committed } = await runUpheaval({ ...plan, compareEvery, say })
    for (const difference of differences) say(`DIFFERENT ${difference}`)
    const failed = differences.length > 0
    say(`${failed ? 'FAIL' : 'PASS'}, ${committed} transactions`)
    return { failed }
  })
}

export const upheaval = new Command('upheaval')
  .description(
    'kills, stops and cuts off every party under load, and compares everything every ten rounds',
  )
  .option('--seed <n>', 'what happens when', String(Date.now() % 1_000_000))
  .option('--rounds <n>', 'how many disturbances', '500')
  .action(run)
