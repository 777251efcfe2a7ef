import { Command } from 'commander'
import { allFaults } from '../../test/cluster-faults/all-faults.ts'
import { runFaults } from '../../test/cluster-faults/fault-run.ts'
import { OwnDisk } from '../../test/e2e/harness/disks/own-disk.ts'
import { BridgedNetwork } from '../../test/e2e/harness/network/bridged-network.ts'
import { soakRun } from './soak-run.ts'

interface Options {
  readonly seed: string
  readonly rounds?: string
  readonly only?: string
  readonly list?: boolean
}

async function run({ seed, rounds, only, list }: Options): Promise<void> {
  if (list === true) {
    for (const { name } of allFaults) console.log(name)
    return
  }
  const wanted = allFaults.filter(({ name }) => only === undefined || new RegExp(only).test(name))
  const noNetwork = BridgedNetwork.obstacle()
  if (wanted.length === 0 || noNetwork !== undefined) {
    console.error(noNetwork ?? `no fault's name matches '${only}': --list shows them`)
    process.exitCode = 2
    return
  }
  const noDisk = await OwnDisk.obstacle()
  const faults = wanted.filter(
    ({ needsOwnDisks }) => needsOwnDisks !== true || noDisk === undefined,
  )
  const count = Number(rounds ?? faults.length)
  const which = only === undefined ? '' : ` --only '${only}'`
  const again = `npm run soak -- faults --seed ${seed} --rounds ${count}${which}`
  await soakRun(again, async (say) => {
    if (faults.length < wanted.length) say(`faults of disks are left out: ${noDisk}`)
    const plan = { seed: Number(seed), rounds: count, faults, replicas: 2, say }
    const { differences, committed } = await runFaults(plan)
    for (const difference of differences) say(`DIFFERENT ${difference}`)
    const failed = differences.length > 0
    say(`${failed ? 'FAIL' : 'PASS'}, ${committed} transactions`)
    return { failed }
  })
}

export const faults = new Command('faults')
  .description(
    'kills, hangs, partitions and worse for the nodes of a cluster, each on a machine of its own, under load; ' +
      'everything is compared after each',
  )
  .option('--seed <n>', 'what happens when', String(Date.now() % 1_000_000))
  .option('--rounds <n>', 'how many faults; default is each once')
  .option('--only <pattern>', 'only faults whose name matches this regular expression')
  .option('--list', 'the names of the faults')
  .action(run)
