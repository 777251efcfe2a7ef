/*
  npm run soak -- [--seed N] [--rounds N]

  Kills, stops and cuts off every party under load, round after round, and compares everything every
  ten rounds. Ends at the first difference, with the seed that shows it again.
*/
import { parseArgs } from 'node:util'
import { endEverything } from '../test/e2e/harness/child.ts'
import { runUpheaval } from '../test/e2e/harness/upheaval-run.ts'

const { values } = parseArgs({
  options: {
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
    rounds: { type: 'string', default: '500' },
  },
})
const plan = { seed: Number(values.seed), rounds: Number(values.rounds) }
const again = `npm run soak -- --seed ${plan.seed} --rounds ${plan.rounds}`
console.log(again)
try {
  const result = await runUpheaval({ ...plan, compareEvery: 10, say: (line) => console.log(line) })
  for (const difference of result.differences) console.log(`DIFFERENT ${difference}`)
  process.exitCode = result.differences.length === 0 ? 0 : 1
  console.log(`${process.exitCode === 0 ? 'PASS' : 'FAIL'}, ${result.committed} transactions`)
} catch (thrown) {
  console.error(thrown)
  process.exitCode = 1
}
if (process.exitCode !== 0) console.log(`run it again: ${again}`)
await endEverything()
