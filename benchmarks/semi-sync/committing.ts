/*
  Clients that commit at a source which waits for its one semi-sync replica.
*/
import { rootPassword, rootUser } from '../../test/e2e/harness/mysqld.ts'
import type { SemiSyncCounters } from '../../test/e2e/harness/semi-sync/counters.ts'
import type { ChildProgram } from '../client/child-program.ts'
import { connectionCount, rowsPerConnection } from '../corpus.ts'
import type { Run } from '../figures.ts'
import type { Committed, CommitterCommand, CommitterReport } from '../programs/committer.ts'
import { percentilesOf } from '../spread.ts'
import type { Stage } from '../stage.ts'
import type { SemiSyncReplica } from './replicas.ts'
import type { SemiSyncSource } from './source.ts'

const secondsAtScale1 = 3
const secondsLeast = 0.2
/** Before each run, with the same load; it also ends only when the replica has caught up. */
const warmUpSeconds = 0.5
const loneEveryMs = 20

export interface Load {
  readonly what: string
  readonly clients: number
  /** between two transactions of a client */
  readonly pauseMs: number
}

export const one: Load = { what: '1 client', clients: 1, pauseMs: 0 }
export const eight: Load = { what: '8 clients', clients: connectionCount, pauseMs: 0 }
export const lone: Load = { what: `one every ${loneEveryMs} ms`, clients: 1, pauseMs: loneEveryMs }

/** What the parties of one measurement share. */
export interface Bench {
  readonly stage: Stage
  readonly source: SemiSyncSource
  readonly program: ChildProgram<CommitterCommand, CommitterReport>
  readonly load: Load
}

/** No replica: what the source does alone. */
export async function runAlone(bench: Bench): Promise<Run> {
  const { run, before, after } = await measure(bench)
  if (after.yes !== before.yes || after.clients !== 0) throw new Error('a replica acknowledges')
  return run
}

export async function runWith(bench: Bench, replica: SemiSyncReplica): Promise<Run> {
  const { source, load } = bench
  await replica.attach()
  try {
    await source.enable()
    const { run, commits, before, after } = await measure(bench, replica)
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
  replica?: SemiSyncReplica,
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
  const cpuBefore = replica?.cpuSeconds() ?? 0
  const report = await program.ask({ kind: 'commit', seconds, pauseMs })
  const cpu = replica && replica.cpuSeconds() - cpuBefore
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
