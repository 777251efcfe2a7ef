import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { endEverything } from '../../test/e2e/harness/child.ts'
import { cacheFolder } from '../../test/e2e/harness/project.ts'
import { runEndurance } from '../../test/endurance/endurance-run.ts'
import { conclusions, summary } from '../../test/endurance/summary.ts'

const cycleMs = 60_000

async function run(options: { minutes: string; seed: string }): Promise<void> {
  const [minutes, seed] = [Number(options.minutes), Number(options.seed)]
  const again = `npm run soak -- endurance --minutes ${minutes} --seed ${seed}`
  const stamp = new Date().toISOString().replaceAll(/[:.]/g, '-')
  const base = join(cacheFolder, 'endurance', stamp)
  console.log(`${again}\nsamples: ${base}.jsonl`)
  try {
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
      say: (line) => console.log(line),
    })
    writeFileSync(`${base}.json`, `${JSON.stringify(result, undefined, 1)}\n`)
    console.log(`${summary(result)}\nresult: ${base}.json`)
    const { failures, notes } = conclusions(result)
    for (const note of notes) console.log(`NOTE ${note}`)
    for (const reason of failures) console.log(`FAIL ${reason}`)
    if (failures.length === 0) console.log('PASS')
    process.exitCode = failures.length === 0 ? 0 : 1
  } catch (thrown) {
    console.error(thrown)
    process.exitCode = 1
  }
  if (process.exitCode !== 0) console.log(`run it again: ${again}`)
  await endEverything()
}

export const endurance = new Command('endurance')
  .description(
    'mixed load with restarts of each party; memory, file descriptors and latency must stay flat',
  )
  .option('--minutes <n>', 'how long, one cycle of load a minute; 20 and more are judged', '60')
  .option('--seed <n>', 'what the load and the clients do', String(Date.now() % 1_000_000))
  .action(run)
