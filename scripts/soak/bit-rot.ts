import { Command } from 'commander'
import { runBits } from '../../test/bit-rot/bit-run.ts'
import { runLogBits } from '../../test/bit-rot/log-run.ts'
import { soakRun } from './soak-run.ts'

interface Options {
  readonly seed: string
  readonly bits?: string
}

function run({ seed, bits }: Options): Promise<void> {
  const some = bits === undefined ? '' : ` --bits ${bits}`
  const again = `npm run soak -- bit-rot --seed ${seed}${some}`
  return soakRun(again, async (say) => {
    const bitsEach = bits === undefined ? undefined : Number(bits)
    const options = { seed: Number(seed), bitsEach, say }
    const results = [await runLogBits(options), await runBits(options)]
    const problems = results.flatMap((result) => result.problems)
    for (const problem of problems) say(`PROBLEM ${problem}`)
    const failed = problems.length > 0
    const [ofLog, ofStore] = results.map(({ bits }) => bits)
    say(
      `${failed ? 'FAIL' : 'PASS'}, ${ofLog} bits of a cluster's node, ${ofStore} of one that is alone`,
    )
    return { failed }
  })
}

export const bitRot = new Command('bit-rot')
  .description(
    'turns over each bit of a small store, one at a time: of a node in a cluster, and of one that is alone',
  )
  .option('--seed <n>', 'which bits, where they are not all', String(Date.now() % 1_000_000))
  .option('--bits <n>', 'about so many of each file, not all')
  .action(run)
