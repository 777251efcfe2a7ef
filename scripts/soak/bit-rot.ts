import { Command } from 'commander'
import { runBits } from '../../test/bit-rot/bit-run.ts'
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
    const result = await runBits({ seed: Number(seed), bitsEach, say })
    for (const problem of result.problems) say(`PROBLEM ${problem}`)
    const failed = result.problems.length > 0
    say(`${failed ? 'FAIL' : 'PASS'}, ${result.bits} bits`)
    return { failed }
  })
}

export const bitRot = new Command('bit-rot')
  .description('turns over each bit of a small store, one at a time, open and before it is opened')
  .option('--seed <n>', 'which bits, where they are not all', String(Date.now() % 1_000_000))
  .option('--bits <n>', 'about so many of each file, not all')
  .action(run)
