import { Command } from 'commander'
import { runKills } from '../../test/crashes/kill-points/kill-run.ts'
import { describePoint, KILL_POINTS } from '../../test/crashes/kill-points/points.ts'
import { soakRun } from './soak-run.ts'

interface Options {
  readonly seed: string
  readonly rounds: string
  readonly only?: string
  readonly list?: boolean
}

function run({ seed, rounds, only, list }: Options): Promise<void> {
  const wanted = new RegExp(only ?? '')
  const points = Object.values(KILL_POINTS)
    .flat()
    .filter((point) => wanted.test(describePoint(point)))
  if (list === true) {
    for (const point of points) console.log(describePoint(point))
    return Promise.resolve()
  }
  const which = only === undefined ? '' : ` --only '${only}'`
  const again = `npm run soak -- kill-points --seed ${seed} --rounds ${rounds}${which}`
  return soakRun(again, async (say) => {
    const walk = Array.from({ length: Number(rounds) }, () => points).flat()
    const result = await runKills({ seed: Number(seed), points: walk, say })
    const { kills, committed, losses, unreached, unlisted } = result
    for (const loss of losses) say(`LOST ${loss}`)
    for (const point of unreached) say(`NOT REACHED ${describePoint(point)}`)
    for (const operation of unlisted) say(`NO POINT for '${operation}'`)
    const failed = losses.length + unreached.length + unlisted.length > 0
    say(`${failed ? 'FAIL' : 'PASS'}, ${kills} kills, ${committed} transactions`)
    return { failed }
  })
}

export const killPoints = new Command('kill-points')
  .description(
    'kill -9 at each change of the disk, before it, in its middle and after it, under load; ' +
      'each time what was acknowledged or served must be there',
  )
  .option('--seed <n>', 'which of the same changes', String(Date.now() % 1_000_000))
  .option('--rounds <n>', 'how often each', '1')
  .option('--only <pattern>', 'only points whose description matches this regular expression')
  .option('--list', 'the descriptions of the points')
  .action(run)
