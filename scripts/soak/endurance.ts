import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { cacheFolder } from '../../test/e2e/harness/project.ts'
import { runEndurance } from '../../test/endurance/endurance-run.ts'
import { conclusions, summary } from '../../test/endurance/summary.ts'
import { soakRun } from './soak-run.ts'

const cycleMs = 60_000

function run(options: { minutes: string; seed: string }): Promise<void> {
  const [minutes, seed] = [Number(options.minutes), Number(options.seed)]
  const again = `npm run soak -- endurance --minutes ${minutes} --seed ${seed}`
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const base = join(cacheFolder, 'endurance', stamp)
  return soakRun(again, async (say) => {
    say(`samples: ${base}.jsonl`)
    const result = await runEndurance({
      seed,
      cycles: minutes,
      cycleMs,
      binlogSize: '16M',
      retentionSize: '256MiB',
      bigTransactions: 4,
      bigMegabytes: 16,
      sampleMs: 5_000,
      probeMs: 100,
      churnRestMs: 100,
      samplesFile: `${base}.jsonl`,
      say,
    })
    writeFileSync(`${base}.json`, `${JSON.stringify(result, undefined, 1)}\n`)
    say(`${summary(result)}\nresult: ${base}.json`)
    const { failures, notes } = conclusions(result)
    for (const note of notes) say(`NOTE ${note}`)
    for (const reason of failures) say(`FAIL ${reason}`)
    if (failures.length === 0) say('PASS')
    return { failed: failures.length > 0 }
  })
}

export const endurance = new Command('endurance')
  .description(
    'mixed load with restarts of each party; memory, file descriptors and latency must stay flat',
  )
  .option('--minutes <n>', 'how long, one cycle of load a minute; 20 and more are judged', '60')
  .option('--seed <n>', 'what the load and the clients do', String(Date.now() % 1_000_000))
  .action(run)
