import { Command } from 'commander'
import { endEverything } from '../../test/e2e/harness/child.ts'
import { runUpheaval } from '../../test/e2e/harness/upheaval-run.ts'

/** Everything is compared every ten rounds. */
const compareEvery = 10

async function run(options: { seed: string; rounds: string }): Promise<void> {
  const plan = { seed: Number(options.seed), rounds: Number(options.rounds) }
  const again = `npm run soak -- upheaval --seed ${plan.seed} --rounds ${plan.rounds}`
  console.log(again)
  try {
    const result = await runUpheaval({ ...plan, compareEvery, say: (line) => console.log(line) })
    for (const difference of result.differences) console.log(`DIFFERENT ${difference}`)
    process.exitCode = result.differences.length === 0 ? 0 : 1
    console.log(`${process.exitCode === 0 ? 'PASS' : 'FAIL'}, ${result.committed} transactions`)
  } catch (thrown) {
    console.error(thrown)
    process.exitCode = 1
  }
  if (process.exitCode !== 0) console.log(`run it again: ${again}`)
  await endEverything()
}

export const upheaval = new Command('upheaval')
  .description(
    'kills, stops and cuts off every party under load, and compares everything every ten rounds',
  )
  .option('--seed <n>', 'what happens when', String(Date.now() % 1_000_000))
  .option('--rounds <n>', 'how many disturbances', '500')
  .action(run)
