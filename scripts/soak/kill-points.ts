import { Command, Option } from 'commander'
import { present } from '../../src/lib/index.ts'
import { runClusterKills } from '../../test/crashes/kill-points/cluster/cluster-kill-run.ts'
import {
  CLUSTER_KILL_POINTS,
  describeClusterPoint,
} from '../../test/crashes/kill-points/cluster/cluster-points.ts'
import { type KillResult, runKills } from '../../test/crashes/kill-points/kill-run.ts'
import { describePoint, KILL_POINTS } from '../../test/crashes/kill-points/points.ts'
import { soakRun } from './soak-run.ts'

const WHOSE = ['one-node', 'three-nodes'] as const

interface Options {
  readonly seed: string
  readonly rounds: string
  readonly whose: (typeof WHOSE)[number]
  readonly only?: string
  readonly list?: boolean
}

interface Run {
  readonly names: readonly string[]
  /** What came of the points with these numbers, in this order. */
  readonly start: (seed: number, walk: readonly number[], say: Say) => Promise<Outcome>
}

type Say = (line: string) => void

interface Outcome {
  readonly kills: number
  readonly committed: number
  readonly losses: readonly string[]
  readonly unreached: readonly string[]
  readonly unlisted: readonly string[]
}

function runOf<Point>(
  points: readonly Point[],
  describe: (point: Point) => string,
  kill: (plan: {
    readonly seed: number
    readonly points: readonly Point[]
    readonly say: Say
  }) => Promise<KillResult<Point>>,
): Run {
  return {
    names: points.map(describe),
    start: async (seed, walk, say) => {
      const chosen = walk.map((number) => present(points[number], 'a point'))
      const result = await kill({ seed, points: chosen, say })
      return { ...result, unreached: result.unreached.map(describe) }
    },
  }
}

const runs: Readonly<Record<(typeof WHOSE)[number], Run>> = {
  'one-node': runOf(Object.values(KILL_POINTS).flat(), describePoint, runKills),
  'three-nodes': runOf(CLUSTER_KILL_POINTS, describeClusterPoint, runClusterKills),
}

function run({ seed, rounds, whose, only, list }: Options): Promise<void> {
  const { names, start } = runs[whose]
  const wanted = new RegExp(only ?? '')
  const numbers = names.flatMap((name, number) => (wanted.test(name) ? [number] : []))
  if (list === true) {
    for (const number of numbers) console.log(names[number])
    return Promise.resolve()
  }
  const which = only === undefined ? '' : ` --only '${only}'`
  const again = `npm run soak -- kill-points --whose ${whose} --seed ${seed} --rounds ${rounds}${which}`
  return soakRun(again, async (say) => {
    const walk = Array.from({ length: Number(rounds) }, () => numbers).flat()
    const { kills, committed, losses, unreached, unlisted } = await start(Number(seed), walk, say)
    for (const loss of losses) say(`LOST ${loss}`)
    for (const name of unreached) say(`NOT REACHED ${name}`)
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
  .addOption(
    new Option('--whose <whose>', 'of a node alone or of one of a cluster')
      .choices(WHOSE)
      .default('one-node'),
  )
  .option('--rounds <n>', 'how often each', '1')
  .option('--only <pattern>', 'only points whose description matches this regular expression')
  .option('--list', 'the descriptions of the points')
  .action(run)
