import { rootPassword, rootUser } from '../../test/e2e/harness/mysqld.ts'
import type { SemiSyncCounters } from '../../test/e2e/harness/semi-sync.ts'
import { alternate } from '../alternate.ts'
import { ChildProgram } from '../client/child-program.ts'
import { connectionCount, rowsPerConnection } from '../corpus.ts'
import type { Run } from '../figures.ts'
import { cpuSeconds } from '../process-usage.ts'
import type { Committed, CommitterCommand, CommitterReport } from '../programs/committer.ts'
import type { Goal, Measured, Scenario } from '../scenario.ts'
import {
  durableReplica,
  pageCacheReplica,
  type SemiSyncReplica,
  startReplicas,
} from '../semi-sync/replicas.ts'
import { SemiSyncSource } from '../semi-sync/source.ts'
import { percentilesOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import { withDurableSource } from './live.ts'

const secondsAtScale1 = 3
const secondsLeast = 0.2
/** Before each run, with the same load; it also ends only when the replica has caught up. */
const warmUpSeconds = 0.5
const loneEveryMs = 20

interface Load {
  readonly what: string
  readonly clients: number
  /** between two transactions of a client */
  readonly pauseMs: number
}

const one: Load = { what: '1 client', clients: 1, pauseMs: 0 }
const eight: Load = { what: '8 clients', clients: connectionCount, pauseMs: 0 }
const lone: Load = { what: `one every ${loneEveryMs} ms`, clients: 1, pauseMs: loneEveryMs }

type Program = ChildProgram<CommitterCommand, CommitterReport>

/** What the parties of one measurement share. */
interface Bench {
  readonly stage: Stage
  readonly source: SemiSyncSource
  readonly program: Program
  readonly load: Load
}

function goalsOf(
  who: string,
  words: string,
  least: readonly [number, number],
  aim = false,
): Goal[] {
  return [one, eight].map(({ what }, index) => ({
    what,
    says: `commits of ${what}: by those with ${words}`,
    figure: (of) => {
      return of('kingbus', 'transactionsPerSecond').median / of(who, 'transactionsPerSecond').median
    },
    least: least[index] ?? Number.NaN,
    ...(aim ? { aim } : {}),
  }))
}

/** No replica: what the source does alone. */
async function runAlone(bench: Bench): Promise<Run> {
  const { run, before, after } = await measure(bench)
  if (after.yes !== before.yes || after.clients !== 0) throw new Error('a replica acknowledges')
  return run
}

async function runWith(bench: Bench, replica: SemiSyncReplica): Promise<Run> {
  const { source, load } = bench
  await replica.attach()
  try {
    await source.enable()
    const { run, commits, before, after } = await measure(bench, replica.pid)
    checkAcknowledged(before, after, commits / load.clients)
    return run
  } finally {
    await source.disable()
    await replica.detach()
    await source.dropReplicas()
  }
}

/** The source has waited for this one replica all the time, or the figures say nothing. */
function checkAcknowledged(before: SemiSyncCounters, after: SemiSyncCounters, least: number): void {
  const isWell = ({ clients, on }: SemiSyncCounters): boolean => clients === 1 && on
  const acknowledged = after.yes - before.yes
  if (isWell(before) && isWell(after) && after.no === before.no && acknowledged >= least) return
  const counters = JSON.stringify({ before, after })
  throw new Error(`the source did not wait for each commit's acknowledgement: ${counters}`)
}

async function measure(
  { stage, source, program, load }: Bench,
  pid?: number,
): Promise<{ run: Run; commits: number; before: SemiSyncCounters; after: SemiSyncCounters }> {
  const seconds = Math.max(secondsLeast, secondsAtScale1 * Math.min(1, stage.scale))
  const { clients, pauseMs } = load
  const address = {
    port: stage.corpus.server.socketFile,
    user: rootUser,
    password: rootPassword,
    tls: false,
  }
  const before = await source.counters()
  await program.ask({ kind: 'open', address, clients, rows: rowsPerConnection })
  await program.ask({ kind: 'commit', seconds: Math.min(seconds, warmUpSeconds), pauseMs })
  const cpuBefore = pid === undefined ? 0 : cpuSeconds(pid)
  const report = await program.ask({ kind: 'commit', seconds, pauseMs })
  const cpu = pid === undefined ? undefined : cpuSeconds(pid) - cpuBefore
  await program.ask({ kind: 'close' })
  const after = await source.counters()
  if (report.kind !== 'committed') throw new Error(`the clients say ${report.kind}`)
  return { run: figuresOf(report, load, cpu), commits: report.commitMs.length, before, after }
}

function figuresOf(report: Committed, { pauseMs }: Load, cpu: number | undefined): Run {
  const commits = report.commitMs.length
  return {
    // The pauses would decide a rate.
    ...(pauseMs > 0 ? {} : { transactionsPerSecond: commits / report.seconds }),
    ...(cpu === undefined ? {} : { cpuPerThousand: (cpu / commits) * 1000 }),
    clientCpuPerThousand: (report.cpuSeconds / commits) * 1000,
    ...percentilesOf(report.commitMs),
  }
}

async function measureAll(stage: Stage): Promise<Measured[]> {
  const { server } = stage.corpus
  const source = new SemiSyncSource(server)
  await stage.removeKingbus()
  await source.install()
  const replicas = await startReplicas(server)
  const program: Program = new ChildProgram('committer')
  try {
    const measured: Measured[] = []
    for (const load of [one, eight, lone]) {
      const bench = { stage, source, program, load }
      await source.dropReplicas()
      const parties = [
        { who: 'no replica', run: () => runAlone(bench) },
        ...replicas.all.map((replica) => ({
          who: replica.who,
          run: () => runWith(bench, replica),
        })),
      ]
      const rounds = { repeats: stage.repeats, warmUps: load === one ? 1 : 0 }
      measured.push(...(await alternate(load.what, parties, rounds)))
    }
    return measured
  } finally {
    program.close()
    await replicas.remove()
    await source.uninstall()
  }
}

export const commits: Scenario = {
  name: 'commits',
  measures:
    "transactions as sysbench's oltp_write_only on a durable source that waits until its one semi-sync replica " +
    '(mysqld: receiver only) has acknowledged: their rate, how long a COMMIT takes, and the CPU of who acknowledges',
  shapes: ['small'],
  goals: [
    ...goalsOf(durableReplica, 'a durable mysqld', [1.5, 3.5]),
    ...goalsOf(
      pageCacheReplica,
      'a mysqld that acknowledges from the page cache',
      [0.8, 0.8],
      true,
    ),
  ],
  run: (stage) => withDurableSource(stage, () => measureAll(stage)),
}
