import { Command } from 'commander'
import { keepCrash } from '../../test/fuzz/corpus.ts'
import { type Crash, fuzzTarget, runKept } from '../../test/fuzz/fuzz-run.ts'
import { runSessionFuzz } from '../../test/fuzz/session/session-run.ts'
import { runSourceFuzz } from '../../test/fuzz/session/source-run.ts'
import { canary } from '../../test/fuzz/targets/canary.ts'
import { makeStoredFolder } from '../../test/fuzz/targets/stored-folder.ts'
import { TARGETS, targetOf } from '../../test/fuzz/targets.ts'
import { Watchdog } from '../../test/fuzz/watchdog.ts'
import { soakRun } from './soak-run.ts'

/** A target has the machine for so long before the next one's turn comes. */
const TURN_MS = 5_000
const SAY_MS = 60_000

interface DecoderOptions {
  readonly seed: string
  readonly minutes: string
  readonly target?: string
  readonly input?: string
}

function report(crash: Crash): void {
  const { target, seed, index, input, thrown } = crash
  console.log(`FAIL ${target}: input ${index} of seed ${seed}, ${input.length} bytes`)
  console.log(thrown instanceof Error ? (thrown.stack ?? thrown.message) : thrown)
  if (target !== canary.name) console.log(`kept as ${keepCrash(target, input)}`)
  console.log(`run it again: ${commandOf(crash)}`)
  process.exitCode = 1
}

function commandOf({ target, seed, index }: Pick<Crash, 'target' | 'seed' | 'index'>): string {
  return `npm run soak -- fuzz decoders --target ${target} --seed ${seed} --input ${index}`
}

async function decoders(options: DecoderOptions): Promise<void> {
  const seed = Number(options.seed)
  const targets = options.target === undefined ? TARGETS : [targetOf(options.target)]
  await makeStoredFolder()
  for (const target of targets) {
    const { crash } = await runKept(target)
    if (crash !== undefined) return report(crash)
  }
  if (options.input !== undefined) {
    const index = Number(options.input)
    const plan = { seed, from: index, goOn: (at: number) => at === index }
    for (const target of targets) {
      const crash = await fuzzTarget(target, plan)
      if (crash !== undefined) return report(crash)
    }
    console.log('PASS, the input shows nothing')
    return
  }
  console.log(`npm run soak -- fuzz decoders --seed ${seed} --minutes ${options.minutes}`)
  const watchdog = new Watchdog(targets.map(({ name }) => `${name}, seed ${seed}:`))
  const until = performance.now() + Number(options.minutes) * 60_000
  const next = targets.map(() => 0)
  let saidAt = performance.now()
  for (let turn = 0; performance.now() < until; turn += 1) {
    const number = turn % targets.length
    const turnEnds = Math.min(until, performance.now() + TURN_MS)
    const goOn = (index: number): boolean => {
      watchdog.beat(number, index)
      next[number] = index
      return performance.now() < turnEnds
    }
    const [target] = targets.slice(number)
    if (target === undefined) break
    const crash = await fuzzTarget(target, { seed, from: next[number] ?? 0, goOn })
    if (crash !== undefined) {
      report(crash)
      break
    }
    if (performance.now() - saidAt < SAY_MS) continue
    saidAt = performance.now()
    const memory = Math.round(process.memoryUsage().rss / 2 ** 20)
    console.log(`${sum(next)} inputs so far, ${memory} MiB`)
  }
  await watchdog.close()
  for (const [index, { name }] of targets.entries()) console.log(`${name}: ${next[index]} inputs`)
  console.log(`${process.exitCode === 1 ? 'FAIL' : 'PASS'}, ${sum(next)} inputs`)
}

interface RunOptions {
  readonly seed: string
  readonly minutes: string
}

function session({ seed, minutes }: RunOptions): Promise<void> {
  const again = `npm run soak -- fuzz session --seed ${seed} --minutes ${minutes}`
  return soakRun(again, async (say) => {
    const ms = Number(minutes) * 60_000
    const result = await runSessionFuzz({ seed: Number(seed), ms, say })
    const { tally, seconds, witnessMs, problems } = result
    for (const [name, count] of tally.byAttack) say(`${count} times ${name}`)
    say(`${tally.errors} ERR packets came back, ${tally.closed} connections were closed by Kingbus`)
    say(`${Math.round(seconds)} s, peak memory ${Math.round(result.peakBytes / 2 ** 20)} MiB`)
    say(
      `the witness waited ${witnessMs.middle} ms, 99 of 100 times at most ${witnessMs.of99}, ${witnessMs.most} once`,
    )
    say(`${result.logBytes} bytes of log lines`)
    return verdictOf(problems, `${tally.packets} packets on ${tally.connections} connections`, say)
  })
}

function source({ seed, minutes }: RunOptions): Promise<void> {
  const again = `npm run soak -- fuzz source --seed ${seed} --minutes ${minutes}`
  return soakRun(again, async (say) => {
    const ms = Number(minutes) * 60_000
    const result = await runSourceFuzz({ seed: Number(seed), ms, say })
    const { peakBytes, errors, problems, spoilt, connections } = result
    say(`peak memory ${Math.round(peakBytes / 2 ** 20)} MiB; errors: ${errors.join(' ')}`)
    return verdictOf(problems, `spoilt ${spoilt} times on ${connections} connections`, say)
  })
}

function verdictOf(
  problems: readonly string[],
  what: string,
  say: (line: string) => void,
): { failed: boolean } {
  for (const problem of problems) say(`PROBLEM ${problem}`)
  const failed = problems.length > 0
  say(`${failed ? 'FAIL' : 'PASS'}, ${what}`)
  return { failed }
}

function sum(counts: readonly number[]): number {
  return counts.reduce((total, count) => total + count, 0)
}

export const fuzz = new Command('fuzz')
  .description("feeds strangers' bytes to everything that reads them")
  .addCommand(
    new Command('decoders')
      .description('mutated packets, events, files and statements, one target after the other')
      .option('--seed <n>', 'what the inputs are', String(Date.now() % 1_000_000))
      .option('--minutes <n>', 'how long', '10')
      .option('--target <name>', `one of ${TARGETS.map(({ name }) => name).join(', ')}, canary`)
      .option('--input <n>', 'this one input only, as a failure names it')
      .action(decoders),
  )
  .addCommand(
    new Command('session')
      .description('a real process between real servers, with hostile clients on its ports')
      .option('--seed <n>', 'what is sent', String(Date.now() % 1_000_000))
      .option('--minutes <n>', 'how long', '10')
      .action(session),
  )
  .addCommand(
    new Command('source')
      .description('a real process behind a real source, whose words are spoilt on their way')
      .option('--seed <n>', 'what is spoilt', String(Date.now() % 1_000_000))
      .option('--minutes <n>', 'how long', '5')
      .action(source),
  )
