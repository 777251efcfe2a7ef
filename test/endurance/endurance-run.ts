import { appendFileSync, mkdirSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { SeededRandom } from '../../src/platform/testing/seeded-random.ts'
import { compareBinlogs, serverDifferences } from '../e2e/harness/compare.ts'
import { pause, waitFor } from '../e2e/harness/wait.ts'
import { DumpFollower } from './dump-follower.ts'
import { runCycle } from './load-cycle.ts'
import { Parties, type PartySizes } from './parties.ts'
import { Probes } from './probes.ts'
import { Sampler } from './sampler.ts'
import { restartIn } from './schedule.ts'
import { SessionChurn } from './session-churn.ts'
import { quantile } from './trend.ts'
import { type CycleLatency, type MetricTrend, trendsOf } from './trends.ts'

export interface EndurancePlan extends PartySizes {
  readonly seed: number
  readonly cycles: number
  readonly cycleMs: number
  readonly bigTransactions: number
  readonly bigMegabytes: number
  readonly sampleMs: number
  readonly probeMs: number
  readonly churnRestMs: number
  /** JSON lines: one per sample and one per cycle */
  readonly samplesFile: string
  readonly say: (line: string) => void
}

export interface EnduranceResult {
  readonly committed: number
  readonly probes: number
  readonly filesCompared: number
  /** the first files have gone from Kingbus */
  readonly purged: boolean
  /** how often each kind of client came */
  readonly clients: Readonly<Record<string, number>>
  /** what went wrong or differs; nothing in a good run */
  readonly faults: string[]
  readonly trends: readonly MetricTrend[]
}

const catchUpMsMost = 120_000

/** What runs beside the load from the first cycle to the last one. */
interface Crew {
  readonly parties: Parties
  readonly probes: Probes
  readonly followers: readonly [kingbus: DumpFollower, source: DumpFollower]
  readonly churn: SessionChurn
  readonly sampler: Sampler
}

/** Mixed load with restarts of each party for so many cycles; what was measured, and what differs at the end. */
export async function runEndurance(plan: EndurancePlan): Promise<EnduranceResult> {
  mkdirSync(dirname(plan.samplesFile), { recursive: true })
  const crew = await startCrew(plan)
  const { parties, probes, churn, sampler } = crew
  const firstFile = parties.kingbus.binlogs()[0]?.name
  const faults: string[] = []
  const latencies: CycleLatency[] = []
  let committed = 0
  for (let cycle = 0; cycle < plan.cycles; cycle += 1) {
    sampler.cycle = cycle
    committed += await oneCycle(crew, plan, { cycle, faults })
    latencies.push(latencyOf(crew, cycle, restartIn(cycle, plan.cycles) !== undefined))
    appendFileSync(plan.samplesFile, `${JSON.stringify({ kind: 'cycle', ...latencies.at(-1) })}\n`)
    plan.say(progress(cycle, crew, latencies.at(-1)))
    if (!parties.kingbus.isRunning) throw new Error(`Kingbus ended: ${parties.kingbus.logTail()}`)
  }
  await Promise.all([probes.stop(), churn.stop(), sampler.stop()])
  const held = parties.kingbus.binlogs()[0]?.name
  const compared = await compareAll(crew)
  await Promise.all(crew.followers.map((follower) => follower.stop()))
  faults.push(
    ...sampler.faults,
    ...churn.surprises,
    ...compared.differences,
    ...errorLines(parties.kingbus.logFile),
  )
  return {
    committed,
    probes: probes.count,
    filesCompared: compared.files,
    purged: held !== firstFile,
    clients: churn.counts,
    faults,
    trends: trendsOf(sampler.samples, latencies),
  }
}

async function startCrew(plan: EndurancePlan): Promise<Crew> {
  const parties = await Parties.start(plan)
  const { source, kingbus } = parties
  const probes = await Probes.start(source, plan.probeMs)
  const file = (await source.binlogs())[0]?.name ?? ''
  const follow = (listener: 'kingbus' | 'source', port: number): DumpFollower =>
    DumpFollower.start({ port, serverId: 400, file, onEvent: probes.listen(listener) })
  return {
    parties,
    probes,
    followers: [follow('kingbus', kingbus.port), follow('source', source.port)],
    churn: SessionChurn.start({
      kingbus,
      lifetime: () => parties.lifetime,
      random: new SeededRandom(plan.seed),
      restMs: plan.churnRestMs,
    }),
    sampler: Sampler.start(parties, plan.samplesFile, plan.sampleMs),
  }
}

/** @returns transactions that the source has acknowledged */
async function oneCycle(
  { parties }: Crew,
  plan: EndurancePlan,
  { cycle, faults }: { cycle: number; faults: string[] },
): Promise<number> {
  const restart = restartIn(cycle, plan.cycles)
  const committed = await runCycle({
    ...plan,
    source: parties.source,
    seed: plan.seed * 1_000 + cycle * 10,
    meanwhile: async () => {
      if (restart === undefined) return
      plan.say(`cycle ${cycle}: ${restart.how} ${restart.party}`)
      faults.push(...(await parties.restart(restart)))
    },
  })
  await parties.purgeSource()
  return committed
}

function latencyOf({ probes, parties }: Crew, cycle: number, disturbed: boolean): CycleLatency {
  const window = probes.takeWindow()
  return {
    cycle,
    lifetime: parties.lifetime ?? -1,
    minute: parties.minute,
    disturbed,
    probes: window.probes,
    commitP50: quantile(window.commit, 0.5),
    viaSourceP50: quantile(window.viaSource, 0.5),
    viaSourceP99: quantile(window.viaSource, 0.99),
    viaKingbusP50: quantile(window.viaKingbus, 0.5),
    viaKingbusP99: quantile(window.viaKingbus, 0.99),
    addedP50: quantile(window.added, 0.5),
    addedP99: quantile(window.added, 0.99),
  }
}

function progress(cycle: number, { sampler }: Crew, latency: CycleLatency | undefined): string {
  const last = sampler.samples.at(-1)
  const mebibytes = (bytes = Number.NaN): string => `${(bytes / 2 ** 20).toFixed(0)} MiB`
  const ms = (value = Number.NaN): string => `${value.toFixed(1)} ms`
  return [
    `cycle ${cycle}: memory ${mebibytes(last?.rss)}`,
    `heap ${mebibytes(last?.heapUsed)}`,
    `${last?.fds} descriptors`,
    `${mebibytes(last?.diskBytes)} in ${last?.files} files`,
    `latency p50 ${ms(latency?.viaKingbusP50)}, p99 ${ms(latency?.viaKingbusP99)}`,
    `of it Kingbus's ${ms(latency?.addedP50)}, ${ms(latency?.addedP99)}`,
  ].join(', ')
}

/** Everything is at rest: replicas, clients and files against the source. */
async function compareAll(crew: Crew): Promise<{ files: number; differences: string[] }> {
  const { parties, probes } = crew
  const { source, kingbus, replicas } = parties
  const differences: string[] = []
  await kingbus.catchUpWith(source)
  for (const replica of replicas) {
    await replica.catchUpWith(source, catchUpMsMost)
    for (const what of await serverDifferences(source, replica.server)) {
      differences.push(`replica on port ${replica.server.port}: ${what}`)
    }
  }
  const explain = (): string => crew.followers.map(({ place }) => place).join(', ')
  const what = 'the last probe to arrive at both clients'
  await waitFor({ what, explain }, async () => probes.faults().length === 0).catch(() => {})
  differences.push(...probes.faults().slice(0, 20))
  await purgingEnds(parties)
  await parties.purgeSource()
  const files = await compareBinlogs(source, kingbus)
  for (const { name, what } of files.differences) differences.push(`${name}: ${what}`)
  return { files: files.files, differences }
}

/** Retention removes what the last transactions were too much; after that no file goes any more. */
async function purgingEnds({ kingbus }: Parties): Promise<void> {
  const lookMs = 3_000
  for (;;) {
    const before = kingbus.binlogs()[0]?.name
    await pause(lookMs)
    if (kingbus.binlogs()[0]?.name === before) return
  }
}

/** A restart makes warnings; an error needs the operator, and nothing here does. */
function errorLines(logFile: string): string[] {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  return lines.filter((line) => line.includes('"level":"error"')).slice(0, 20)
}
